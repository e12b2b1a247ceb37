"""When something that does not answer is left alone, and who looks whether it is back."""

from __future__ import annotations

from random import Random
from typing import Any, Literal, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.manual_time import ManualTime

from citewell.breaker import Attempt, Breaker, BreakerState
from citewell.errors import InvalidInput

PROBE_SECONDS = 2.0
MOST_FAILURES = 3
MAX_WAIT_SECONDS = 60.0

Event = Literal["begin", "succeed", "fail", "asked to wait", "give up", "wait"]


@pytest.fixture
def now() -> ManualTime:
    return ManualTime()


@pytest.fixture
def breaker(now: ManualTime) -> Breaker:
    return new_breaker(now)


def new_breaker(now: ManualTime) -> Breaker:
    return Breaker(
        failures=MOST_FAILURES, probe_seconds=PROBE_SECONDS, max_wait_seconds=MAX_WAIT_SECONDS, now=now
    )


def begun(breaker: Breaker) -> Attempt:
    attempt = breaker.begin()
    assert attempt is not None
    return attempt


def fail(breaker: Breaker, *, times: int = MOST_FAILURES, wait_seconds: float = 0.0) -> list[bool]:
    return [breaker.failed(begun(breaker), wait_seconds=wait_seconds) for _ in range(times)]


def test_it_opens_after_so_many_failures_in_a_row(breaker: Breaker) -> None:
    """And tells that it did, once; a success in between begins the count anew."""
    assert fail(breaker, times=2) == [False, False]
    assert breaker.succeeded(begun(breaker)) is False
    assert fail(breaker) == [False, False, True]
    assert (breaker.state, breaker.begin(), breaker.wait_seconds) == (BreakerState.OPEN, None, PROBE_SECONDS)


def test_one_attempt_probes_and_all_others_are_refused(breaker: Breaker, now: ManualTime) -> None:
    """After the probe time, however long the probe takes."""
    fail(breaker)
    now.seconds += PROBE_SECONDS
    assert (breaker.state, breaker.admits) == (BreakerState.HALF_OPEN, True)
    begun(breaker)
    now.seconds += 1_000
    assert (breaker.state, breaker.admits, breaker.begin()) == (BreakerState.HALF_OPEN, False, None)


def test_a_probe_that_succeeds_closes_it(breaker: Breaker, now: ManualTime) -> None:
    """And tells so; it takes as many failures as before to open it again."""
    fail(breaker)
    now.seconds += PROBE_SECONDS
    assert breaker.succeeded(begun(breaker)) is True
    assert breaker.state is BreakerState.CLOSED
    assert fail(breaker) == [False, False, True]


def test_a_probe_that_fails_opens_it_again(breaker: Breaker, now: ManualTime) -> None:
    """For another probe time; nobody is told of what he knows."""
    fail(breaker)
    now.seconds += PROBE_SECONDS
    assert breaker.failed(begun(breaker)) is False
    assert (breaker.state, breaker.wait_seconds) == (BreakerState.OPEN, PROBE_SECONDS)


def test_a_probe_that_is_given_up_frees_its_place(breaker: Breaker, now: ManualTime) -> None:
    """For the next, at once."""
    fail(breaker)
    now.seconds += PROBE_SECONDS
    breaker.ended(begun(breaker))
    assert breaker.succeeded(begun(breaker)) is True


def test_what_ended_after_it_was_told_of_stays_told(breaker: Breaker, now: ManualTime) -> None:
    """As in a `finally`."""
    attempt = begun(breaker)
    breaker.failed(attempt)
    breaker.ended(attempt)
    assert fail(breaker, times=2) == [False, True]
    now.seconds += PROBE_SECONDS
    probe = begun(breaker)
    breaker.succeeded(probe)
    breaker.ended(probe)
    assert breaker.admits
    assert not breaker.wait_seconds


@pytest.mark.parametrize(
    ("asked", "waits"), [(1.0, PROBE_SECONDS), (30.0, 30.0), (3_600.0, MAX_WAIT_SECONDS)], ids=str
)
def test_it_stays_open_as_long_as_was_asked_for(
    breaker: Breaker, now: ManualTime, asked: float, waits: float
) -> None:
    """By any failure of the row, never for less than the probe time, nor for ever."""
    fail(breaker, times=1, wait_seconds=asked)
    assert fail(breaker, times=2) == [False, True]
    assert breaker.wait_seconds == waits
    now.seconds += waits
    assert breaker.admits
    breaker.succeeded(begun(breaker))
    fail(breaker)
    assert breaker.wait_seconds == PROBE_SECONDS


def test_who_began_before_it_opened_decides_nothing(breaker: Breaker, now: ManualTime) -> None:
    """Neither while it is open, nor after it has closed."""
    old = [begun(breaker) for _ in range(2 * MOST_FAILURES)]
    fail(breaker)
    assert breaker.succeeded(old.pop()) is False
    assert not breaker.admits
    now.seconds += PROBE_SECONDS
    probe = begun(breaker)
    breaker.ended(old[0])
    assert breaker.begin() is None
    breaker.succeeded(probe)
    assert [breaker.failed(attempt) for attempt in old] == [False] * len(old)
    assert breaker.state is BreakerState.CLOSED


@given(st.lists(st.sampled_from(get_args(Event)), max_size=60), st.randoms(use_true_random=False))
def test_whatever_happened_it_closes_again(events: list[Event], chance: Random) -> None:
    """At most one is under way that began while it was not closed, and after its wait a success closes it."""
    now = ManualTime()
    breaker = new_breaker(now)
    running: list[tuple[Attempt, bool]] = []
    for event in events:
        if event == "wait":
            now.seconds += 0.7
        elif event == "begin":
            is_probe = breaker.state is not BreakerState.CLOSED
            if (attempt := breaker.begin()) is not None:
                running.append((attempt, is_probe))
        elif running:
            attempt, _ = running.pop(chance.randrange(len(running)))
            if event == "succeed":
                breaker.succeeded(attempt)
            elif event != "give up":
                breaker.failed(attempt, wait_seconds=5.0 if event == "asked to wait" else 0.0)
            breaker.ended(attempt)
        assert sum(is_probe for _, is_probe in running) <= 1 or breaker.state is BreakerState.CLOSED
        assert breaker.wait_seconds <= 5.0
    for attempt, _ in running:
        breaker.ended(attempt)
    now.seconds += breaker.wait_seconds
    breaker.succeeded(begun(breaker))
    assert breaker.state is BreakerState.CLOSED


@pytest.mark.parametrize("values", [{"failures": 0}, {"probe_seconds": -1}, {"max_wait_seconds": -1}])
def test_a_breaker_that_can_be_none_is_refused(values: dict[str, Any]) -> None:
    """At once."""
    with pytest.raises(InvalidInput):
        Breaker(**values)
