"""Runs that were never made, for tests of what is done with runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from citewell_entrypoints.evaluation import Answered, ModeRun, Run

__all__ = ["answered_run", "mode_of"]

#: Every question has one relevant document.
RELEVANT = {"d1": 1}


def mode_of(mode: str, rankings: Mapping[str, Sequence[str]]) -> ModeRun:
    """Questions that found these, in 10 ms the first, 20 ms the second and so on."""
    answered = {
        question: Answered.judged(ranking, seconds=number / 100, gains=RELEVANT)
        for number, (question, ranking) in enumerate(rankings.items(), start=1)
    }
    return ModeRun(mode, answered, seed=0)


def answered_run(*modes: ModeRun, data: str = "abc", notes: tuple[str, ...] = ()) -> Run:
    """A run of these modes."""
    return Run(
        folder="tides",
        data=data,
        collection="eval-tides-abc",
        passages=3,
        server="http://127.0.0.1:8000",
        version="0.1.0",
        at=datetime(2026, 11, 29, 12, 30, tzinfo=UTC),
        threads=4,
        seed=0,
        questions={question: f"What is <{question}>?" for question in modes[0].answered},
        modes={mode.mode: mode for mode in modes},
        notes=notes,
    )
