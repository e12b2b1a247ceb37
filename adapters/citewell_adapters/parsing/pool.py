"""A few processes that read files, kept warm."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from types import TracebackType
from typing import Self

from citewell_adapters.parsing.child import Child, ReaderUnavailable, Task
from citewell_adapters.parsing.limits import ChildLimits

__all__ = ["ChildPool"]


class ChildPool:
    """Lends processes that read files, each to one borrower at a time.

    function: of what `task` says, in the module that has it, `module:function`; unlocker: as well.

    max_children: how many work at once; further borrowers wait. idle_children: how many are kept for the next
    borrower, with their reader imported. A process is replaced after `files_per_child` files, and after any
    that did not end well. Nothing is started before it is needed. A process that unlocks is never kept: it
    may write.
    """

    def __init__(
        self,
        *,
        function: str,
        task: Task = "read",
        unlocker: str | None = None,
        limits: ChildLimits,
        max_children: int,
        idle_children: int,
        files_per_child: int,
    ) -> None:
        self._function = function
        self._task: Task = task
        self._unlocker = unlocker
        self._limits = limits
        self._idle_children = idle_children
        self._files_per_child = files_per_child
        self._turns = asyncio.Semaphore(max_children)
        self._idle: list[Child] = []
        self._lent: set[Child] = set()
        self._open = False

    async def __aenter__(self) -> Self:
        self._open = True
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stops every process; who still reads gets ReaderUnavailable."""
        self._open = False
        children = [*self._idle, *self._lent]
        self._idle.clear()
        await asyncio.gather(*(child.stop() for child in children))

    @asynccontextmanager
    async def child(self) -> AsyncIterator[Child]:
        """A process for one file. Raises ReaderUnavailable if none starts or the pool is not open."""
        async with self._turns:
            if not self._open:
                raise ReaderUnavailable("the processes that read files are not open")
            child = self._idle.pop() if self._idle else await self._started()
            self._lent.add(child)
            try:
                yield child
            finally:
                self._lent.discard(child)
                if child.ready and self._open and self._keeps(child):
                    self._idle.append(child)
                else:
                    await asyncio.shield(child.stop())

    @asynccontextmanager
    async def unlocking_child(self) -> AsyncIterator[Child]:
        """A process that unlocks one file. Raises ReaderUnavailable, as `child` does."""
        async with self._turns:
            if not self._open or self._unlocker is None:
                raise ReaderUnavailable("the processes that read files are not open")
            child = await Child.start(self._unlocker, task="unlock", limits=self._limits)
            self._lent.add(child)
            try:
                yield child
            finally:
                self._lent.discard(child)
                await asyncio.shield(child.stop())

    async def _started(self) -> Child:
        return await Child.start(self._function, task=self._task, limits=self._limits)

    def _keeps(self, child: Child) -> bool:
        return len(self._idle) < self._idle_children and child.files < self._files_per_child
