"""When a server that does not answer is left alone."""

from __future__ import annotations

import time
from collections.abc import Callable

__all__ = ["Breaker"]


class Breaker:
    """Opens after `failures` in a row; then one call each `pause_seconds` tries if the server is back."""

    def __init__(
        self,
        *,
        failures: int = 3,
        pause_seconds: float = 2.0,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._limit = failures
        self._pause_seconds = pause_seconds
        self._now = now
        self._failures = 0
        self._closed_at = 0.0

    def allows(self) -> bool:
        """Whether to call. While it is open, who is allowed to is the only one for another pause."""
        if self._failures < self._limit:
            return True
        now = self._now()
        if now < self._closed_at:
            return False
        self._closed_at = now + self._pause_seconds
        return True

    def succeeded(self) -> None:
        """The server answered."""
        self._failures = 0

    def failed(self) -> bool:
        """It did not; whether that opens it."""
        self._failures += 1
        if self._failures >= self._limit:
            self._closed_at = self._now() + self._pause_seconds
        return self._failures == self._limit
