"""When a failed call is tried again."""

from __future__ import annotations

import asyncio
import math
import random
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

from citewell.errors import InvalidInput
from citewell_adapters.openai.failures import asked_wait_seconds, passes_by_itself

__all__ = ["RetryPolicy", "retried"]

T = TypeVar("T")


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
    call: Callable[[], Awaitable[T]], *, policy: RetryPolicy, within_seconds: float = math.inf
) -> T:
    """What `call` gives, called again as the policy says. Raises what its last call raised.

    within_seconds: from now; a wait that would end later is not begun.
    """
    failures, until = 0, time.monotonic() + within_seconds
    while True:
        try:
            return await call()
        except Exception as error:
            failures += 1
            wait_seconds = policy.wait_seconds(error, failures=failures)
            if wait_seconds is None or time.monotonic() + wait_seconds >= until:
                raise
        await asyncio.sleep(wait_seconds)
