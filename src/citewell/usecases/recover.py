"""What keeps everything going by itself: announcing again, and tidying up."""

from __future__ import annotations

from typing import Final

from citewell.ports import BlobStore, DocumentStore, JobBoard, JobQueue
from citewell.usecases.contents import CollectContents

__all__ = ["AnnounceDueJobs", "TidyUp"]

_AT_ONCE: Final = 100
#: So long an idempotency key is known, and the events of a document can be read again.
_REMEMBERED_SECONDS: Final = 86_400.0


class AnnounceDueJobs:
    """Announces jobs that could have been claimed and were not: the queue may have forgotten them."""

    def __init__(self, *, board: JobBoard, queue: JobQueue) -> None:
        self._board = board
        self._queue = queue

    async def __call__(self, *, grace_seconds: float) -> int:
        """How many were announced: jobs that can be claimed and that nobody was told of for so long.

        Announcing a job twice does no harm: one worker can claim it. Raises QueueUnavailable.
        """
        due = await self._board.due(grace_seconds=grace_seconds, limit=_AT_ONCE)
        for job_id in due:
            await self._queue.announce(job_id)
        return len(due)


class TidyUp:
    """Forgets what crashes and time have left: orphans, uploads that were broken off, old keys and events.

    abandoned_seconds: received bytes that nobody kept go once nothing was written to them for so long.
    """

    def __init__(
        self,
        *,
        collect_contents: CollectContents,
        blobs: BlobStore,
        documents: DocumentStore,
        abandoned_seconds: float,
    ) -> None:
        self._collect_contents = collect_contents
        self._blobs = blobs
        self._documents = documents
        self._abandoned_seconds = abandoned_seconds

    async def __call__(self) -> None:
        """Raises what is Transient; what was not tidied up is at the next call."""
        await self._collect_contents()
        await self._blobs.expire(older_than_seconds=self._abandoned_seconds)
        await self._documents.prune(older_than_seconds=_REMEMBERED_SECONDS)
