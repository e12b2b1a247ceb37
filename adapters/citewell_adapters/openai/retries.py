"""When a failed call is tried again."""

from __future__ import annotations

import asyncio
import logging
import math
import random
import sys
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

from citewell.breaker import Attempt, Breaker
from citewell.errors import InvalidInput
from citewell_adapters.openai.failures import LeftAlone, asked_wait_seconds, is_unavailable, passes_by_itself

__all__ = ["RetryPolicy", "left_alone", "retried"]

T = TypeVar("T")

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """Waits double from `first_wait_seconds` on, less up to half by chance, unless the endpoint names one.

    An endpoint that asks for a wait of more than `max_wait_seconds` is not waited for.
    """

    max_retries: int = 3
    first_wait_seconds: float = 0.5
    max_wait_seconds: float = 30.0

    def __post_init__(self) -> None:
        if self.max_retries < 0 or self.first_wait_seconds < 0 or self.max_wait_seconds < 0:
            raise InvalidInput("retries and their waits are not negative")

    def wait_seconds(self, error: Exception, *, failures: int) -> float | None:
        """How long to wait after that many failures, this being the last; None to give up."""
        if failures > self.max_retries or not passes_by_itself(error):
            return None
        asked = asked_wait_seconds(error)
        if asked is not None:
            return asked if asked <= self.max_wait_seconds else None
        doubled = self.first_wait_seconds * 2.0 ** min(failures - 1, 30)
        return min(doubled, self.max_wait_seconds) * random.uniform(0.5, 1.0)  # noqa: S311 - spreads calls out


async def retried(
    call: Callable[[], Awaitable[T]],
    *,
    policy: RetryPolicy,
    host: str,
    within_seconds: float = math.inf,
    breaker: Breaker | None = None,
) -> T:
    """What `call` gives, called again as the policy says. Raises what its last call raised.

    within_seconds: from now; a wait that would end later is not begun. host: for the log. breaker: each call
    is an attempt of it; raises LeftAlone if it refuses the first, and there is no other once it is open.
    """
    breaker = breaker or Breaker(failures=sys.maxsize)
    failures, until = 0, time.monotonic() + within_seconds
    while True:
        attempt = breaker.begin()
        if attempt is None:
            raise left_alone(breaker)
        try:
            result = await call()
        except Exception as error:
            failures += 1
            _tell(breaker, attempt, error, host=host)
            wait_seconds = policy.wait_seconds(error, failures=failures)
            if wait_seconds is None or time.monotonic() + wait_seconds >= until or not breaker.admits:
                raise
        else:
            if breaker.succeeded(attempt):
                _log.info("%s answers again", host)
            return result
        finally:
            breaker.ended(attempt)
        await asyncio.sleep(wait_seconds)


def left_alone(breaker: Breaker) -> LeftAlone:
    """The error for what this breaker refuses."""
    if breaker.wait_seconds:
        return LeftAlone(f"failed too often, and is left alone for {breaker.wait_seconds:.1f} more seconds")
    return LeftAlone("failed too often, and one call finds out whether it is back")


def _tell(breaker: Breaker, attempt: Attempt, error: Exception, *, host: str) -> None:
    if not is_unavailable(error):
        breaker.succeeded(attempt)
    elif breaker.failed(attempt, wait_seconds=asked_wait_seconds(error) or 0.0):
        _log.warning(
            "%s failed too often (%s) and is left alone for %.1f seconds",
            host,
            type(error).__name__,
            breaker.wait_seconds,
        )
