"""Runs as values, as files, and held against each other."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.evaluation_runs import answered_run, mode_of

from citewell_entrypoints.evaluation import compare, read_run, write_run
from citewell_entrypoints.evaluation.errors import UnusableRun

FOUND = ("d1", "d2", "d3")
LATE = ("d2", "d3", "d1")
NEVER = ("d2", "d3")
DENSE = mode_of("dense", {"q1": FOUND, "q2": LATE, "q3": NEVER, "q4": FOUND})
HYBRID = mode_of("hybrid", {"q1": FOUND, "q2": FOUND, "q3": LATE, "q4": LATE})


def test_a_run_sums_up_its_questions() -> None:
    """Means with their bounds, and the latencies between neighbours."""
    found = DENSE.intervals["MRR@10"]
    assert found.mean == pytest.approx((1 + 1 / 3 + 0 + 1) / 4)
    assert found.low < found.mean < found.high
    assert DENSE.intervals["Recall@100"].mean == 0.75
    assert DENSE.latency(0.5) == pytest.approx(0.025)


def test_a_run_comes_back_from_its_file(tmp_path: Path) -> None:
    """With each question's scores, ranking and latency, and what was noted."""
    run = answered_run(DENSE, HYBRID, notes=("documents without text, which nothing finds: 2",))
    write_run(run, tmp_path / "run.json")
    assert read_run(tmp_path / "run.json") == run


@pytest.mark.parametrize(
    "content", ["", "[]", "{}", '{"format": "another"}', '{"format": "citewell-eval-1"}']
)
def test_a_file_that_is_no_run_is_told(tmp_path: Path, content: str) -> None:
    """One sentence with its path."""
    (tmp_path / "run.json").write_text(content)
    with pytest.raises(UnusableRun, match=r"run\.json is no file that `citewell eval --json` wrote"):
        read_run(tmp_path / "run.json")


def test_a_file_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    """The reason of the system, and the path."""
    with pytest.raises(UnusableRun, match=r"gone/run\.json: No such file"):
        write_run(answered_run(DENSE), tmp_path / "gone" / "run.json")


def test_two_runs_are_compared_question_by_question() -> None:
    """Means, who won how often, and who moved, the farthest first."""
    first, second = answered_run(DENSE), answered_run(mode_of("dense", dict.fromkeys(DENSE.answered, FOUND)))
    [comparison] = compare(first, second, seed=0)
    shift = comparison.shifts["nDCG@10"]
    assert comparison.label == "dense"
    assert (shift.better, shift.worse, shift.equal) == (2, 0, 2)
    assert shift.first == pytest.approx((2 + 0.5) / 4)
    assert shift.second == 1.0
    assert shift.p_value == pytest.approx(0.5, abs=0.02)
    assert [(moved.question, moved.first, moved.second) for moved in comparison.moved] == [
        ("q3", 0.0, 1.0),
        ("q2", 0.5, 1.0),
    ]


def test_all_shared_modes_are_compared_or_those_named() -> None:
    """In the order of the first run; `a:b` holds one against another."""
    run = answered_run(DENSE, HYBRID)
    assert [one.label for one in compare(run, run, seed=0)] == ["dense", "hybrid"]
    [crossed] = compare(run, run, modes=["dense:hybrid"], seed=0)
    assert crossed.label == "dense → hybrid"
    assert [moved.difference for moved in crossed.moved] == [0.5, 0.5, -0.5]
    [alone] = compare(run, run, modes=["hybrid"], seed=0)
    assert alone.moved == ()


def test_two_runs_of_one_mode_each_are_held_against_each_other() -> None:
    """There is only one way to compare them; of several modes one has to say which."""
    [crossed] = compare(answered_run(DENSE), answered_run(HYBRID), seed=0)
    assert crossed.label == "dense → hybrid"
    lexical = mode_of("lexical", dict.fromkeys(DENSE.answered, FOUND))
    with pytest.raises(UnusableRun, match="share no mode: name two with --modes, like dense:hybrid"):
        compare(answered_run(DENSE, HYBRID), answered_run(lexical), seed=0)


def test_runs_that_do_not_compare_are_refused() -> None:
    """Other data, or a mode that was not measured."""
    with pytest.raises(UnusableRun, match="do not compare"):
        compare(answered_run(DENSE), answered_run(DENSE, data="other"), seed=0)
    with pytest.raises(UnusableRun, match="has no mode lexical: it has dense"):
        compare(answered_run(DENSE), answered_run(DENSE), modes=["lexical"], seed=0)
