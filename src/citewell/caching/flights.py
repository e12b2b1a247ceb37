"""The same work for several callers, done once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

__all__ = ["SingleFlight"]

T = TypeVar("T")


@dataclass(eq=False, slots=True)
class _Flight(Generic[T]):
    task: asyncio.Task[T]
    waiting: int = 0


class SingleFlight(Generic[T]):
    """Work by keys: who asks for what is being done already waits for it."""

    def __init__(self) -> None:
        self._flights: dict[str, _Flight[T]] = {}

    async def __call__(self, key: str, work: Callable[[], Coroutine[Any, Any, T]]) -> tuple[T, bool]:
        """What the work gives, and whether somebody else had begun it. Raises what the work raises.

        A caller who is cancelled leaves the work to the others; the last one to leave cancels it.
        """
        flight = self._flights.get(key)
        joined = flight is not None
        if flight is None:
            flight = self._flights[key] = _Flight(asyncio.create_task(work()))
            flight.task.add_done_callback(lambda task: self._end(key, task))
        flight.waiting += 1
        try:
            return await asyncio.shield(flight.task), joined
        finally:
            flight.waiting -= 1
            if not flight.waiting and not flight.task.done():
                self._forget(key, flight.task)
                flight.task.cancel()

    def _end(self, key: str, task: asyncio.Task[T]) -> None:
        self._forget(key, task)
        if not task.cancelled():
            # All who waited may have gone.
            task.exception()

    def _forget(self, key: str, task: asyncio.Task[T]) -> None:
        """Another one may have begun under the key since."""
        flight = self._flights.get(key)
        if flight is not None and flight.task is task:
            del self._flights[key]
