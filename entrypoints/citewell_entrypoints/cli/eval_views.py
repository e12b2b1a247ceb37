"""How an evaluation is shown on a terminal: progress on the error stream, figures as tables."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

import click

from citewell_entrypoints.cli.printing import console, counted, inline, print_table

if TYPE_CHECKING:
    from citewell.evaluation import Interval
    from citewell_entrypoints.evaluation import Comparison, Run
    from citewell_entrypoints.evaluation.bringing import Tell

__all__ = ["print_comparisons", "print_run", "progress"]

_MOST_MOVED: Final = 10
_SHOWN_CHARACTERS: Final = 60


@contextmanager
def progress() -> Iterator[Tell]:
    """A bar for what is being done on a terminal, a line for each quarter of it elsewhere."""
    if not sys.stderr.isatty():
        said = set()

        def say(what: str, done: int, total: int) -> None:
            quarter = what, done * 4 // max(total, 1)
            if quarter not in said:
                said.add(quarter)
                click.echo(f"{what}: {done:,} of {total:,}", err=True)

        yield say
        return

    from rich.progress import Progress

    with Progress(console=console(stderr=True), transient=True) as bars:
        tasks = {}

        def draw(what: str, done: int, total: int) -> None:
            if what not in tasks:
                tasks[what] = bars.add_task(what, total=total)
            bars.update(tasks[what], completed=done)

        yield draw


def print_run(run: Run) -> None:
    """What was measured: a row a measure, a column a mode."""
    questions, documents = counted(len(run.questions), "question"), counted(run.passages, "document")
    click.echo(f"{inline(run.folder)}: {questions}, {documents}, collection {run.collection}\n")
    modes = list(run.modes.values())
    rows = [
        [metric, *(f"{interval.mean:.3f} [{interval.low:.3f}, {interval.high:.3f}]" for interval in row)]
        for metric, row in _by_metric(run)
    ]
    for share in (50, 95):
        latencies = (mode.latency(share / 100) * 1000 for mode in modes)
        rows.append([f"latency p{share}", *(f"{milliseconds:.1f} ms" for milliseconds in latencies)])
    print_table(["", *(mode.mode for mode in modes)], rows)
    click.echo(f"\nIn brackets: 95 % confidence. Latency with {run.threads} at once.")
    for note in run.notes:
        click.echo(f"Note: {note}.")


def print_comparisons(comparisons: Sequence[Comparison]) -> None:
    """What changed from one run to another, and the questions that moved most."""
    for number, comparison in enumerate(comparisons):
        if number:
            click.echo()
        click.echo(f"{comparison.label}\n")
        rows = [
            [
                metric,
                f"{shift.first:.3f}",
                f"{shift.second:.3f}",
                f"{shift.difference:+.3f}",
                f"{shift.p_value:.4f}",
                f"{shift.better}/{shift.worse}/{shift.equal}",
            ]
            for metric, shift in comparison.shifts.items()
        ]
        print_table(["", "first", "second", "change", "p-value", "better/worse/equal"], rows)
        _print_moved(comparison)


def _by_metric(run: Run) -> Iterator[tuple[str, list[Interval]]]:
    modes = list(run.modes.values())
    for metric in modes[0].intervals:
        yield metric, [mode.intervals[metric] for mode in modes]


def _print_moved(comparison: Comparison) -> None:
    if not comparison.moved:
        click.echo("\nNo question moved.")
        return
    click.echo("\nQuestions that moved most, by nDCG@10:\n")
    rows = [
        [f"{moved.difference:+.3f}", moved.question, _shortened(moved.text)]
        for moved in comparison.moved[:_MOST_MOVED]
    ]
    print_table(["change", "id", "question"], rows)


def _shortened(text: str) -> str:
    line = inline(text)
    return line if len(line) <= _SHOWN_CHARACTERS else f"{line[: _SHOWN_CHARACTERS - 1]}…"
