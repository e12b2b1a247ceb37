"""The contract of JobStore."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from citewell.errors import StaleLease
from citewell.model import Document, Failure, JobId, Lease, Page, Progress, Stage, Status
from citewell.ports import JobStore
from citewell.testing.stores import LEASE_SECONDS, Stores, claimed, submission

__all__ = ["JobStoreContract"]

_FAILURE = Failure("unreadable", "the file is damaged: \N{REPLACEMENT CHARACTER}")

LeaseCall = Callable[[JobStore, Lease], Awaitable[None]]

#: Every call that takes a lease.
_LEASE_CALLS: dict[str, LeaseCall] = {
    "extend": lambda jobs, lease: jobs.extend(lease, lease_seconds=LEASE_SECONDS),
    "report": lambda jobs, lease: jobs.report(
        lease, stage=Stage.EMBEDDING, progress=Progress(9, 9, 9, 9), lease_seconds=LEASE_SECONDS
    ),
    "complete": lambda jobs, lease: jobs.complete(lease, page_count=9, chunk_count=9),
    "fail": lambda jobs, lease: jobs.fail(lease, Failure("no_text", "no text")),
    "defer": lambda jobs, lease: jobs.defer(lease, seconds=0.0),
}

lease_calls = pytest.mark.parametrize("call", _LEASE_CALLS.values(), ids=list(_LEASE_CALLS))


async def queued(stores: Stores, content: str) -> JobId:
    """The job of a new document."""
    submitted = await stores.documents.submit(submission(content))
    assert submitted.job_id is not None
    return submitted.job_id


async def under_way(stores: Stores, content: str) -> Lease:
    """The lease of a job that has reported."""
    lease = await claimed(stores, content)
    await stores.jobs.report(
        lease, stage=Stage.EMBEDDING, progress=Progress(1, 2, 3, 4), lease_seconds=LEASE_SECONDS
    )
    return lease


async def document_of(stores: Stores, lease: Lease) -> Document:
    return await stores.documents.get(lease.document_id)


@pytest.mark.asyncio
class JobStoreContract:
    """Override `stores` with empty stores; besides jobs, only documents and pages are used."""

    @pytest.fixture
    def stores(self) -> Stores:
        raise NotImplementedError("override the fixture stores")

    async def test_a_claimed_job_is_processing(self, stores: Stores) -> None:
        """Take the job: PROCESSING, its attempts one more."""
        lease = await claimed(stores, "text")
        document = await document_of(stores, lease)
        assert (document.status, document.attempts, lease.attempt) == (Status.PROCESSING, 1, 1)

    async def test_a_lease_tells_what_is_to_be_done(self, stores: Stores) -> None:
        """The lease names document, revision, bytes, type, collection and request."""
        given = submission("text", collection="reports", request_id="req-7")
        submitted = await stores.documents.submit(given)
        assert submitted.job_id is not None
        lease = await stores.jobs.claim(submitted.job_id, lease_seconds=LEASE_SECONDS)
        assert lease is not None
        assert (lease.job_id, lease.document_id) == (submitted.job_id, submitted.document.id)
        assert (lease.sha256, lease.media_type) == (given.sha256, given.media_type)
        assert (lease.name, lease.collection, lease.request_id) == (given.name, "reports", "req-7")

    async def test_every_document_has_a_revision_of_its_own(self, stores: Stores) -> None:
        """Revision ids are never reused."""
        one, two = await claimed(stores, "one"), await claimed(stores, "two")
        assert one.revision_id != two.revision_id
        await stores.documents.delete(two.document_id)
        assert (await claimed(stores, "three")).revision_id not in {one.revision_id, two.revision_id}

    async def test_a_held_job_is_not_claimed(self, stores: Stores) -> None:
        """None if another worker's lease still runs."""
        lease = await claimed(stores, "text")
        assert await stores.jobs.claim(lease.job_id, lease_seconds=LEASE_SECONDS) is None
        assert (await document_of(stores, lease)).attempts == 1

    async def test_of_many_claims_at_once_one_succeeds(self, stores: Stores) -> None:
        """Take the job; None if another worker's lease still runs."""
        job_id = await queued(stores, "text")
        claims = [stores.jobs.claim(job_id, lease_seconds=LEASE_SECONDS) for _ in range(8)]
        assert sum(lease is not None for lease in await asyncio.gather(*claims)) == 1

    async def test_a_lease_that_ran_out_is_taken_over(self, stores: Stores) -> None:
        """The lease's fence is higher than any before, its attempts one more."""
        former = await claimed(stores, "text", lease_seconds=0.0)
        lease = await stores.jobs.claim(former.job_id, lease_seconds=LEASE_SECONDS)
        assert lease is not None
        assert lease.fence > former.fence
        assert (former.attempt, lease.attempt) == (1, 2)
        assert lease.revision_id == former.revision_id

    async def test_an_ended_job_is_not_claimed(self, stores: Stores) -> None:
        """None if it has ended."""
        done, bad = await claimed(stores, "done"), await claimed(stores, "bad")
        await stores.jobs.complete(done, page_count=1, chunk_count=1)
        await stores.jobs.fail(bad, _FAILURE)
        for lease in (done, bad):
            assert await stores.jobs.claim(lease.job_id, lease_seconds=LEASE_SECONDS) is None

    async def test_a_report_shows_in_the_document(self, stores: Stores) -> None:
        """Record how far the job is."""
        lease = await claimed(stores, "text")
        before = await document_of(stores, lease)
        progress = Progress(pages_done=3, pages_total=9, chunks_done=14, chunks_total=None)
        await stores.jobs.report(lease, stage=Stage.EMBEDDING, progress=progress, lease_seconds=LEASE_SECONDS)
        document = await document_of(stores, lease)
        assert (document.stage, document.progress) == (Stage.EMBEDDING, progress)
        assert document.updated_at >= before.updated_at

    async def test_a_report_extends_the_lease(self, stores: Stores) -> None:
        """Hold it for `lease_seconds` from now."""
        lease = await claimed(stores, "text", lease_seconds=0.0)
        await stores.jobs.report(lease, stage=Stage.PARSING, progress=Progress(), lease_seconds=LEASE_SECONDS)
        assert await stores.jobs.claim(lease.job_id, lease_seconds=LEASE_SECONDS) is None

    async def test_a_lease_that_ran_out_counts_until_the_job_is_claimed_again(self, stores: Stores) -> None:
        """StaleLease only if the job was claimed again, has ended or is gone."""
        lease = await claimed(stores, "text", lease_seconds=0.0)
        await stores.jobs.complete(lease, page_count=1, chunk_count=1)
        assert (await document_of(stores, lease)).status is Status.READY

    async def test_a_completed_job_makes_the_document_ready(self, stores: Stores) -> None:
        """The revision is live and the document READY."""
        lease = await under_way(stores, "text")
        await stores.jobs.complete(lease, page_count=12, chunk_count=34)
        document = await document_of(stores, lease)
        assert (document.status, document.stage, document.error) == (Status.READY, None, None)
        assert document.revision_id == lease.revision_id
        assert (document.page_count, document.chunk_count) == (12, 34)

    async def test_a_failed_job_tells_why(self, stores: Stores) -> None:
        """The document is FAILED."""
        lease = await under_way(stores, "text")
        await stores.jobs.fail(lease, _FAILURE)
        document = await document_of(stores, lease)
        assert (document.status, document.stage, document.error) == (Status.FAILED, None, _FAILURE)
        assert document.revision_id is None

    async def test_a_deferred_job_waits(self, stores: Stores) -> None:
        """Give the job back: QUEUED, not to be claimed before `seconds` have passed."""
        lease = await under_way(stores, "text")
        await stores.jobs.defer(lease, seconds=LEASE_SECONDS)
        document = await document_of(stores, lease)
        assert (document.status, document.stage) == (Status.QUEUED, None)
        assert await stores.jobs.claim(lease.job_id, lease_seconds=LEASE_SECONDS) is None

    async def test_an_attempt_that_is_not_counted_leaves_no_trace(self, stores: Stores) -> None:
        """Unless `counted`, its attempts are one less again."""
        lease = await claimed(stores, "text")
        await stores.jobs.defer(lease, seconds=0.0, counted=False)
        assert (await stores.documents.get(lease.document_id)).attempts == 0
        again = await stores.jobs.claim(lease.job_id, lease_seconds=LEASE_SECONDS)
        assert again is not None
        assert again.attempt == 1
        assert again.fence > lease.fence

    async def test_a_deferred_job_is_claimed_after_its_time(self, stores: Stores) -> None:
        """Not to be claimed before `seconds` have passed."""
        lease = await claimed(stores, "text")
        await stores.jobs.defer(lease, seconds=0.05)
        await asyncio.sleep(0.1)
        again = await stores.jobs.claim(lease.job_id, lease_seconds=LEASE_SECONDS)
        assert again is not None
        assert again.fence > lease.fence
        assert again.attempt == 2

    @lease_calls
    async def test_a_job_that_was_claimed_again_is_not_the_former_workers(
        self, stores: Stores, call: LeaseCall
    ) -> None:
        """Every call that takes a Lease raises StaleLease, and changes nothing, if it was claimed again."""
        stale = await claimed(stores, "text", lease_seconds=0.0)
        lease = await stores.jobs.claim(stale.job_id, lease_seconds=LEASE_SECONDS)
        before = await document_of(stores, stale)
        with pytest.raises(StaleLease):
            await call(stores.jobs, stale)
        assert await document_of(stores, stale) == before
        assert lease is not None
        await stores.jobs.complete(lease, page_count=1, chunk_count=1)

    @lease_calls
    async def test_a_job_that_was_given_back_is_not_the_workers(
        self, stores: Stores, call: LeaseCall
    ) -> None:
        """Give the job back: the lease counts no more."""
        lease = await claimed(stores, "text")
        await stores.jobs.defer(lease, seconds=0.0)
        before = await document_of(stores, lease)
        with pytest.raises(StaleLease):
            await call(stores.jobs, lease)
        assert await document_of(stores, lease) == before

    @lease_calls
    async def test_an_ended_job_does_not_change(self, stores: Stores, call: LeaseCall) -> None:
        """Every call that takes a Lease raises StaleLease, and changes nothing, if the job has ended."""
        lease = await claimed(stores, "text")
        await stores.jobs.fail(lease, _FAILURE)
        before = await document_of(stores, lease)
        with pytest.raises(StaleLease):
            await call(stores.jobs, lease)
        assert await document_of(stores, lease) == before

    @lease_calls
    async def test_a_job_that_is_gone_is_nobodys(self, stores: Stores, call: LeaseCall) -> None:
        """Every call that takes a Lease raises StaleLease if the job is gone."""
        lease = await claimed(stores, "text")
        await stores.documents.delete(lease.document_id)
        with pytest.raises(StaleLease):
            await call(stores.jobs, lease)

    async def test_an_extended_lease_is_held(self, stores: Stores) -> None:
        """Hold the job for `lease_seconds` from now."""
        lease = await claimed(stores, "text", lease_seconds=0.0)
        before = await document_of(stores, lease)
        await stores.jobs.extend(lease, lease_seconds=LEASE_SECONDS)
        assert await stores.jobs.claim(lease.job_id, lease_seconds=LEASE_SECONDS) is None
        assert await document_of(stores, lease) == before

    async def test_a_lease_tells_what_was_reported_before(self, stores: Stores) -> None:
        """The lease tells the progress that was last reported."""
        lease = await under_way(stores, "text")
        assert lease.progress == Progress()
        await stores.jobs.defer(lease, seconds=0.0)
        again = await stores.jobs.claim(lease.job_id, lease_seconds=LEASE_SECONDS)
        assert again is not None
        assert again.progress == Progress(1, 2, 3, 4)

    async def test_claims_without_progress_are_strikes(self, stores: Stores) -> None:
        """Its strikes are one more; unless `strike`, its strikes are one less again."""
        lease = await claimed(stores, "text", lease_seconds=0.0)
        assert lease.strikes == 1
        killed = await stores.jobs.claim(lease.job_id, lease_seconds=0.0)
        assert killed is not None
        assert killed.strikes == 2
        given_back = await stores.jobs.claim(lease.job_id, lease_seconds=LEASE_SECONDS)
        assert given_back is not None
        await stores.jobs.defer(given_back, seconds=0.0)
        again = await stores.jobs.claim(lease.job_id, lease_seconds=LEASE_SECONDS)
        assert again is not None
        assert again.strikes == 3
        await stores.jobs.defer(again, seconds=0.0, strike=True)
        last = await stores.jobs.claim(lease.job_id, lease_seconds=LEASE_SECONDS)
        assert last is not None
        assert (last.strikes, last.attempt) == (4, 5)

    async def test_progress_clears_the_strikes(self, stores: Stores) -> None:
        """If more pages or chunks are done than before, it has no strikes any more."""
        lease = await claimed(stores, "text")
        for progress, strikes in ((Progress(1, 2), 1), (Progress(1, 2), 2), (Progress(1, 2, 1), 1)):
            await stores.jobs.report(lease, stage=Stage.PARSING, progress=progress, lease_seconds=0.0)
            again = await stores.jobs.claim(lease.job_id, lease_seconds=LEASE_SECONDS)
            assert again is not None
            assert again.strikes == strikes, progress
            lease = again

    async def test_a_lease_tells_how_long_there_was_no_progress(self, stores: Stores) -> None:
        """How long ago pages or chunks were last done."""
        lease = await claimed(stores, "text")
        assert 0 <= lease.idle_seconds < LEASE_SECONDS
        await asyncio.sleep(0.1)
        await stores.jobs.report(lease, stage=Stage.PARSING, progress=Progress(), lease_seconds=0.0)
        idle = await stores.jobs.claim(lease.job_id, lease_seconds=LEASE_SECONDS)
        assert idle is not None
        assert idle.idle_seconds >= 0.1
        await stores.jobs.report(idle, stage=Stage.PARSING, progress=Progress(1), lease_seconds=0.0)
        busy = await stores.jobs.claim(lease.job_id, lease_seconds=LEASE_SECONDS)
        assert busy is not None
        assert busy.idle_seconds < idle.idle_seconds

    async def test_pages_that_could_not_be_read_are_named(self, stores: Stores) -> None:
        """unreadable_pages: the numbers of its pages that could not be read, known once it is READY."""
        lease = await claimed(stores, "text")
        pages = [Page(1, 0, "one\f"), Page(2, 4, "\f", problem="damaged"), Page(3, 5, "", problem="damaged")]
        await stores.pages.add(lease.revision_id, pages)
        await stores.jobs.complete(lease, page_count=3, chunk_count=1)
        assert (await document_of(stores, lease)).unreadable_pages == (2, 3)
