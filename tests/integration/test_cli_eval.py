"""What `citewell eval` says where there is nothing to measure, and how it compares runs."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from tests.cli_stub import running_stub
from tests.evaluation_runs import answered_run, mode_of

from citewell_entrypoints.cli.root import root
from citewell_entrypoints.evaluation import write_run

NOBODY = "http://127.0.0.1:9"


def run_eval(*arguments: str | Path) -> Result:
    """Run the command in this process."""
    return CliRunner().invoke(root, ["eval", *map(str, arguments)])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A collection of one document and one question."""
    path = tmp_path / "tides"
    path.mkdir()
    (path / "corpus.jsonl").write_text('{"_id": "d1", "text": "High at noon."}\n')
    (path / "queries.jsonl").write_text('{"_id": "q1", "text": "When is it high?"}\n')
    (path / "qrels.tsv").write_text("query-id\tcorpus-id\tscore\nq1\td1\t1\n")
    return path


@pytest.fixture
def runs(tmp_path: Path) -> tuple[Path, Path]:
    """Files of two runs: the second finds one question's document earlier."""
    before, after = tmp_path / "before.json", tmp_path / "after.json"
    write_run(answered_run(mode_of("dense", {"q1": ["d1"], "q2": ["d2", "d1"]})), before)
    write_run(answered_run(mode_of("dense", {"q1": ["d1"], "q2": ["d1", "d2"]})), after)
    return before, after


def test_a_broken_line_is_one_line(folder: Path) -> None:
    """The file, the line's number, what is wrong; exit code 1, before any server is asked."""
    (folder / "corpus.jsonl").write_text('{"_id": "d1", "text": "High."}\n{"_id": \n')
    result = run_eval(folder, "--url", NOBODY)
    assert result.exit_code == 1
    assert result.stderr == f"Error: {folder / 'corpus.jsonl'}, line 2: not JSON\n"


def test_questions_without_judgements_are_one_line(folder: Path) -> None:
    """There would be nothing to measure."""
    (folder / "qrels.tsv").write_text("query-id\tcorpus-id\tscore\nq8\td1\t1\n")
    result = run_eval(folder, "--url", NOBODY)
    assert result.exit_code == 1
    assert "none of the questions" in result.stderr
    assert len(result.stderr.splitlines()) == 1


def test_a_server_that_is_not_there_is_one_line(folder: Path) -> None:
    """The same as of the other commands."""
    result = run_eval(folder, "--url", NOBODY)
    assert result.exit_code == 1
    assert result.stderr.startswith(f"Error: no Citewell at {NOBODY}")


def test_a_server_that_does_not_describe_itself_is_one_line(folder: Path) -> None:
    """Nothing is uploaded."""
    with running_stub() as stub:
        result = run_eval(folder, "--url", stub.url)
        assert result.exit_code == 1
        assert "does not say which modes there are" in result.stderr
        assert stub.sent_names() == []


def test_a_place_for_the_report_that_does_not_exist_is_told_first(folder: Path) -> None:
    """Wrong use, not the end of an hour of work."""
    result = run_eval(folder, "--html", folder / "gone" / "page.html", "--url", NOBODY)
    assert result.exit_code == 2
    assert "there is no folder" in result.stderr


def test_a_folder_or_two_runs_have_to_be_given(folder: Path, runs: tuple[Path, Path]) -> None:
    """One of them, not both, and no run is written where none is made."""
    assert run_eval().exit_code == 2
    assert run_eval(folder, "--compare", *runs).exit_code == 2
    assert run_eval("--compare", *runs, "--json", folder / "x.json").exit_code == 2


def test_two_runs_are_compared(runs: tuple[Path, Path], tmp_path: Path) -> None:
    """The means, the change with its p-value, and the questions that moved; a page where one is wanted."""
    result = run_eval("--compare", *runs, "--html", tmp_path / "page.html")
    assert result.exit_code == 0, result.output
    lines = [line.split() for line in result.stdout.splitlines()]
    assert ["nDCG@10", "0.815", "1.000", "+0.185", "1.0000", "1/0/1"] in lines
    assert ["MRR@10", "0.750", "1.000", "+0.250", "1.0000", "1/0/1"] in lines
    assert "+0.369  q2  What is <q2>?" in result.stdout
    assert "Two runs on tides" in (tmp_path / "page.html").read_text()


def test_a_run_and_itself_are_the_same(runs: tuple[Path, Path]) -> None:
    """Said so."""
    result = run_eval("--compare", runs[0], runs[0])
    assert result.exit_code == 0
    assert "No question moved." in result.stdout


def test_a_mode_that_was_not_measured_is_one_line(runs: tuple[Path, Path]) -> None:
    """With those that were."""
    result = run_eval("--compare", *runs, "--modes", "dense:hybrid")
    assert result.exit_code == 1
    assert "has no mode hybrid: it has dense" in result.stderr
