"""What keeps everything going by itself: announcing again, and tidying up."""

from __future__ import annotations

from typing import Final

from citewell.ports import BlobStore, DocumentStore, JobBoard, JobQueue

__all__ = ["AnnounceDueJobs", "ExpireUploads", "ForgetHistory"]

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

        Announcing a job twice does no harm: one worker can claim it. Raises QueueUnavailable; what could not
        be announced then stays due.
        """
        due = await self._board.due(grace_seconds=grace_seconds, limit=_AT_ONCE)
        for job_id in due:
            await self._queue.announce(job_id)
        await self._board.announced(due)
        return len(due)


class ExpireUploads:
    """Forgets uploads that were broken off: received bytes that nobody kept.

    abandoned_seconds: so long nothing was written to them.
    """

    def __init__(self, *, blobs: BlobStore, abandoned_seconds: float) -> None:
        self._blobs = blobs
        self._abandoned_seconds = abandoned_seconds

    async def __call__(self) -> int:
        """How many there were."""
        return await self._blobs.expire(older_than_seconds=self._abandoned_seconds)


class ForgetHistory:
    """Forgets idempotency keys, and events that nobody will come back for, after a day."""

    def __init__(self, *, documents: DocumentStore) -> None:
        self._documents = documents

    async def __call__(self) -> None:
        """Looks at all that is old, so it is for every hour rather than for every minute."""
        await self._documents.prune(older_than_seconds=_REMEMBERED_SECONDS)
