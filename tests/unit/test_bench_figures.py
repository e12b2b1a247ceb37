"""What is made of measurements: percentiles, ratios, tables, plots, and the page of the docs."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest
from bench._figures import (
    BenchResult,
    Ceiling,
    EfPoint,
    Figure,
    Machine,
    QueryFigure,
    Result,
    ScaleResult,
    ScaleStep,
    command_of,
    percentile,
    read_result,
    share_of_ceiling,
    write_result,
)
from bench._pgbench import Statement, logged, script_of
from bench._plot import plot_of
from bench._tables import tables_of
from bench.report import DOCUMENT, between_markers, put

from citewell_entrypoints.http.query_request import QueryRequest

MACHINE = Machine("Linux 6", "a processor", 2, 16.0, "3.13.1", 0.1)
SVG = "{http://www.w3.org/2000/svg}"


def query_figure(
    *, per_second: list[float], ceiling: list[float], name: str = "one <document>", clients: int = 50
) -> QueryFigure:
    times = [1.0] * len(per_second)
    top = Ceiling("pgbench", ceiling, "" if ceiling else "no pgbench")
    return QueryFigure(name, clients, per_second, times, times, times, times, times, top)


def bench_result(*queries: QueryFigure) -> BenchResult:
    figures = [
        Figure("ingest", "pages/s", [90.0, 100.0, 160.0], Ceiling("PyMuPDF alone", [200.0, 200.0, 200.0])),
        Figure("later start", "s", [1.25]),
    ]
    return BenchResult("2026-01-02", MACHINE, "python -m bench.performance", 3, 2.0, list(queries), figures)


def scale_result() -> ScaleResult:
    steps = [
        ScaleStep(size, 7_000.0, size / 1_000, size / 1e3, size / 900, 800.0, 1.5, 2.5, recall)
        for size, recall in ((10_000, 1.0), (100_000, 0.985))
    ]
    return ScaleResult("2026-01-02", MACHINE, "python -m bench.scale", 384, 200, steps)


BENCH = bench_result(
    query_figure(per_second=[1_000.0, 1_100.0, 900.0], ceiling=[2_000.0, 2_200.0, 1_000.0]),
    query_figure(per_second=[50.0], ceiling=[], name="without"),
)
RESULTS: list[Result] = [BENCH, scale_result()]


@pytest.mark.parametrize(
    ("share", "expected"), [(0.5, 50), (0.95, 95), (0.99, 99), (1.0, 100), (0.001, 1), (0.0, 1)]
)
def test_a_percentile_is_the_least_value_that_the_share_does_not_exceed(share: float, expected: int) -> None:
    """By nearest rank, in whatever order the values come."""
    assert percentile([float(value) for value in range(100, 0, -1)], share) == expected


def test_there_is_no_percentile_of_nothing() -> None:
    """It is an error."""
    with pytest.raises(ValueError, match="nothing"):
        percentile([], 0.5)


def test_the_share_of_the_ceiling_is_the_median_of_the_rounds_ratios() -> None:
    """A round that was slow as a whole does not count against the figure."""
    assert share_of_ceiling([10.0, 5.0, 8.0], Ceiling("x", [20.0, 10.0, 10.0])) == 0.5
    assert share_of_ceiling([10.0, 5.0], Ceiling("x", [30.0])) == 0.25
    assert share_of_ceiling([10.0], Ceiling("x", [], "no x")) is None
    assert share_of_ceiling([10.0], None) is None


@pytest.mark.parametrize("result", RESULTS, ids=lambda result: result.kind)
def test_what_is_written_is_read_again(result: Result, tmp_path: Path) -> None:
    """Folders are made."""
    path = tmp_path / "new" / "result.json"
    write_result(result, path)
    assert read_result(path) == result


def test_the_command_is_told_without_the_path_of_the_file() -> None:
    """That is the machine's."""
    assert (
        command_of("bench.scale", ["--json", "/here/x", "--chunks", "10"])
        == "python -m bench.scale --chunks 10"
    )


def test_a_file_of_another_kind_is_refused(tmp_path: Path) -> None:
    """Not taken for figures."""
    path = tmp_path / "result.json"
    path.write_text('{"kind": "weather"}')
    with pytest.raises(msgspec.DecodeError):
        read_result(path)


def test_the_tables_have_medians_and_ceilings() -> None:
    """Noisy figures are marked, and a ceiling that could not be measured says why."""
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in tables_of(BENCH).splitlines()]
    assert ["one <document>", "50", "1,000", "1.0", "1.0", "1.0", "1.00", "2,000 (pgbench)", "0.50"] in rows
    assert ["without", "50", "50", "1.0", "1.0", "1.0", "1.00", "no pgbench", ""] in rows
    assert ["ingest", "100 *", "pages/s", "200 (PyMuPDF alone)", "0.50"] in rows
    assert ["later start", "1.25", "s", "", ""] in rows


def test_the_tables_tell_of_a_machine_that_was_busy() -> None:
    """Its figures are not those of the service alone."""
    assert "other work" not in tables_of(BENCH)
    assert "other work" in tables_of(replace(BENCH, machine=replace(MACHINE, load=1.5)))


