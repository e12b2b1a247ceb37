"""What holds and announces the work."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from citewell.model import Backlog, DocumentId, Failure, JobId, Lease, Progress, RevisionId, Stage

__all__ = [
    "JobBoard",
    "JobQueue",
    "JobStore",
]


class JobQueue(Protocol):
    """Tells workers that there is a job. It announces, it does not hold: the job's state is a JobStore's."""

    async def announce(self, job_id: JobId, *, delay_seconds: float = 0.0) -> None:
        """Let one worker hear of the job, at least once, not before the delay is over.

        Raises QueueUnavailable if the announcement could not be left.
        """
        ...


class JobStore(Protocol):
    """Holds jobs for whoever works on them: who does, until when, and how it ended.

    The states follow `citewell.lifecycle`. Every call that takes a Lease raises StaleLease, and changes
    nothing, if the job was claimed again, has ended or is gone.
    """

    async def claim(self, job_id: JobId, *, lease_seconds: float) -> Lease | None:
        """Take the job: PROCESSING, its attempts one more, the lease's fence higher than any before.

        None if it is not there, has ended, waits for a later time, or another worker's lease still runs. Its
        strikes are one more. The lease tells the progress that was last reported, and how long ago pages or
        chunks were last done.
        """
        ...

    async def extend(self, lease: Lease, *, lease_seconds: float) -> None:
        """Hold the job for `lease_seconds` from now."""
        ...

    async def report(self, lease: Lease, *, stage: Stage, progress: Progress, lease_seconds: float) -> None:
        """Record how far the job is, and hold it for `lease_seconds` from now.

        If more pages or chunks are done than before, it has no strikes any more. In a unit of work nobody
        else claims, cancels or ends the job until the unit's end.
        """
        ...

    async def complete(self, lease: Lease, *, page_count: int, chunk_count: int) -> None:
        """The revision is live and the document READY; revisions before it are dropped."""
        ...

    async def fail(self, lease: Lease, failure: Failure) -> None:
        """The document is FAILED; a revision that was live before stays live."""
        ...

    async def defer(
        self, lease: Lease, *, seconds: float, counted: bool = True, strike: bool = False
    ) -> None:
        """Give the job back: QUEUED, not to be claimed before `seconds` have passed.

        Unless `counted`, its attempts are one less again; unless `strike`, its strikes are.
        """
        ...


class JobBoard(Protocol):
    """Holds the same jobs for whoever looks after them. The states follow `citewell.lifecycle`."""

    async def cancel(self, document_id: DocumentId) -> RevisionId | None:
        """The document is CANCELLED, and who works on it finds its lease stale; a live revision stays live.

        The revision that will not be live, of which nothing staged is to stay; None if it is live already.
        Raises DocumentNotFound; Conflict unless it is QUEUED or PROCESSING.
        """
        ...

    async def retry(self, document_id: DocumentId, *, request_id: str = "") -> JobId:
        """The document is QUEUED with a new job, its attempts none.

        Raises DocumentNotFound; Conflict unless it has FAILED or was CANCELLED.
        """
        ...

    async def due(self, *, grace_seconds: float, limit: int) -> Sequence[JobId]:
        """Jobs that could be claimed and that nobody was told of for `grace_seconds`, longest waiting first.

        A job whose worker is lost, as its lease has run out, is due without the grace.
        """
        ...

    async def announced(self, job_ids: Sequence[JobId]) -> None:
        """A worker was told of these jobs now; a missing id is no error."""
        ...

    async def waiting(self) -> bool:
        """Whether there is a QUEUED job that could be claimed."""
        ...

    async def backlog(self) -> Backlog:
        """What is QUEUED or PROCESSING."""
        ...
