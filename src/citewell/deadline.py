"""One time for many waits."""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import Self

__all__ = ["Deadline"]


class Deadline:
    """`with deadline:` around each wait raises TimeoutError once its time has come, there and nowhere else.

    What is done between the waits is not interrupted. As `asyncio.timeout_at` around each, but with one timer
    for all of them: setting one up costs as much as a short piece of work. at: time of the running loop. Not
    for two waits at the same time. Close it at the end.
    """

    def __init__(self, at: float) -> None:
        self._is_over = False
        self._task: asyncio.Task[object] | None = None
        self._cancelling = 0
        self._has_struck = False
        self._timer = asyncio.get_running_loop().call_at(at, self._strike)

    def close(self) -> None:
        """It strikes no more."""
        self._timer.cancel()

    def __enter__(self) -> Self:
        if self._is_over:
            raise TimeoutError
        self._has_struck = False
        self._task = asyncio.current_task()
        if self._task is not None:
            self._cancelling = self._task.cancelling()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        task, self._task = self._task, None
        if not self._has_struck or task is None:
            return
        # A cancellation from elsewhere, at the same moment, goes first.
        if (
            task.uncancel() <= self._cancelling
            and kind is not None
            and issubclass(kind, asyncio.CancelledError)
        ):
            raise TimeoutError from error

    def _strike(self) -> None:
        self._is_over = True
        if self._task is not None:
            self._has_struck = True
            self._task.cancel()
