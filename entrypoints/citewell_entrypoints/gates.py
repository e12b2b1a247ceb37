"""Gates before what is scarce: some pieces of work at a time, some more that wait, and no others.

A queue without an end only makes everybody wait; who is refused at once can come back or go elsewhere.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from contextvars import ContextVar
from typing import Final, Self

from citewell.model import Found, Scope, SearchOptions
from citewell.usecases import Searching

__all__ = ["Gate", "LettingGo", "Overloaded", "Place", "aside"]

_USUAL: Final = SearchOptions()


class Overloaded(Exception):
    """There is no place at a gate, or none became free in time."""


class Gate:
    """Lets `running` pieces of work through at a time; `waiting` more wait, first come, first served.

    waiting_seconds: how long one waits at most.
    """

    def __init__(self, *, running: int, waiting: int, waiting_seconds: float) -> None:
        self._most_running = running
        self._most_waiting = waiting
        self._waiting_seconds = waiting_seconds
        self._running = 0
        self._waiters: deque[asyncio.Future[None]] = deque()

    @property
    def running(self) -> int:
        """How many are through."""
        return self._running

    @property
    def waiting(self) -> int:
        """How many wait."""
        return len(self._waiters)

    @property
    def waiting_seconds(self) -> float:
        """How long one waits at most."""
        return self._waiting_seconds

    @property
    def is_full(self) -> bool:
        """Whether who comes now is refused."""
        return self._running >= self._most_running and len(self._waiters) >= self._most_waiting

    async def enter(self) -> None:
        """Return once there is a place, which is to be given back by `leave`. Raises Overloaded."""
        if self._running < self._most_running:
            self._running += 1
            return
        if self.is_full:
            raise Overloaded
        waiter = asyncio.get_running_loop().create_future()
        self._waiters.append(waiter)
        try:
            async with asyncio.timeout(self._waiting_seconds):
                await waiter
        except BaseException as error:
            if waiter.done() and not waiter.cancelled():
                # It was given its place in the moment in which it gave up.
                self.leave()
            elif waiter in self._waiters:
                self._waiters.remove(waiter)
            if isinstance(error, TimeoutError):
                raise Overloaded from None
            raise

    def leave(self) -> None:
        """Give the place to who has waited longest."""
        while self._waiters:
            waiter = self._waiters.popleft()
            if not waiter.done():
                waiter.set_result(None)
                return
        self._running -= 1


class Place:
    """A place behind a gate for one piece of work: `async with`, which raises Overloaded if there is none."""

    __slots__ = ("_gate", "_is_held", "_token")

    def __init__(self, gate: Gate) -> None:
        self._gate = gate
        self._is_held = False

    async def __aenter__(self) -> Self:
        await self._gate.enter()
        self._is_held = True
        self._token = _place.set(self)
        return self

    async def __aexit__(self, *_: object) -> None:
        _place.reset(self._token)
        self.let_go()

    async def take_again(self) -> None:
        """A place once more, behind those who wait. Raises Overloaded."""
        await self._gate.enter()
        self._is_held = True

    def let_go(self) -> None:
        """Give the place back before the end: what is left to do needs nothing scarce."""
        if self._is_held:
            self._is_held = False
            self._gate.leave()


_place: ContextVar[Place | None] = ContextVar("citewell_place", default=None)


@asynccontextmanager
async def aside() -> AsyncIterator[None]:
    """For what needs nothing scarce before a search: the place of the question is others' meanwhile.

    Raises Overloaded at its end if there is none any more.
    """
    place = _place.get()
    if place is None:
        yield
        return
    place.let_go()
    yield
    await place.take_again()


class LettingGo:
    """A search that lets the place of its question go: a language model takes long, and needs none."""

    def __init__(self, search: Searching) -> None:
        self._search = search

    async def __call__(
        self, question: str, *, scope: Scope, top_k: int = 5, options: SearchOptions = _USUAL
    ) -> Found:
        """As `Search`."""
        found = await self._search(question, scope=scope, top_k=top_k, options=options)
        if place := _place.get():
            place.let_go()
        return found
