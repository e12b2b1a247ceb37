"""Holding a job while it is worked on, and letting go of the work once the job is lost."""

from __future__ import annotations

import asyncio
import time
from types import TracebackType
from typing import Final, Self

from citewell.errors import StaleLease, Transient
from citewell.model import Lease
from citewell.ports import JobStore

__all__ = ["Heartbeat"]

#: Cancelling a document stops the work on it within the time of some beats.
_LONGEST_PAUSE_SECONDS: Final = 2.0
_BEATS_PER_LEASE: Final = 4


class Heartbeat:
    """Extends the lease for as long as the context lasts.

    The work inside is cancelled, and StaleLease raised in its place, once another worker has the job, or it
    was cancelled, replaced or deleted, or the store could not be told for as long as the lease lasts.
    """

    def __init__(self, jobs: JobStore, lease: Lease, *, lease_seconds: float) -> None:
        self._jobs = jobs
        self._lease = lease
        self._lease_seconds = lease_seconds
        #: Between two beats: so long it takes at most to notice that the job is lost.
        self.pause_seconds = min(_LONGEST_PAUSE_SECONDS, lease_seconds / _BEATS_PER_LEASE)
        self._lost: StaleLease | None = None

    async def __aenter__(self) -> Self:
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - a coroutine runs in a task
        self._worker = task
        self._beating = asyncio.create_task(self._beat())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._beating.cancel()
        try:
            await asyncio.wait({self._beating})
        except asyncio.CancelledError as cancelled:
            # Ours may come so late that the work was over.
            kind, error = asyncio.CancelledError, cancelled
        # As asyncio.timeout does: a cancellation that was not ours goes on.
        if self._lost is not None and self._worker.uncancel() == 0:
            if kind is asyncio.CancelledError:
                raise self._lost from error
        elif kind is asyncio.CancelledError and error is not None:
            raise error
        if not self._beating.cancelled():
            self._beating.result()  # a defect is to be seen

    async def _beat(self) -> None:
        held_until = time.monotonic() + self._lease_seconds
        while True:
            await asyncio.sleep(self.pause_seconds)
            begun = time.monotonic()
            try:
                await self._jobs.extend(self._lease, lease_seconds=self._lease_seconds)
                held_until = begun + self._lease_seconds
            except StaleLease as stale:
                return self._lose(stale)
            except Transient:
                # The work may still go well if the store is back in time.
                if time.monotonic() > held_until:
                    return self._lose(StaleLease("the store was away for longer than the lease lasts"))

    def _lose(self, reason: StaleLease) -> None:
        self._lost = reason
        self._worker.cancel()
