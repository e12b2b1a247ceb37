"""How sure a mean over questions is, and a difference of two means; seeded, so that a run can be repeated."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import compress
from typing import Final

__all__ = ["Interval", "Shift", "compared", "mean_interval", "percentile"]

_RESAMPLES: Final = 2_000
_PERMUTATIONS: Final = 10_000
_CONFIDENCE: Final = 0.95
#: Sums of the same differences in another order are the same.
_SLACK: Final = 1e-12
#: The last bit of each byte.
_COINS: Final = bytes(byte & 1 for byte in range(256))


@dataclass(frozen=True, slots=True)
class Interval:
    """A mean, and the bounds that hold it with 95 % confidence."""

    mean: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Shift:
    """What changed from one run to another over the same questions.

    first, second: the means. p_value: how often chance alone would move the mean as far, in (0, 1].
    better, worse, equal: on how many questions the second is better, worse, or neither.
    """

    first: float
    second: float
    p_value: float
    better: int
    worse: int
    equal: int

    @property
    def difference(self) -> float:
        """How much the second is above the first."""
        return self.second - self.first


def mean_interval(values: Sequence[float], *, seed: int) -> Interval:
    """The mean, and its percentile bootstrap interval: Efron 1979, with 2,000 resamples.

    values: one a question, a sample of the questions that could be asked. Raises ValueError if empty.
    """
    mean = _mean(values)
    chance = random.Random(seed)  # noqa: S311 - chance of a measurement, nobody's secret
    means = [_mean(chance.choices(values, k=len(values))) for _ in range(_RESAMPLES)]
    tail = (1 - _CONFIDENCE) / 2
    return Interval(mean, percentile(means, tail), percentile(means, 1 - tail))


def compared(first: Sequence[float], second: Sequence[float], *, seed: int) -> Shift:
    """The two-sided paired randomisation test: Fisher 1935; Smucker, Allan and Carterette 2007.

    first, second: the values of the same questions in the same order. The signs of their differences are
    drawn 10,000 times; the p-value counts the drawing that was observed. Raises ValueError if empty or of two
    lengths.
    """
    differences = [after - before for before, after in zip(first, second, strict=True)]
    better = sum(difference > _SLACK for difference in differences)
    worse = sum(difference < -_SLACK for difference in differences)
    return Shift(
        _mean(first),
        _mean(second),
        _p_value([difference for difference in differences if abs(difference) > _SLACK], seed=seed),
        better,
        worse,
        len(differences) - better - worse,
    )


def percentile(values: Sequence[float], share: float) -> float:
    """The value below which this share of the values lies, between neighbours on a line.

    share: in [0, 1]. Raises ValueError if empty.
    """
    if not values:
        raise ValueError("there is no percentile of nothing")
    ordered = sorted(values)
    place = share * (len(ordered) - 1)
    below = math.floor(place)
    above = math.ceil(place)
    return ordered[below] + (ordered[above] - ordered[below]) * (place - below)


def _p_value(differences: Sequence[float], *, seed: int) -> float:
    """differences: without those that are zero, whose sign says nothing."""
    total = math.fsum(differences)
    chance = random.Random(seed)  # noqa: S311 - chance of a measurement, nobody's secret
    extreme = 1
    for _ in range(_PERMUTATIONS):
        turned = compress(differences, chance.randbytes(len(differences)).translate(_COINS))
        extreme += abs(total - 2 * sum(turned)) >= abs(total) - _SLACK
    return extreme / (_PERMUTATIONS + 1)


def _mean(values: Sequence[float]) -> float:
    if not values:
        raise ValueError("there is no mean of nothing")
    return math.fsum(values) / len(values)
