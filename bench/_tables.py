"""Figures as Markdown tables, for the terminal and for docs/performance.md."""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Sequence

from bench._figures import (
    BenchResult,
    Ceiling,
    Figure,
    Machine,
    QueryFigure,
    Result,
    ScaleResult,
    ScaleStep,
    share_of_ceiling,
)

__all__ = ["bench_tables", "scale_table", "tables_of"]

#: Where the rounds are so far apart, a figure is marked: the largest is more than so many times the least.
_NOISY = 1.5
#: Load for each core, from which on a machine is not quiet.
_BUSY = 0.4


def tables_of(result: Result) -> str:
    """What stands in the docs."""
    return bench_tables(result) if isinstance(result, BenchResult) else scale_table(result)


def bench_tables(result: BenchResult) -> str:
    """Two tables, of questions and of all else, with what they were measured on."""
    rounds = "one round" if result.rounds == 1 else f"medians of {result.rounds} rounds"
    client = statistics.median(statistics.median(figure.client_cpu) for figure in result.queries)
    queries = _table(
        ("question", "clients", "requests/s", "p50 ms", "p95 ms", "p99 ms", "CPU ms", "ceiling /s", "of it"),
        [_query_row(figure) for figure in result.queries],
    )
    figures = _table(
        ("figure", "value", "unit", "ceiling", "of it"), [_figure_row(figure) for figure in result.figures]
    )
    return f"""\
`{result.command}`: {rounds} of {result.seconds:g} s for each kind of question.
{_machine(result.at, result.machine)}

{queries}

The load generator runs on the same cores and takes {client:.2f} ms of them for a request. `*`: the rounds'
most is more than {_NOISY:g} times their least.

{figures}"""


def scale_table(result: ScaleResult) -> str:
    """A row a step."""
    head = (
        "chunks", "loaded/s", "index built, s", "table MB", "index MB", "inserts/s", "p50 ms", "p95 ms",
        "recall@10",
    )  # fmt: skip
    return f"""\
`{result.command}`: {result.dimensions} dimensions, {result.questions} questions by one client.
{_machine(result.at, result.machine)}

{_table(head, [_step_row(step) for step in result.steps])}

By `APP_SEARCH_EF`, how many of the nearest HNSW keeps in view:

{_table(("chunks", "ef", "p50 ms", "p95 ms", "recall@10"), list(_ef_rows(result.steps)))}"""


def _machine(at: str, machine: Machine) -> str:
    busy = machine.load > _BUSY * machine.cores
    beside = ": **other work ran beside it, so take the ratios, and those with care**" if busy else ""
    return (
        f"On {at}, {machine.cores} cores ({machine.processor}), {machine.memory:g} GB, {machine.system}, "
        f"Python {machine.python}; the load before it was {machine.load:g}{beside}."
    )


def _query_row(figure: QueryFigure) -> Sequence[str]:
    return (
        figure.name,
        str(figure.clients),
        f"{statistics.median(figure.per_second):,.0f}{_mark(figure.per_second)}",
        *(f"{statistics.median(each):.1f}" for each in (figure.p50, figure.p95, figure.p99)),
        f"{statistics.median(figure.cpu):.2f}",
        *_ceiling_columns(figure.per_second, figure.ceiling),
    )


def _figure_row(figure: Figure) -> Sequence[str]:
    value = f"{_number(statistics.median(figure.values))}{_mark(figure.values)}"
    return (figure.name, value, figure.unit, *_ceiling_columns(figure.values, figure.ceiling))


def _step_row(step: ScaleStep) -> Sequence[str]:
    numbers = (step.loaded, step.build, step.table, step.index, step.inserts, step.p50, step.p95)
    return (f"{step.chunks:,}", *map(_number, numbers), f"{step.recall:.3f}")


def _ef_rows(steps: Sequence[ScaleStep]) -> Iterator[Sequence[str]]:
    for step in steps:
        for point in step.curve:
            times = (_number(point.p50), _number(point.p95))
            yield (f"{step.chunks:,}", str(point.ef), *times, f"{point.recall:.3f}")


def _ceiling_columns(values: Sequence[float], ceiling: Ceiling | None) -> tuple[str, str]:
    share = share_of_ceiling(values, ceiling)
    if ceiling is None or share is None:
        return ("" if ceiling is None else ceiling.missing, "")
    return f"{_number(statistics.median(ceiling.values))} ({ceiling.what})", f"{share:.2f}"


def _mark(values: Sequence[float]) -> str:
    return " *" if max(values) > _NOISY * min(values) else ""


def _number(value: float) -> str:
    """With three digits that count, at least."""
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---", *("---:" for _ in head[1:])], *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
