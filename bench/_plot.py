"""Plots as SVG files: bars against their ceilings, and curves over the size of a collection."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape
from typing import Final

from bench._figures import BenchResult, QueryFigure, Result, ScaleResult

__all__ = ["plot_of", "query_plot", "scale_plot"]

_WIDTH: Final = 980
_LABELS: Final = 330
_ROW: Final = 22
_TOP: Final = 64
_PANEL_HEIGHT: Final = 220
_COLOURS: Final = ("#1565c0", "#c62828")
_BAR, _CEILING = _COLOURS
#: Of text: a heading, or a small one beside a mark.
_HEADING: Final = 'font-weight="600"'
_SMALL: Final = 'fill="#666" font-size="12"'
#: Of lines: an axis', or a ceiling.
_AXIS: Final = 'stroke="#ddd"'
_TOPMOST: Final = f'stroke="{_CEILING}" stroke-width="3"'

Scale = Callable[[float], float]


def plot_of(result: Result) -> str:
    """The one for the result."""
    return query_plot(result) if isinstance(result, BenchResult) else scale_plot(result)


def query_plot(result: BenchResult) -> str:
    """A bar for each kind of question and number of clients, on a logarithmic axis; a line at its ceiling."""
    tops = [value for figure in result.queries for value in (_rate(figure), _ceiling(figure)) if value]
    low, high = _decades(tops)
    right = _WIDTH - 70

    def x(value: float) -> float:
        return _LABELS + (right - _LABELS) * (math.log10(value) - low) / (high - low)

    height = _TOP + _ROW * len(result.queries) + 16
    parts = [_text(_LABELS, 26, "requests a second; the line: the same work without the service", _HEADING)]
    for decade in range(low, high + 1):
        across = x(10**decade)
        parts.append(_line(across, _TOP - 8, across, height - 12, _AXIS))
        parts.append(_text(across, _TOP - 14, f"{10**decade:,}", _SMALL, anchor="middle"))
    for number, figure in enumerate(result.queries):
        parts += _bar(figure, y=_TOP + _ROW * number, x=x)
    return _svg("Requests a second by kind of question and clients", height, parts)


def _bar(figure: QueryFigure, *, y: float, x: Scale) -> list[str]:
    rate, ceiling = _rate(figure), _ceiling(figure)
    clients = "1 client" if figure.clients == 1 else f"{figure.clients} clients"
    parts = [
        _text(_LABELS - 10, y + 13, f"{figure.name}, {clients}", _SMALL, anchor="end"),
        f'<rect fill="{_BAR}" x="{_LABELS}" y="{y + 3:.1f}" width="{x(rate) - _LABELS:.1f}" height="13"/>',
    ]
    if ceiling:
        parts.append(_line(x(ceiling), y + 1, x(ceiling), y + 18, _TOPMOST))
    beside = max(x(rate), x(ceiling) if ceiling and abs(x(ceiling) - x(rate)) < 50 else 0)
    return [*parts, _text(beside + 6, y + 14, f"{rate:,.0f}", _SMALL)]


def _rate(figure: QueryFigure) -> float:
    return statistics.median(figure.per_second)


def _ceiling(figure: QueryFigure) -> float | None:
    return statistics.median(figure.ceiling.values) if figure.ceiling.values else None


@dataclass(frozen=True, slots=True)
class _Panel:
    """lines: name and a value for each step. least: where the axis begins."""

    title: str
    lines: Sequence[tuple[str, Sequence[float]]]
    least: float = 0.0


def scale_plot(result: ScaleResult) -> str:
    """Four curves over the number of chunks, which is on a logarithmic axis."""
    steps = result.steps
    panels = (
        _Panel("a search, ms", [("p50", [one.p50 for one in steps]), ("p95", [one.p95 for one in steps])]),
        _Panel("recall@10", [("", [one.recall for one in steps])], least=0.9),
        _Panel("building the index, s", [("", [one.build for one in steps])]),
        _Panel(
            "chunks a second",
            [
                ("without index", [one.loaded for one in steps]),
                ("into the index", [one.inserts for one in steps]),
            ],
        ),
    )
    sizes = [step.chunks for step in steps]
    parts: list[str] = []
    for number, panel in enumerate(panels):
        parts += _panel(panel, sizes, left=60 + 480 * (number % 2), top=30 + _PANEL_HEIGHT * (number // 2))
    return _svg("Search, recall, index and inserts by the number of chunks", 2 * _PANEL_HEIGHT + 30, parts)


def _panel(panel: _Panel, sizes: Sequence[int], *, left: float, top: float) -> list[str]:
    width, height = 340.0, _PANEL_HEIGHT - 70.0
    low, high = _decades(sizes)
    most = max(max(values) for _, values in panel.lines)
    least = min(panel.least, *(min(values) for _, values in panel.lines)) if panel.least else 0.0
    span = (most - least) or 1.0

    def x(size: float) -> float:
        return left + width * (math.log10(size) - low) / (high - low)

    def y(value: float) -> float:
        return top + 20 + height * (1 - (value - least) / span)

    parts = [_text(left, top + 4, panel.title, _HEADING)]
    for decade in range(low, high + 1):
        parts.append(_line(x(10**decade), y(most), x(10**decade), y(least), _AXIS))
        parts.append(_text(x(10**decade), y(least) + 16, f"{10**decade:,}", _SMALL, anchor="middle"))
    for value in (least, most):
        parts.append(_line(left, y(value), left + width, y(value), _AXIS))
        parts.append(_text(left - 6, y(value) + 4, _number(value), _SMALL, anchor="end"))
    for colour, (name, values) in zip(_COLOURS, panel.lines, strict=False):
        places = [(x(size), y(value)) for size, value in zip(sizes, values, strict=True)]
        drawn = " ".join(f"{across:.1f},{up:.1f}" for across, up in places)
        parts.append(f'<polyline points="{drawn}" fill="none" stroke="{colour}" stroke-width="2"/>')
        parts += [
            f'<circle cx="{across:.1f}" cy="{up:.1f}" r="3.5" fill="{colour}"/>' for across, up in places
        ]
        parts.append(_text(places[-1][0] + 8, places[-1][1] + 4, name, _SMALL))
    return parts


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def _decades(values: Sequence[float]) -> tuple[int, int]:
    """The powers of ten around them, two at least."""
    low = math.floor(math.log10(min(values)))
    return low, max(math.ceil(math.log10(max(values))), low + 1)


def _line(x1: float, y1: float, x2: float, y2: float, style: str) -> str:
    return f'<line {style} x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"/>'


def _text(x: float, y: float, text: str, style: str, *, anchor: str = "start") -> str:
    return f'<text {style} x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(text)}</text>'


def _svg(title: str, height: float, parts: Sequence[str]) -> str:
    drawn = "\n".join(parts)
    return f"""\
<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height:.0f}" font-size="14" fill="#333"
 font-family="system-ui, sans-serif" role="img" aria-labelledby="t">
<title id="t">{escape(title)}</title>
<rect width="{_WIDTH}" height="{height:.0f}" fill="#fff"/>
{drawn}
</svg>
"""
