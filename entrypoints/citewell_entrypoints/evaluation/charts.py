"""Plots as inline SVG without anything from elsewhere; colours are classes of the page's style."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Final

from citewell.evaluation import Interval

__all__ = ["bars", "curves", "intervals"]

#: Of all plots, in pixels at their natural size.
_WIDTH: Final = 640
_LEFT, _RIGHT, _TOP, _BOTTOM = 130, 70, 10, 34
_ROW: Final = 26
_HEIGHT: Final = 240
_SERIES: Final = 4
#: More points than pixels draw nothing more.
_MOST_POINTS: Final = 400

Points = Sequence[tuple[float, float]]


def intervals(rows: Sequence[tuple[str, int, Interval]], *, title: str) -> str:
    """A dot and a whisker a row, on an axis from 0 to 1. rows: label, number of its colour, interval."""
    height = _TOP + _ROW * len(rows) + _BOTTOM
    marks = []
    for number, (label, colour, interval) in enumerate(rows):
        y = _TOP + _ROW * (number + 0.5)
        low, mean, high = (_x(value, 1.0) for value in (interval.low, interval.mean, interval.high))
        marks.append(
            f'<text x="{_LEFT - 10}" y="{y + 4:.1f}" text-anchor="end">{escape(label)}</text>'
            f'<g class="s{colour % _SERIES}"><line x1="{low:.1f}" x2="{high:.1f}" y1="{y:.1f}" y2="{y:.1f}"/>'
            f'<circle cx="{mean:.1f}" cy="{y:.1f}" r="4"/></g>'
            f'<text x="{high + 8:.1f}" y="{y + 4:.1f}">{interval.mean:.3f}</text>'
        )
    return _svg(title, height, _axis(1.0, height) + "".join(marks))


def curves(series: Mapping[str, Points], *, title: str, x: str, y: str) -> str:
    """A line a series, from the origin to the largest values. x, y: what the axes are.

    Values are not negative.
    """
    right = max((point[0] for points in series.values() for point in points), default=0.0) or 1.0
    top = max((point[1] for points in series.values() for point in points), default=0.0) or 1.0
    lines, legend = [], []
    for number, (label, points) in enumerate(series.items()):
        drawn = " ".join(f"{_x(across, right):.1f},{_y(up, top):.1f}" for across, up in _thinned(points))
        lines.append(f'<g class="s{number % _SERIES}"><polyline points="{drawn}"/></g>')
        legend.append(
            f'<g class="s{number % _SERIES}"><circle cx="14" cy="{_TOP + 40 + 20 * number}" r="4"/></g>'
            f'<text x="24" y="{_TOP + 44 + 20 * number}">{escape(label)}</text>'
        )
    names = (
        f'<text x="4" y="{_TOP + 14}">{escape(y)}</text>'
        f'<text x="{_LEFT - 10}" y="{_y(top, top) + 4:.1f}" text-anchor="end">{_number(top)}</text>'
        f'<text x="{_LEFT - 10}" y="{_y(0, top) + 4:.1f}" text-anchor="end">0</text>'
    )
    return _svg(title, _HEIGHT, _axis(right, _HEIGHT, x) + names + "".join(lines) + "".join(legend))


def bars(values: Sequence[float], *, title: str, x: str) -> str:
    """A bar a value, up where it is above 0 and down where it is below.

    values: in [-1, 1]; x: what they are.
    """
    middle = (_TOP + _HEIGHT - _BOTTOM) / 2
    reach = middle - _TOP
    step = (_WIDTH - _LEFT - _RIGHT) / max(len(values), 1)
    drawn = "".join(
        f'<rect class="{"up" if value > 0 else "down"}" x="{_LEFT + number * step:.1f}" '
        f'y="{middle - max(value, 0) * reach:.1f}" width="{max(step - 0.5, 0.5):.1f}" '
        f'height="{abs(value) * reach:.1f}"/>'
        for number, value in enumerate(values)
    )
    scale = "".join(
        f'<text x="{_LEFT - 10}" y="{middle - value * reach + 4:.1f}" text-anchor="end">{label}</text>'
        for value, label in ((-1, "−1"), (0, "0"), (1, "+1"))
    )
    line = f'<path class="axis" d="M{_LEFT} {middle:.1f}H{_WIDTH - _RIGHT}"/>'
    name = (
        f'<text x="{(_LEFT + _WIDTH - _RIGHT) / 2}" y="{_HEIGHT - 6}" text-anchor="middle">{escape(x)}</text>'
    )
    return _svg(title, _HEIGHT, line + scale + drawn + name)


def _svg(title: str, height: float, content: str) -> str:
    return (
        f'<svg viewBox="0 0 {_WIDTH} {height:.0f}" width="{_WIDTH}" role="img" '
        f'aria-label="{escape(title)}"><title>{escape(title)}</title>{content}</svg>'
    )


def _axis(right: float, height: float, name: str = "") -> str:
    """A line at the foot with five numbers, and lines upwards from them."""
    foot = height - _BOTTOM
    ticks = "".join(
        f'<path class="grid" d="M{_x(value, right):.1f} {_TOP}V{foot}"/>'
        f'<text x="{_x(value, right):.1f}" y="{foot + 15}" text-anchor="middle">{_number(value)}</text>'
        for value in (right * share / 4 for share in range(5))
    )
    middle = (_LEFT + _WIDTH - _RIGHT) / 2
    label = f'<text x="{middle}" y="{foot + 30}" text-anchor="middle">{escape(name)}</text>' if name else ""
    return f'{ticks}<path class="axis" d="M{_LEFT} {foot}H{_WIDTH - _RIGHT}"/>{label}'


def _x(value: float, right: float) -> float:
    return _LEFT + (_WIDTH - _LEFT - _RIGHT) * value / right


def _y(value: float, top: float) -> float:
    return _HEIGHT - _BOTTOM - (_HEIGHT - _BOTTOM - _TOP) * value / top


def _thinned(points: Points) -> Points:
    """All of them, or some evenly and the last."""
    step = max(1, len(points) // _MOST_POINTS)
    return [*points[::step], points[-1]] if points else points


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"
