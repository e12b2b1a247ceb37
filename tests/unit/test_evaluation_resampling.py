"""Confidence intervals and the paired test."""

from __future__ import annotations

import random
import statistics

import pytest
from hypothesis import given
from hypothesis import strategies as st

from citewell.evaluation import compared, mean_interval, percentile


def normal(seed: int, *, count: int, mean: float = 0.0) -> list[float]:
    """Values of a normal distribution with a standard deviation of 1."""
    chance = random.Random(seed)
    return [chance.gauss(mean, 1) for _ in range(count)]


def test_the_interval_is_as_wide_as_theory_says() -> None:
    """Of 400 normal values: 1.96 standard errors to each side."""
    values = normal(1, count=400)
    interval = mean_interval(values, seed=0)
    reach = 1.96 * statistics.stdev(values) / 20
    assert interval.mean == pytest.approx(statistics.fmean(values))
    assert interval.high - interval.mean == pytest.approx(reach, rel=0.1)
    assert interval.mean - interval.low == pytest.approx(reach, rel=0.1)


def test_about_95_of_100_intervals_hold_the_mean() -> None:
    """Drawn a hundred times from a known distribution."""
    intervals = [mean_interval(normal(seed, count=50, mean=3.0), seed=seed) for seed in range(100)]
    assert 88 <= sum(interval.low <= 3.0 <= interval.high for interval in intervals) <= 99


def test_the_same_seed_gives_the_same_interval() -> None:
    """And another one another."""
    values = normal(2, count=30)
    assert mean_interval(values, seed=7) == mean_interval(values, seed=7)
    assert mean_interval(values, seed=7) != mean_interval(values, seed=8)


def test_values_that_are_all_the_same_leave_no_doubt() -> None:
    """Both bounds are the mean."""
    interval = mean_interval([0.5] * 10, seed=0)
    assert (interval.low, interval.mean, interval.high) == (0.5, 0.5, 0.5)


def test_the_p_value_is_that_of_all_signs() -> None:
    """Ten differences of one sign: of 1,024 ways to turn them, two are as far from zero."""
    shift = compared([0.0] * 10, [0.1] * 10, seed=0)
    assert shift.p_value == pytest.approx(2 / 1024, abs=0.001)
    assert (shift.better, shift.worse, shift.equal) == (10, 0, 0)
    assert shift.difference == pytest.approx(0.1)


def test_no_difference_is_no_evidence() -> None:
    """Equal runs have a p-value of 1; so have differences that cancel out."""
    assert compared([0.2, 0.4], [0.2, 0.4], seed=0).p_value == 1.0
    cancelled = compared([0.2, 0.4], [0.4, 0.2], seed=0)
    assert cancelled.p_value == 1.0
    assert (cancelled.better, cancelled.worse, cancelled.equal) == (1, 1, 0)


def test_chance_alone_is_rarely_significant() -> None:
    """Of 100 pairs of one distribution about five are below 0.05; a real difference is far below."""
    alike = [compared(normal(seed, count=40), normal(seed + 500, count=40), seed=0) for seed in range(100)]
    assert sum(shift.p_value < 0.05 for shift in alike) <= 12
    real = compared(normal(1, count=100), normal(2, count=100, mean=1.0), seed=0)
    assert real.p_value < 0.001


@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), min_size=1, max_size=20))
def test_the_order_of_the_runs_does_not_matter(pairs: list[tuple[float, float]]) -> None:
    """The test has two sides: exchanged runs have the same p-value and the opposite difference."""
    first, second = [pair[0] for pair in pairs], [pair[1] for pair in pairs]
    there, back = compared(first, second, seed=3), compared(second, first, seed=3)
    assert there.p_value == back.p_value
    assert 0 < there.p_value <= 1
    assert there.difference == pytest.approx(-back.difference)
    assert (there.better, there.worse) == (back.worse, back.better)


def test_runs_of_two_lengths_are_refused() -> None:
    """They cannot be of the same questions."""
    with pytest.raises(ValueError, match="zip"):
        compared([0.1], [0.1, 0.2], seed=0)


def test_percentiles_lie_between_neighbours() -> None:
    """As numpy's default; the ends are the least and the largest value."""
    values = [4.0, 1.0, 3.0, 2.0]
    assert [percentile(values, share) for share in (0, 0.5, 0.95, 1)] == pytest.approx([1, 2.5, 3.85, 4])


@pytest.mark.parametrize("empty", [lambda: mean_interval([], seed=0), lambda: percentile([], 0.5)])
def test_nothing_has_no_statistics(empty: object) -> None:
    """It is an error, not a zero."""
    assert callable(empty)
    with pytest.raises(ValueError, match="of nothing"):
        empty()
