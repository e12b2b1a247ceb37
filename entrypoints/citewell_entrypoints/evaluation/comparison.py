"""Two runs over the same questions, held against each other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from citewell.evaluation import METRICS, Shift, compared
from citewell_entrypoints.evaluation.errors import UnusableRun
from citewell_entrypoints.evaluation.runs import ModeRun, Run

__all__ = ["MOVING_METRIC", "Comparison", "Moved", "compare"]

#: What questions are said to have moved by.
MOVING_METRIC: Final = "nDCG@10"


@dataclass(frozen=True, slots=True)
class Moved:
    """A question whose score is another in the second run. first, second: its scores."""

    question: str
    text: str
    first: float
    second: float

    @property
    def difference(self) -> float:
        """How much the second is above the first."""
        return self.second - self.first


@dataclass(frozen=True, slots=True)
class Comparison:
    """One mode of a run against one of another. moved: the questions that did, the farthest first."""

    first: ModeRun
    second: ModeRun
    shifts: Mapping[str, Shift]
    moved: Sequence[Moved]

    @property
    def label(self) -> str:
        """The mode, or both."""
        modes = dict.fromkeys((self.first.mode, self.second.mode))
        return " → ".join(modes)


def compare(first: Run, second: Run, *, modes: Sequence[str] = (), seed: int) -> tuple[Comparison, ...]:
    """Each mode that both runs have; where they share none and have one each, the one against the other.

    modes: these alone, if there are any. Two modes named `a:b` are held against each other, `a` of the first
    run and `b` of the second. Raises UnusableRun if the runs are of different data or lack a mode.
    """
    if first.data != second.data:
        raise UnusableRun("the runs are of different documents, questions or judgements: they do not compare")
    pairs = [_pair(name) for name in modes] or _shared(first, second)
    return tuple(
        _compared(_mode(first, before), _mode(second, after), first.questions, seed=seed)
        for before, after in pairs
    )


def _pair(name: str) -> tuple[str, str]:
    before, _, after = name.partition(":")
    return before, after or before


def _shared(first: Run, second: Run) -> Sequence[tuple[str, str]]:
    if shared := [(mode, mode) for mode in first.modes if mode in second.modes]:
        return shared
    if len(first.modes) == len(second.modes) == 1:
        return [(next(iter(first.modes)), next(iter(second.modes)))]
    raise UnusableRun("the runs share no mode: name two with --modes, like dense:hybrid")


def _mode(run: Run, name: str) -> ModeRun:
    if name not in run.modes:
        raise UnusableRun(
            f"the run of {run.at:%Y-%m-%d %H:%M} has no mode {name}: it has {', '.join(run.modes)}"
        )
    return run.modes[name]


def _compared(first: ModeRun, second: ModeRun, questions: Mapping[str, str], *, seed: int) -> Comparison:
    shifts = {}
    for metric in METRICS:
        before, after = first.scores(metric), second.scores(metric)
        shifts[metric] = compared(list(before.values()), [after[question] for question in before], seed=seed)
    before, after = first.scores(MOVING_METRIC), second.scores(MOVING_METRIC)
    moved = [
        Moved(question, questions[question], before[question], after[question])
        for question in before
        if before[question] != after[question]
    ]
    moved.sort(key=lambda one: (-abs(one.difference), one.question))
    return Comparison(first, second, shifts, tuple(moved))
