"""The contract of JobBoard."""

from __future__ import annotations

import asyncio
from uuid import uuid4

import pytest

from citewell.errors import Conflict, DocumentNotFound, StaleLease
from citewell.model import Backlog, DocumentId, Failure, JobId, Lease, Progress, Status
from citewell.testing.jobs import document_of, queued, under_way
from citewell.testing.stores import LEASE_SECONDS, Stores, claimed, submission

__all__ = ["JobBoardContract"]

_FAILURE = Failure("unreadable", "damaged")


async def failed(stores: Stores, content: str) -> Lease:
    """The last lease of a job that has failed."""
    lease = await under_way(stores, content)
    await stores.jobs.fail(lease, _FAILURE)
    return lease


@pytest.mark.asyncio
class JobBoardContract:
    """Override `stores` with empty stores; besides the board, only documents and jobs are used."""

    @pytest.fixture
    def stores(self) -> Stores:
        raise NotImplementedError("override the fixture stores")

    async def test_a_queued_document_is_cancelled(self, stores: Stores) -> None:
        """The document is CANCELLED; nobody can claim its job."""
        submitted = await stores.documents.submit(submission("text"))
        assert submitted.job_id is not None
        assert await stores.board.cancel(submitted.document.id) is not None
        assert (await stores.documents.get(submitted.document.id)).status is Status.CANCELLED
        assert await stores.jobs.claim(submitted.job_id, lease_seconds=LEASE_SECONDS) is None
        assert await stores.board.due(grace_seconds=0.0, limit=9) == []

    async def test_whoever_works_on_a_cancelled_document_is_stale(self, stores: Stores) -> None:
        """Who works on it finds its lease stale."""
        lease = await under_way(stores, "text")
        assert await stores.board.cancel(lease.document_id) == lease.revision_id
        document = await document_of(stores, lease)
        assert (document.status, document.stage) == (Status.CANCELLED, None)
        with pytest.raises(StaleLease):
            await stores.jobs.extend(lease, lease_seconds=LEASE_SECONDS)
        with pytest.raises(StaleLease):
            await stores.jobs.complete(lease, page_count=1, chunk_count=1)
        assert await document_of(stores, lease) == document

    async def test_a_live_revision_stays_live(self, stores: Stores) -> None:
        """The revision that will not be live; a live revision stays live."""
        live = await claimed(stores, "former")
        await stores.jobs.complete(live, page_count=1, chunk_count=1)
        await stores.documents.submit(submission("new", document_id=live.document_id))
        unpublished = await stores.board.cancel(live.document_id)
        assert unpublished not in (None, live.revision_id)
        assert (await document_of(stores, live)).revision_id == live.revision_id

    async def test_what_has_ended_is_not_cancelled(self, stores: Stores) -> None:
        """Conflict unless it is QUEUED or PROCESSING."""
        done, bad = await claimed(stores, "done"), await failed(stores, "bad")
        await stores.jobs.complete(done, page_count=1, chunk_count=1)
        for lease in (done, bad):
            before = await document_of(stores, lease)
            with pytest.raises(Conflict):
                await stores.board.cancel(lease.document_id)
            assert await document_of(stores, lease) == before

    async def test_a_failed_or_cancelled_document_is_tried_again(self, stores: Stores) -> None:
        """The document is QUEUED with a new job, its attempts none."""
        bad, cancelled = await failed(stores, "bad"), await under_way(stores, "cancelled")
        await stores.board.cancel(cancelled.document_id)
        for former in (bad, cancelled):
            job_id = await stores.board.retry(former.document_id, request_id="again")
            document = await document_of(stores, former)
            assert (document.status, document.attempts, document.error) == (Status.QUEUED, 0, None)
            assert document.progress == Progress()
            assert job_id != former.job_id
            lease = await stores.jobs.claim(job_id, lease_seconds=LEASE_SECONDS)
            assert lease is not None
            assert (lease.revision_id, lease.request_id) == (former.revision_id, "again")
            assert (lease.attempt, lease.strikes, lease.progress) == (1, 1, Progress())

    async def test_what_is_in_work_or_ready_is_not_tried_again(self, stores: Stores) -> None:
        """Conflict unless it has FAILED or was CANCELLED."""
        await queued(stores, "queued")
        done, held = await claimed(stores, "done"), await claimed(stores, "held")
        await stores.jobs.complete(done, page_count=1, chunk_count=1)
        for document in await stores.documents.list(limit=9):
            with pytest.raises(Conflict):
                await stores.board.retry(document.id)
            assert await stores.documents.get(document.id) == document
        await stores.jobs.extend(held, lease_seconds=LEASE_SECONDS)

    async def test_an_unknown_document_is_not_found(self, stores: Stores) -> None:
        """Raises DocumentNotFound."""
        with pytest.raises(DocumentNotFound):
            await stores.board.cancel(DocumentId(uuid4()))
        with pytest.raises(DocumentNotFound):
            await stores.board.retry(DocumentId(uuid4()))

    async def test_jobs_that_nobody_took_are_due_longest_waiting_first(self, stores: Stores) -> None:
        """Jobs that could be claimed and were not, the longest waiting first."""
        one, two, three = [await queued(stores, content) for content in ("one", "two", "three")]
        lease = await stores.jobs.claim(one, lease_seconds=0.0)
        assert lease is not None
        assert await stores.board.due(grace_seconds=0.0, limit=10) == [two, three, one]
        assert await stores.board.due(grace_seconds=0.0, limit=2) == [two, three]

    async def test_a_job_is_due_only_after_the_grace(self, stores: Stores) -> None:
        """For at least `grace_seconds`."""
        job_id = await queued(stores, "text")
        assert await stores.board.due(grace_seconds=LEASE_SECONDS, limit=10) == []
        await asyncio.sleep(0.1)
        assert await stores.board.due(grace_seconds=0.05, limit=10) == [job_id]

    async def test_jobs_that_wait_or_are_held_or_have_ended_are_not_due(self, stores: Stores) -> None:
        """Jobs that could be claimed."""
        await claimed(stores, "held")
        waiting, done, bad = [await claimed(stores, content) for content in ("waiting", "done", "bad")]
        await stores.jobs.defer(waiting, seconds=LEASE_SECONDS)
        await stores.jobs.complete(done, page_count=1, chunk_count=1)
        await stores.jobs.fail(bad, _FAILURE)
        assert await stores.board.due(grace_seconds=0.0, limit=10) == []

    async def test_an_announced_job_is_due_again_after_the_grace(self, stores: Stores) -> None:
        """A worker was told of these jobs now; a missing id is no error."""
        job_id = await queued(stores, "text")
        await asyncio.sleep(0.1)
        assert await stores.board.due(grace_seconds=0.05, limit=9) == [job_id]
        await stores.board.announced([job_id, JobId(uuid4())])
        assert await stores.board.due(grace_seconds=0.05, limit=9) == []
        await asyncio.sleep(0.1)
        assert await stores.board.due(grace_seconds=0.05, limit=9) == [job_id]

    async def test_a_lost_lease_is_due_at_once(self, stores: Stores) -> None:
        """A job whose worker is lost, as its lease has run out, is due without the grace, and once."""
        lease = await claimed(stores, "text")
        assert await stores.board.due(grace_seconds=LEASE_SECONDS, limit=9) == []
        await stores.jobs.extend(lease, lease_seconds=0.0)
        assert await stores.board.due(grace_seconds=LEASE_SECONDS, limit=9) == [lease.job_id]
        await stores.board.announced([lease.job_id])
        assert await stores.board.due(grace_seconds=LEASE_SECONDS, limit=9) == []
        again = await stores.jobs.claim(lease.job_id, lease_seconds=0.01)
        assert again is not None
        await asyncio.sleep(0.05)
        assert await stores.board.due(grace_seconds=LEASE_SECONDS, limit=9) == [lease.job_id]

    async def test_a_job_waits_that_could_be_claimed(self, stores: Stores) -> None:
        """Whether there is a QUEUED job that could be claimed."""
        assert not await stores.board.waiting()
        lease = await claimed(stores, "text", lease_seconds=0.0)
        assert not await stores.board.waiting()
        await stores.jobs.defer(lease, seconds=LEASE_SECONDS)
        assert not await stores.board.waiting()
        await queued(stores, "another")
        assert await stores.board.waiting()

    async def test_the_backlog_is_what_has_not_ended(self, stores: Stores) -> None:
        """What is QUEUED or PROCESSING."""
        assert await stores.board.backlog() == Backlog(0, 0)
        await queued(stores, "four")
        lease = await claimed(stores, "sixsix")
        await failed(stores, "bad")
        assert await stores.board.backlog() == Backlog(2, 10)
        await stores.jobs.complete(lease, page_count=1, chunk_count=1)
        assert await stores.board.backlog() == Backlog(1, 4)
