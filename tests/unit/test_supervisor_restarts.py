"""When a part of `citewell serve` is started again."""

from __future__ import annotations

from citewell_entrypoints.supervisor.restarts import RestartPolicy


def test_each_further_end_waits_twice_as_long_and_the_fifth_gives_up() -> None:
    """A part that dies as soon as it is started is tried again four times, at growing distances."""
    policy = RestartPolicy()
    assert [policy.ended(at) for at in (0.0, 1.0, 3.0, 6.0, 11.0)] == [0.5, 1.0, 2.0, 4.0, None]


def test_ends_that_lie_far_apart_are_forgotten() -> None:
    """A part that dies once an hour is started again for ever, and soon each time."""
    policy = RestartPolicy()
    assert [policy.ended(3600.0 * hour) for hour in range(20)] == [0.5] * 20


def test_only_the_ends_of_the_last_minute_count() -> None:
    """Four ends in a minute and a fifth after it do not stop everything."""
    policy = RestartPolicy()
    for at in (0.0, 10.0, 20.0, 30.0):
        assert policy.ended(at) is not None
    assert policy.ended(60.0) == 4.0
    assert policy.ended(61.0) is None
