"""Reports as pages of HTML that need nothing else."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from typing import Final

from citewell.evaluation import METRICS
from citewell_entrypoints.evaluation.charts import bars, curves, intervals
from citewell_entrypoints.evaluation.comparison import MOVING_METRIC, Comparison
from citewell_entrypoints.evaluation.runs import ModeRun, Run

__all__ = ["comparison_page", "run_page"]

_WORST: Final = 25
_SHOWN_DOCUMENTS: Final = 3
_STYLE: Final = """
:root { color-scheme: light dark; --ink: #1b1f24; --paper: #fff; --soft: #d5dae0;
  --c0: #0b6bcb; --c1: #c2410c; --c2: #15803d; --c3: #7e22ce; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6e9ed; --paper: #14171a; --soft: #3a4149;
  --c0: #66b2ff; --c1: #ff9a62; --c2: #5fd38a; --c3: #d0a0ff; } }
body { font: 16px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper);
  max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
table { border-collapse: collapse; width: 100%; margin: 1rem 0; }
th, td { text-align: left; vertical-align: top; padding: .3rem .6rem .3rem 0;
  border-bottom: 1px solid var(--soft); overflow-wrap: anywhere; }
td.n, th.n { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
svg { display: block; max-width: 100%; height: auto; margin: 1rem 0; }
svg text { font: 12px system-ui, sans-serif; fill: var(--ink); }
svg .grid { stroke: var(--soft); } svg .axis { stroke: var(--ink); fill: none; }
svg g line, svg g polyline { stroke-width: 2; fill: none; stroke: currentColor; }
svg g circle { fill: currentColor; }
svg .s0 { color: var(--c0); } svg .s1 { color: var(--c1); }
svg .s2 { color: var(--c2); } svg .s3 { color: var(--c3); }
svg .up { fill: var(--c2); } svg .down { fill: var(--c1); }
"""


def run_page(run: Run) -> str:
    """The figures of a run, three plots, and the questions that found least."""
    modes = list(run.modes.values())
    body = [
        f"<h1>Retrieval on {escape(run.folder)}</h1>",
        (
            f"<p>{len(run.questions):,} questions to {run.passages:,} documents in the collection "
            f"<code>{escape(run.collection)}</code>, asked {run.threads} at once: {_origin(run)}.</p>"
        ),
        *(f"<p>Note: {escape(note)}.</p>" for note in run.notes),
        "<h2>Figures</h2>",
        _figures(modes),
        *(_interval_plot(metric, modes) for metric in METRICS),
        "<p>A dot is the mean over all questions; the line holds it with 95 % confidence.</p>",
        f"<h2>{MOVING_METRIC} of each question</h2>",
        _score_curves(modes),
        "<h2>Latency</h2>",
        _latency_curves(modes),
        *(_worst(run, mode) for mode in modes),
    ]
    return _page(f"Retrieval on {run.folder}", body)


def comparison_page(first: Run, second: Run, comparisons: Sequence[Comparison]) -> str:
    """The differences of two runs, and the questions that moved."""
    body = [
        f"<h1>Two runs on {escape(first.folder)}</h1>",
        f"<p>First: {_origin(first)}. Second: {_origin(second)}.</p>",
    ]
    for comparison in comparisons:
        differences = sorted((moved.difference for moved in comparison.moved), reverse=True)
        body += [
            f"<h2>{escape(comparison.label)}</h2>",
            _shifts(comparison),
            bars(differences, title=f"{MOVING_METRIC}, {comparison.label}", x="questions that moved"),
            (
                "<p>The p-value says how often chance alone would move the mean as far "
                "(paired randomisation test).</p>"
            ),
            _moved(comparison),
        ]
    return _page(f"Two runs on {first.folder}", body)


def _page(title: str, body: Iterable[str]) -> str:
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width">\n'
        f"<title>{escape(title)}</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n"
        + "\n".join(body)
        + "\n</body>\n</html>\n"
    )


def _figures(modes: Sequence[ModeRun]) -> str:
    rows = []
    for mode in modes:
        scores = [
            f"{interval.mean:.3f} [{interval.low:.3f}, {interval.high:.3f}]"
            for interval in mode.intervals.values()
        ]
        latencies = [f"{mode.latency(share) * 1000:.1f} ms" for share in (0.5, 0.95)]
        rows.append([mode.mode, *scores, *latencies])
    return _table(["mode", *METRICS, "latency p50", "p95"], rows, numbers_from=1)


def _interval_plot(metric: str, modes: Sequence[ModeRun]) -> str:
    rows = [(mode.mode, number, mode.intervals[metric]) for number, mode in enumerate(modes)]
    return f"<h3>{metric}</h3>{intervals(rows, title=metric)}"


def _score_curves(modes: Sequence[ModeRun]) -> str:
    series = {}
    for mode in modes:
        ordered = sorted(mode.scores(MOVING_METRIC).values(), reverse=True)
        series[mode.mode] = [(number + 1.0, score) for number, score in enumerate(ordered)]
    return curves(series, title=f"{MOVING_METRIC} by question", x="questions, best first", y=MOVING_METRIC)


def _latency_curves(modes: Sequence[ModeRun]) -> str:
    series = {}
    for mode in modes:
        ordered = sorted(answered.seconds * 1000 for answered in mode.answered.values())
        series[mode.mode] = [
            (milliseconds, number / len(ordered)) for number, milliseconds in enumerate(ordered, start=1)
        ]
    return curves(series, title="Latency", x="milliseconds", y="share answered")


def _worst(run: Run, mode: ModeRun) -> str:
    ordered = sorted(mode.answered.items(), key=lambda item: item[1].scores[MOVING_METRIC])[:_WORST]
    rows = [
        [
            question,
            run.questions[question],
            ", ".join(answered.ranking[:_SHOWN_DOCUMENTS]),
            *(f"{answered.scores[metric]:.3f}" for metric in METRICS),
        ]
        for question, answered in ordered
    ]
    table = _table(["id", "question", "found first", *METRICS], rows, numbers_from=3)
    return f"<h2>Where {escape(mode.mode)} found least</h2>{table}"


def _origin(run: Run) -> str:
    return f"{run.at:%Y-%m-%d %H:%M} UTC, Citewell {escape(run.version)} at {escape(run.server)}"


def _shifts(comparison: Comparison) -> str:
    rows = [
        [
            metric,
            f"{shift.first:.3f}",
            f"{shift.second:.3f}",
            f"{shift.difference:+.3f}",
            f"{shift.p_value:.4f}",
            f"{shift.better} / {shift.worse} / {shift.equal}",
        ]
        for metric, shift in comparison.shifts.items()
    ]
    header = ["measure", "first", "second", "difference", "p-value", "better / worse / equal"]
    return _table(header, rows, numbers_from=1)


def _moved(comparison: Comparison) -> str:
    rows = [
        [moved.question, moved.text, f"{moved.first:.3f}", f"{moved.second:.3f}", f"{moved.difference:+.3f}"]
        for moved in comparison.moved[:_WORST]
    ]
    return _table(["id", "question moved most", "first", "second", "difference"], rows, numbers_from=2)


def _table(header: Sequence[str], rows: Sequence[Sequence[str]], *, numbers_from: int) -> str:
    """numbers_from: the first column of numbers; those to its right are numbers too."""

    number_class = ' class="n"'

    def row(cells: Sequence[str], tag: str) -> str:
        return "".join(
            f"<{tag}{number_class if column >= numbers_from else ''}>{escape(cell)}</{tag}>"
            for column, cell in enumerate(cells)
        )

    lines = "\n".join(f"<tr>{row(cells, 'td')}</tr>" for cells in rows)
    return f"<table>\n<thead><tr>{row(header, 'th')}</tr></thead>\n<tbody>\n{lines}\n</tbody>\n</table>"
