"""Work that goes on behind whoever asked for it: a batch is stored while the next one is computed."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from types import TracebackType
from typing import Any, Final, Self

__all__ = ["Behind"]

#: What was begun is brought to its end when everything else ends: it was paid for. But not at any price.
_GRACE_SECONDS: Final = 2.0


class Behind:
    """Pieces of work, one after the other.

    Once one has failed, `start` or `settle` raises what it raised, and nothing is begun after it.
    """

    def __init__(self) -> None:
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Without an error this is `settle`; with one what was begun gets some time to end, unheard."""
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

    async def start(self, work: Coroutine[Any, Any, None]) -> None:
        """Begin the work once the piece before it is done."""
        try:
            await self.settle()
        except BaseException:
            work.close()
            raise
        self._task = asyncio.create_task(work)

    async def settle(self) -> None:
        """Return once all is done."""
        task, self._task = self._task, None
        if task is not None:
            await task
