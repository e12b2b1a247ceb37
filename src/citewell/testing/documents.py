"""The contract of DocumentStore."""

from __future__ import annotations

import asyncio
from datetime import UTC, timedelta
from hashlib import sha256
from uuid import uuid4

import pytest

from citewell.errors import DocumentNotFound, StaleLease
from citewell.model import (
    Document,
    DocumentId,
    Failure,
    JobId,
    Page,
    Progress,
    Stage,
    Status,
)
from citewell.testing.stores import LEASE_SECONDS, Stores, claimed, submission

__all__ = ["DocumentStoreContract"]

_METADATA = {
    "author": "Жанна d’Arc",
    "year": 2026,
    "weight": 0.25,
    "tags": ["a", "b", None, True],
    "nested": {"empty": {}, "list": []},
}


async def failed(stores: Stores, content: str) -> Document:
    """A document whose job has failed after some progress."""
    lease = await claimed(stores, content)
    await stores.jobs.report(
        lease, stage=Stage.PARSING, progress=Progress(3, 7, 0, None), lease_seconds=LEASE_SECONDS
    )
    await stores.jobs.fail(lease, Failure("unreadable", "the file is damaged"))
    return await stores.documents.get(lease.document_id)


@pytest.mark.asyncio
class DocumentStoreContract:
    """Override `stores` with empty stores; besides documents, only jobs and pages are used."""

    @pytest.fixture
    def stores(self) -> Stores:
        raise NotImplementedError("override the fixture stores")

    async def test_an_empty_store_lists_nothing(self, stores: Stores) -> None:
        """Up to `limit` documents."""
        assert await stores.documents.list(limit=10) == []

    async def test_a_submission_becomes_a_queued_document(self, stores: Stores) -> None:
        """Record a document, its revision and a QUEUED job."""
        given = submission("text", name="Bericht ß №1.txt", collection="reports", metadata=_METADATA)
        submitted = await stores.documents.submit(given)
        document = submitted.document
        assert submitted.created
        assert (document.name, document.collection, document.metadata) == (given.name, "reports", _METADATA)
        assert (document.sha256, document.size_bytes) == (given.sha256, given.size_bytes)
        assert document.media_type == "text/plain"
        assert (document.status, document.stage, document.progress) == (Status.QUEUED, None, Progress())
        assert (document.attempts, document.error, document.revision_id) == (0, None, None)
        assert (document.page_count, document.chunk_count) == (None, None)

    async def test_the_times_of_a_document_are_in_utc(self, stores: Stores) -> None:
        """Times are aware, in UTC."""
        document = (await stores.documents.submit(submission("text"))).document
        assert document.created_at.utcoffset() == document.updated_at.utcoffset() == timedelta(0)
        assert document.created_at.astimezone(UTC) <= document.updated_at

    async def test_the_job_of_a_submission_can_be_claimed(self, stores: Stores) -> None:
        """A QUEUED job; the reply carries the job to announce."""
        given = submission("text", request_id="req-1")
        submitted = await stores.documents.submit(given)
        assert submitted.job_id is not None
        lease = await stores.jobs.claim(submitted.job_id, lease_seconds=LEASE_SECONDS)
        assert lease is not None
        assert (lease.document_id, lease.request_id) == (submitted.document.id, "req-1")

    async def test_what_was_submitted_is_what_is_got(self, stores: Stores) -> None:
        """The document."""
        submitted = await stores.documents.submit(submission("text", metadata=_METADATA))
        assert await stores.documents.get(submitted.document.id) == submitted.document

    async def test_the_same_bytes_in_one_collection_make_one_document(self, stores: Stores) -> None:
        """The reply is the document that holds them, with `created` False."""
        first = await stores.documents.submit(submission("text", name="a.txt"))
        again = await stores.documents.submit(submission("text", name="b.txt", metadata={"other": 1}))
        assert (again.created, again.job_id, again.document) == (False, None, first.document)

    async def test_the_same_bytes_in_two_collections_make_two_documents(self, stores: Stores) -> None:
        """The same bytes again in the same collection make nothing new."""
        one = await stores.documents.submit(submission("text", collection="one"))
        two = await stores.documents.submit(submission("text", collection="two"))
        assert one.created
        assert two.created
        assert one.document.id != two.document.id

    async def test_the_same_bytes_at_the_same_time_make_one_document(self, stores: Stores) -> None:
        """The same bytes again in the same collection make nothing new."""
        submitted = await asyncio.gather(*(stores.documents.submit(submission("text")) for _ in range(8)))
        assert sum(each.created for each in submitted) == 1
        assert len({each.document.id for each in submitted}) == 1
        assert sum(each.job_id is not None for each in submitted) == 1

    async def test_a_failed_document_is_queued_anew_by_its_bytes(self, stores: Stores) -> None:
        """If that document has FAILED it is QUEUED anew and the reply carries the new job."""
        document = await failed(stores, "text")
        again = await stores.documents.submit(submission("text", request_id="second"))
        assert (again.created, again.document.id) == (False, document.id)
        assert again.document == await stores.documents.get(document.id)
        assert (again.document.status, again.document.error) == (Status.QUEUED, None)
        assert (again.document.attempts, again.document.progress) == (0, Progress())
        assert again.job_id is not None
        lease = await stores.jobs.claim(again.job_id, lease_seconds=LEASE_SECONDS)
        assert lease is not None
        assert (lease.attempt, lease.request_id) == (1, "second")

    async def test_a_document_queued_anew_forgets_its_former_job(self, stores: Stores) -> None:
        """The reply carries the new job."""
        lease = await claimed(stores, "text")
        await stores.jobs.fail(lease, Failure("no_text", "no text"))
        again = await stores.documents.submit(submission("text"))
        assert again.job_id is not None
        assert again.job_id != lease.job_id
        assert await stores.jobs.claim(lease.job_id, lease_seconds=LEASE_SECONDS) is None
        assert await stores.jobs.claim(again.job_id, lease_seconds=LEASE_SECONDS) is not None
        with pytest.raises(StaleLease):
            await stores.jobs.defer(lease, seconds=0)

    async def test_an_unknown_document_is_not_found(self, stores: Stores) -> None:
        """Raises DocumentNotFound."""
        with pytest.raises(DocumentNotFound):
            await stores.documents.get(DocumentId(uuid4()))

    async def test_documents_are_listed_oldest_first(self, stores: Stores) -> None:
        """By id, oldest first; ids grow with time."""
        made = [(await stores.documents.submit(submission(f"{n}"))).document for n in range(25)]
        assert await stores.documents.list(limit=100) == made
        assert [document.id for document in made] == sorted(document.id for document in made)

    async def test_a_list_is_read_page_by_page(self, stores: Stores) -> None:
        """Up to `limit` documents, those past the id `after`."""
        made = [(await stores.documents.submit(submission(f"{n}"))).document.id for n in range(7)]
        read: list[DocumentId] = []
        while page := await stores.documents.list(after=read[-1] if read else None, limit=3):
            assert len(page) <= 3
            read += [document.id for document in page]
        assert read == made

    async def test_a_list_keeps_to_its_collection_and_status(self, stores: Stores) -> None:
        """Up to `limit` documents, of the collection, in the status."""
        bad = await failed(stores, "bad")
        other = (await stores.documents.submit(submission("good", collection="other"))).document
        good = (await stores.documents.submit(submission("good"))).document
        documents = stores.documents
        assert await documents.list(collection="default", limit=9) == [bad, good]
        assert await documents.list(status=Status.QUEUED, limit=9) == [other, good]
        assert await documents.list(collection="default", status=Status.QUEUED, limit=9) == [good]
        assert await documents.list(status=Status.QUEUED, after=other.id, limit=9) == [good]
        assert await documents.list(collection="default", status=Status.FAILED, limit=9) == [bad]
        assert await documents.list(collection="unknown", limit=9) == []

    async def test_a_deleted_document_is_gone_with_all_it_had(self, stores: Stores) -> None:
        """Forget the document, its revisions and jobs."""
        lease = await claimed(stores, "text")
        await stores.pages.add(lease.revision_id, [Page(1, 0, "text")])
        await stores.documents.delete(lease.document_id)
        with pytest.raises(DocumentNotFound):
            await stores.documents.get(lease.document_id)
        assert await stores.documents.list(limit=10) == []
        assert await stores.pages.read(lease.revision_id) == []
        assert await stores.jobs.claim(lease.job_id, lease_seconds=LEASE_SECONDS) is None
        assert await stores.board.due(grace_seconds=0, limit=10) == []
        with pytest.raises(StaleLease):
            await stores.jobs.complete(lease, page_count=1, chunk_count=1)

    async def test_a_delete_tells_which_bytes_are_not_used_any_more(self, stores: Stores) -> None:
        """The SHA-256s that no other document uses any more."""
        one = (await stores.documents.submit(submission("text", collection="one"))).document
        two = (await stores.documents.submit(submission("text", collection="two"))).document
        assert list(await stores.documents.delete(one.id)) == []
        assert list(await stores.documents.delete(two.id)) == [two.sha256]

    async def test_deleting_an_unknown_document_raises(self, stores: Stores) -> None:
        """Raises DocumentNotFound."""
        document = (await stores.documents.submit(submission("text"))).document
        await stores.documents.delete(document.id)
        for unknown in (document.id, DocumentId(uuid4())):
            with pytest.raises(DocumentNotFound):
                await stores.documents.delete(unknown)

    async def test_deleted_bytes_may_be_submitted_again(self, stores: Stores) -> None:
        """Forget the document."""
        first = await stores.documents.submit(submission("text"))
        await stores.documents.delete(first.document.id)
        again = await stores.documents.submit(submission("text"))
        assert again.created
        assert again.document.id > first.document.id

    async def test_content_is_used_as_long_as_a_document_has_it(self, stores: Stores) -> None:
        """Whether any revision of any document has these bytes."""
        unused = sha256(b"text").hexdigest()
        assert not await stores.ledger.is_used(unused)
        document = (await stores.documents.submit(submission("text"))).document
        assert await stores.ledger.is_used(document.sha256)
        await stores.documents.delete(document.id)
        assert not await stores.ledger.is_used(document.sha256)

    async def test_locked_content_lets_one_unit_of_work_pass(self, stores: Stores) -> None:
        """Until the unit of work ends, no other unit of work passes here with the same hash."""
        order: list[str] = []
        locked = asyncio.Event()
        content = sha256(b"text").hexdigest()

        async def first() -> None:
            async with stores.unit_of_work():
                await stores.ledger.lock(content)
                locked.set()
                await asyncio.sleep(0.2)
                order.append("the first is done")

        async def second() -> None:
            await locked.wait()
            async with stores.unit_of_work():
                await stores.ledger.lock(content)
                order.append("the second passes")

        await asyncio.gather(first(), second())
        assert order == ["the first is done", "the second passes"]

    async def test_an_unknown_job_is_nobodys(self, stores: Stores) -> None:
        """A submission alone makes jobs."""
        assert await stores.jobs.claim(JobId(uuid4()), lease_seconds=LEASE_SECONDS) is None
