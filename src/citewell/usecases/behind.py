"""Work that goes on behind whoever asked for it: a batch is stored while the next one is computed."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Final, Self, TypeAlias

__all__ = ["Behind"]

_Work: TypeAlias = Callable[[], Awaitable[None]]

#: What was begun is brought to its end when everything else ends: it was paid for. But not at any price.
_GRACE_SECONDS: Final = 2.0


class Behind:
    """Pieces of work, one after the other in their order; `waiting` of them may wait for the one before.

    Once one has failed none after it is done, and `start` or `settle` raises what it raised.
    """

    def __init__(self, *, waiting: int = 0) -> None:
        self._most = waiting + 1
        self._tasks: deque[asyncio.Task[None]] = deque()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Without an error this is `settle`; with one what was begun gets some time to end, unheard."""
        if error is None:
            await self.settle()
            return
        try:
            if self._tasks:
                await asyncio.wait(self._tasks, timeout=_GRACE_SECONDS)
        finally:
            self._drop()

    async def start(self, work: _Work) -> None:
        """Have the work done; returns at once unless as many wait as may."""
        await self._settle(self._most - 1)
        before = self._tasks[-1] if self._tasks else None
        self._tasks.append(asyncio.create_task(_after(before, work)))

    async def settle(self) -> None:
        """Return once all is done."""
        await self._settle(0)

    async def _settle(self, left: int) -> None:
        try:
            while len(self._tasks) > left or (self._tasks and self._tasks[0].done()):
                await self._tasks[0]
                self._tasks.popleft()
        except BaseException:
            self._drop()
            raise

    def _drop(self) -> None:
        for task in self._tasks:
            task.cancel()
            if task.done() and not task.cancelled():
                task.exception()  # nobody is there for it any more
        self._tasks.clear()


async def _after(before: asyncio.Task[None] | None, work: _Work) -> None:
    if before is not None:
        await asyncio.wait([before])
        before.result()
    await work()
