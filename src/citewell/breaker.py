"""When something that does not answer is left alone, and who looks whether it is back."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum

from citewell.errors import InvalidInput

__all__ = ["Attempt", "Breaker", "BreakerState"]


class BreakerState(IntEnum):
    """CLOSED: all may call. HALF_OPEN: one may, or does. OPEN: nobody may."""

    CLOSED = 0
    HALF_OPEN = 1
    OPEN = 2


@dataclass(frozen=True, slots=True, eq=False)
class Attempt:
    """One call of what is behind a breaker. openings: how often it had opened when the call began."""

    openings: int


class Breaker:
    """Opens after `failures` in a row; `probe_seconds` later one attempt, the probe, finds out how it is now.

    While it is under way all others are refused. If it succeeds the breaker closes, if it fails it opens
    again, and if it is given up the next one takes its place. Whoever fails may tell how long he was asked
    to wait: the breaker stays open for as long, up to `max_wait_seconds`. Attempts that began before it
    opened change nothing any more. For one event loop.
    """

    def __init__(
        self,
        *,
        failures: int = 3,
        probe_seconds: float = 2.0,
        max_wait_seconds: float = 600.0,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        if failures < 1 or probe_seconds < 0 or max_wait_seconds < 0:
            raise InvalidInput("a breaker opens after at least one failure, and its times are not negative")
        self._most_failures = failures
        self._probe_seconds = probe_seconds
        self._max_wait_seconds = max_wait_seconds
        self._now = now
        self._failures = 0
        self._asked_until = 0.0
        self._open_until: float | None = None
        self._probe: Attempt | None = None
        self._openings = 0

    @property
    def state(self) -> BreakerState:
        """At this moment."""
        if self._open_until is None:
            return BreakerState.CLOSED
        return BreakerState.HALF_OPEN if self._now() >= self._open_until else BreakerState.OPEN

    @property
    def admits(self) -> bool:
        """Whether an attempt could begin now."""
        return self._probe is None and self.state is not BreakerState.OPEN

    @property
    def wait_seconds(self) -> float:
        """For how long it stays open; 0 if it is not open."""
        return 0.0 if self._open_until is None else max(0.0, self._open_until - self._now())

    def begin(self) -> Attempt | None:
        """An attempt, which is to be told of until it `ended`; None if there must be none."""
        if not self.admits:
            return None
        attempt = Attempt(self._openings)
        if self._open_until is not None:
            self._probe = attempt
        return attempt

    def succeeded(self, attempt: Attempt) -> bool:
        """There was an answer; whether that closes it."""
        if not self._counts(attempt):
            return False
        closes = self._open_until is not None
        self._failures, self._asked_until = 0, 0.0
        self._open_until = self._probe = None
        return closes

    def failed(self, attempt: Attempt, *, wait_seconds: float = 0.0) -> bool:
        """There was none; whether that opens it, after it was closed.

        wait_seconds: how long one was asked to wait.
        """
        if not self._counts(attempt):
            return False
        now, was_closed = self._now(), self._open_until is None
        self._failures += 1
        self._asked_until = max(self._asked_until, now + min(wait_seconds, self._max_wait_seconds))
        if was_closed and self._failures < self._most_failures:
            return False
        self._open_until = max(now + self._probe_seconds, self._asked_until)
        self._probe = None
        self._openings += was_closed
        return was_closed

    def ended(self, attempt: Attempt) -> None:
        """It is over; if nothing was told of it, it was given up."""
        if attempt is self._probe:
            self._probe = None

    def _counts(self, attempt: Attempt) -> bool:
        """Whether it is the probe, or began since it opened last."""
        if self._open_until is not None:
            return attempt is self._probe
        return attempt.openings == self._openings
