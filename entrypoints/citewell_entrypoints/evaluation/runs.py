"""What was measured, as values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

from citewell.evaluation import METRICS, Interval, mean_interval, percentile

__all__ = ["Answered", "ModeRun", "Run"]


@dataclass(frozen=True, slots=True)
class Answered:
    """What one question got. ranking: ids of the corpus, best first; scores: by the name of the metric."""

    ranking: tuple[str, ...]
    seconds: float
    scores: Mapping[str, float]

    @classmethod
    def judged(cls, ranking: Sequence[str], *, seconds: float, gains: Mapping[str, int]) -> Answered:
        """With the scores that the judgements give to the ranking."""
        scores = {name: metric(ranking, gains) for name, metric in METRICS.items()}
        return cls(tuple(ranking), seconds, scores)


@dataclass(frozen=True)
class ModeRun:
    """All questions in one mode, by their ids. seed: of the confidence intervals."""

    mode: str
    answered: Mapping[str, Answered]
    seed: int

    def scores(self, metric: str) -> dict[str, float]:
        """The metric of each question."""
        return {question: answered.scores[metric] for question, answered in self.answered.items()}

    @cached_property
    def intervals(self) -> Mapping[str, Interval]:
        """The mean of each metric, and how sure it is."""
        return {
            metric: mean_interval(list(self.scores(metric).values()), seed=self.seed) for metric in METRICS
        }

    def latency(self, share: float) -> float:
        """The seconds within which this share of the questions was answered."""
        return percentile([answered.seconds for answered in self.answered.values()], share)


@dataclass(frozen=True)
class Run:
    """One evaluation.

    data: the hash of corpus, questions and judgements; passages: how many could be found; questions: their
    texts by id; threads: how many were asked at once; notes: what a reader has to know.
    """

    folder: str
    data: str
    collection: str
    passages: int
    server: str
    version: str
    at: datetime
    threads: int
    seed: int
    questions: Mapping[str, str]
    modes: Mapping[str, ModeRun]
    notes: tuple[str, ...]
