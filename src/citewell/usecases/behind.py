"""Work that goes on behind whoever asked for it: what is done is stored while the next is computed."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from types import TracebackType
from typing import Final, Generic, Self, TypeVar

__all__ = ["Behind"]

_Item = TypeVar("_Item")

#: What was begun is brought to its end when everything else ends: it was paid for. But not at any price.
_GRACE_SECONDS: Final = 2.0


class Behind(Generic[_Item]):
    """Stores items in their order, together what has gathered while the ones before were stored.

    store: of some items at once, one call at a time. most: so many wait or are being stored at most. Once it
    has failed, `add` or `settle` raises what it raised, and nothing more is stored.
    """

    def __init__(self, store: Callable[[Sequence[_Item]], Awaitable[None]], *, most: int) -> None:
        self._store = store
        self._places = asyncio.Semaphore(most)
        self._waiting: list[_Item] = []
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Without an error this is `settle`; with one what was added gets some time to be stored, unheard."""
        if error is None:
            await self.settle()
            return
        task, self._task = self._task, None
        if task is None:
            return
        try:
            await asyncio.wait([task], timeout=_GRACE_SECONDS)
        finally:
            task.cancel()
            if task.done() and not task.cancelled():
                task.exception()  # nobody is there for it any more

    async def add(self, item: _Item) -> None:
        """Have it stored soon. Returns once there is room for it."""
        await self._places.acquire()
        if self._task is None or self._task.done():
            await self.settle()
            self._task = asyncio.create_task(self._work())
        self._waiting.append(item)

    async def settle(self) -> None:
        """Return once all is stored."""
        task, self._task = self._task, None
        if task is not None:
            await task

    async def _work(self) -> None:
        while self._waiting:
            items, self._waiting = self._waiting, []
            try:
                await self._store(items)
            except BaseException:
                self._leave([*items, *self._waiting])
                self._waiting = []
                raise
            self._leave(items)

    def _leave(self, items: Sequence[_Item]) -> None:
        for _ in items:
            self._places.release()
