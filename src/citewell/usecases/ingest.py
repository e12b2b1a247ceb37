"""The work of a job: from stored bytes to a searchable revision.

    claim → stage (parse, chunk, embed), slice by slice, while a heartbeat holds the job → publish

What is staged cannot be found; one unit of work makes it live and ends the job. The job's state is in the
store before and after each step, so whoever is killed here leaves a job that another worker can take, and
go on with where this one was.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass

from citewell.errors import (
    AttemptsExhausted,
    DimensionMismatch,
    EmbeddingRejected,
    IngestionFailure,
    QueueUnavailable,
    SpaceMismatch,
    StaleLease,
    StoreUnavailable,
    Transient,
)
from citewell.model import Failure, JobId, Lease, Progress, Stage
from citewell.ports import JobBoard, JobQueue, JobStore, PageStore, UnitOfWork, VectorStore
from citewell.usecases.heartbeat import Heartbeat
from citewell.usecases.index import make_room
from citewell.usecases.stage import StageRevision
from citewell.usecases.turns import Turn, TurnOver

__all__ = ["IngestDocument", "IngestPolicy"]

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class IngestPolicy:
    """lease_seconds: how long a job is held without a sign of life. turn_seconds: how long a document is
    worked on while others wait.

    max_attempts: how many claims in a row may end without progress, by a crash or a defect, before it fails.
    patience_seconds: how long after its last progress it fails over what is away. While something is away
    the waits grow from retry_seconds to max_retry_seconds.
    """

    lease_seconds: float = 30.0
    turn_seconds: float = 10.0
    max_attempts: int = 8
    patience_seconds: float = 10_800.0
    retry_seconds: float = 2.0
    max_retry_seconds: float = 300.0

    def delay_seconds(self, lease: Lease) -> float:
        """The wait after this attempt failed: as long again as there was no progress."""
        return float(min(self.max_retry_seconds, max(self.retry_seconds, lease.idle_seconds)))


class IngestDocument:
    """Claims a job and brings its revision to READY, or the document to FAILED with a reason.

    claimed: is told of each lease, for instance to mark the log lines of the work.
    """

    def __init__(
        self,
        *,
        stage_revision: StageRevision,
        jobs: JobStore,
        board: JobBoard,
        pages: PageStore,
        vectors: VectorStore,
        queue: JobQueue,
        unit_of_work: UnitOfWork,
        policy: IngestPolicy,
        claimed: Callable[[Lease], None] = lambda _: None,
    ) -> None:
        self._stage_revision = stage_revision
        self._jobs = jobs
        self._board = board
        self._pages = pages
        self._vectors = vectors
        self._queue = queue
        self._unit_of_work = unit_of_work
        self._policy = policy
        self._claimed = claimed

    async def __call__(self, job_id: JobId) -> None:
        """Does nothing if the job cannot be claimed. Raises StoreUnavailable if no end can be recorded.

        Raises SpaceMismatch, after giving the job back, if the store has gone over to another embedding
        space: what was staged is of no use there.
        """
        lease = await self._jobs.claim(job_id, lease_seconds=self._policy.lease_seconds)
        if lease is None:
            _log.debug("job %s is not to be claimed now", job_id)
            return
        self._claimed(lease)
        try:
            await self._work(lease)
        except SpaceMismatch:
            await self._give_back(lease, delay_seconds=0.0, counted=False)
            raise

    async def _work(self, lease: Lease) -> None:
        job_id = lease.job_id
        try:
            await self._attempt(lease)
        except (asyncio.CancelledError, TurnOver) as ended:
            # The worker stops, or others go first: however often that happens, the document is not to blame.
            await self._give_back(lease, delay_seconds=0.0, counted=False)
            if isinstance(ended, asyncio.CancelledError):
                raise
        except StaleLease:
            _log.info("job %s was taken over or has ended", job_id)
        except IngestionFailure as failure:
            await self._fail(lease, Failure(failure.code, str(failure)))
        except (EmbeddingRejected, DimensionMismatch) as error:
            await self._fail(lease, Failure("embedding_rejected", str(error)))
        except SpaceMismatch:
            raise
        except Transient as error:
            _log.warning("job %s: %s: %s", job_id, type(error).__name__, error)
            await self._wait_for(lease, error)
        except Exception:  # noqa: BLE001 - a defect must not lose the job
            _log.exception("job %s failed in an unexpected way", job_id)
            await self._try_again(lease)

    async def _attempt(self, lease: Lease) -> None:
        if lease.strikes > self._policy.max_attempts:
            raise AttemptsExhausted(f"the worker stopped in each of {self._policy.max_attempts} attempts")
        async with Heartbeat(self._jobs, lease, lease_seconds=self._policy.lease_seconds):
            turn = Turn(self._board, seconds=self._policy.turn_seconds)
            progress = await self._stage_revision(lease, turn=turn)
            await self._jobs.report(
                lease,
                stage=Stage.PUBLISHING,
                progress=progress,
                lease_seconds=self._policy.lease_seconds,
            )
            await make_room(self._vectors, chunks=progress.chunks_done)
        await self._publish(lease, progress)
        _log.info(
            "document %s is ready: %d pages, %d chunks",
            lease.document_id,
            progress.pages_done,
            progress.chunks_done,
        )

    async def _publish(self, lease: Lease, progress: Progress) -> None:
        async with self._unit_of_work():
            await self._jobs.complete(lease, page_count=progress.pages_done, chunk_count=progress.chunks_done)
            await self._vectors.publish(lease.publication)

    async def _wait_for(self, lease: Lease, error: Transient) -> None:
        """Something is away: nobody's fault, so only time decides when to give up."""
        if lease.idle_seconds > self._policy.patience_seconds:
            exhausted = AttemptsExhausted(f"given up after {lease.attempt} attempts; the last met: {error}")
            await self._fail(lease, Failure(exhausted.code, str(exhausted)))
            return
        await self._give_back(lease, delay_seconds=self._policy.delay_seconds(lease))

    async def _try_again(self, lease: Lease) -> None:
        if lease.strikes >= self._policy.max_attempts:
            exhausted = AttemptsExhausted(
                f"given up after {lease.attempt} attempts; "
                "the last met an unexpected error, see the worker's log"
            )
            await self._fail(lease, Failure(exhausted.code, str(exhausted)))
            return
        await self._give_back(lease, delay_seconds=self._policy.delay_seconds(lease), strike=True)

    async def _give_back(
        self, lease: Lease, *, delay_seconds: float, counted: bool = True, strike: bool = False
    ) -> None:
        try:
            await self._jobs.defer(lease, seconds=delay_seconds, counted=counted, strike=strike)
            await self._queue.announce(lease.job_id, delay_seconds=delay_seconds)
        except (StaleLease, QueueUnavailable, StoreUnavailable) as lost:
            # The lease runs out or the waiting time passes; then the job is announced as due.
            _log.warning("job %s could not be given back: %s", lease.job_id, lost)

    async def _fail(self, lease: Lease, failure: Failure) -> None:
        try:
            async with self._unit_of_work():
                await self._jobs.fail(lease, failure)
                await self._vectors.discard(lease.revision_id)
                await self._pages.discard(lease.revision_id)
        except StaleLease:
            return
        _log.warning("document %s failed: %s: %s", lease.document_id, failure.code, failure.message)