def test_the_table_by_size_has_a_row_a_step() -> None:
    """With recall in three digits, and one for each size of HNSW's view."""
    result = scale_result()
    [*first, last] = result.steps
    step = replace(last, curve=[EfPoint(40, 0.5, 0.75, 0.9)])
    lines = tables_of(replace(result, steps=[*first, step])).splitlines()
    assert "| 100,000 | 7,000 | 100 | 100 | 111 | 800 | 1.50 | 2.50 | 0.985 |" in lines
    assert lines[-1] == "| 100,000 | 40 | 0.50 | 0.75 | 0.900 |"


@pytest.mark.parametrize("result", RESULTS, ids=lambda result: result.kind)
def test_a_plot_is_well_formed_and_draws_within_its_box(result: Result) -> None:
    """Names are escaped, and nothing lies outside."""
    plot = ElementTree.fromstring(plot_of(result))  # noqa: S314 - our own
    _, _, width, height = (float(number) for number in plot.attrib["viewBox"].split())
    marks = [*plot.iter(f"{SVG}text"), *plot.iter(f"{SVG}rect"), *plot.iter(f"{SVG}circle")]
    assert len(marks) > 10
    for mark in marks:
        across = float(mark.get("x", mark.get("cx", "0"))) + float(mark.get("width", "0"))
        assert 0 <= across <= width
        assert 0 <= float(mark.get("y", mark.get("cy", "0"))) <= height


def test_a_bar_grows_with_the_requests() -> None:
    """Ten times as many are a decade further on the axis."""
    figures = [query_figure(per_second=[rate], ceiling=[10_000.0]) for rate in (10.0, 100.0, 1_000.0)]
    plot = ElementTree.fromstring(plot_of(bench_result(*figures)))  # noqa: S314 - our own
    first, second, third = (
        float(bar.attrib["width"]) for bar in plot.iter(f"{SVG}rect") if bar.get("fill") == "#1565c0"
    )
    assert first == pytest.approx(0, abs=0.1)
    assert third == pytest.approx(2 * second, abs=0.2)


def test_only_what_is_between_the_markers_changes() -> None:
    """However often it is put there."""
    page = "before\n<!-- bench: begin -->\nold\n<!-- bench: end -->\nafter\n"
    once = between_markers(page, "bench", "new")
    assert once == "before\n<!-- bench: begin -->\nnew\n<!-- bench: end -->\nafter\n"
    assert between_markers(once, "bench", "new") == once
    with pytest.raises(ValueError, match="markers of scale"):
        between_markers(page, "scale", "new")


@pytest.mark.parametrize("result", RESULTS, ids=lambda result: result.kind)
def test_the_page_of_the_docs_takes_the_figures(result: Result, tmp_path: Path) -> None:
    """It has the markers, and shows the plot that is written beside it."""
    copy = tmp_path / DOCUMENT.name
    copy.write_text(DOCUMENT.read_text())
    _, plot = put(result, copy)
    assert tables_of(result) in copy.read_text()
    assert f"]({plot.name})" in copy.read_text()
    assert plot.read_text() == plot_of(result)
    assert (DOCUMENT.parent / plot.name).exists()


LOG = """\
2026-01-02 [7] LOG:  something before
=citewell-bench= LOG:  statement: SET timezone = 'UTC'
=citewell-bench= LOG:  execute _pg3_0: 
\tSELECT $1::int + x
\tFROM t WHERE name = $2 AND y = $3
=citewell-bench= DETAIL:  Parameters: $1 = '42', $2 = 'it''s, $9 = ''1''', $3 = NULL
=citewell-bench= LOG:  execute <unnamed>: SELECT 1
=citewell-bench= LOG:  duration: 1 ms
"""  # noqa: W291 - as PostgreSQL writes it


def test_the_statements_of_a_log_come_with_their_parameters() -> None:
    """Only what was executed, over lines, with quotes and NULL."""
    assert logged(LOG) == [
        Statement("SET timezone = 'UTC'", {}),
        Statement(
            "SELECT $1::int + x\nFROM t WHERE name = $2 AND y = $3", {1: "42", 2: "it's, $9 = '1'", 3: None}
        ),
        Statement("SELECT 1", {}),
    ]


def test_pgbench_gets_the_parameters_as_variables() -> None:
    """Each statement has its own; one without a value is NULL to pgbench."""
    script, variables = script_of(logged(LOG)[1:])
    assert script == "SELECT :p0_1::int + x\nFROM t WHERE name = :p0_2 AND y = :p0_3;\nSELECT 1;\n"
    assert variables == {"p0_1": "42", "p0_2": "it's, $9 = '1'"}


def test_the_question_for_load_generators_is_one_that_the_service_takes() -> None:
    """It is not answered from what was kept."""
    body = msgspec.json.decode(
        (DOCUMENT.parent.parent / "bench" / "query.json").read_bytes(), type=QueryRequest
    )
    assert not body.cache
