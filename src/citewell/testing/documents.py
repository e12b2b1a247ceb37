"""The contract of DocumentStore."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, timedelta
from hashlib import sha256
from uuid import uuid4

import pytest

from citewell.errors import Conflict, DocumentNotFound, DocumentNotReady, KeyReused, StaleLease
from citewell.model import (
    DEFAULT_COLLECTION,
    Document,
    DocumentId,
    Failure,
    JobId,
    LiveRevision,
    Page,
    Progress,
    Stage,
    Status,
)
from citewell.testing.stores import LEASE_SECONDS, Stores, claimed, complete, submission

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

    async def test_what_is_live_is_told_whatever_takes_its_place(self, stores: Stores) -> None:
        """What is found of the document; DocumentNotReady as long as no revision is live."""
        lease = await claimed(stores, "one")
        with pytest.raises(DocumentNotReady):
            await stores.documents.live(lease.document_id)
        await complete(stores, lease)
        live = await stores.documents.live(lease.document_id)
        assert live == LiveRevision(lease.revision_id, lease.sha256, lease.sha256, "text/plain")
        again = submission("two", document_id=lease.document_id, media_type="text/html")
        await stores.documents.submit(again)
        assert await stores.documents.live(lease.document_id) == live

    async def test_an_unlocked_copy_is_what_to_read(self, stores: Stores) -> None:
        """Of the bytes to read, which are not those of the upload where these are encrypted."""
        unlocked = "1" * 64
        submitted = await stores.documents.submit(submission("locked", unlocked_sha256=unlocked))
        assert submitted.job_id is not None
        lease = await stores.jobs.claim(submitted.job_id, lease_seconds=LEASE_SECONDS)
        assert lease is not None
        await complete(stores, lease)
        live = await stores.documents.live(lease.document_id)
        assert (live.sha256, live.content_sha256) == (lease.sha256, unlocked)

    async def test_nothing_is_live_of_an_unknown_document(self, stores: Stores) -> None:
        """Raises DocumentNotFound."""
        with pytest.raises(DocumentNotFound):
            await stores.documents.live(DocumentId(uuid4()))

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

    async def test_a_delete_tells_which_bytes_were_the_documents(self, stores: Stores) -> None:
        """The SHA-256s that were theirs, of the uploads and of their unlocked copies."""
        unlocked = sha256(b"unlocked").hexdigest()
        given = submission("text", unlocked_sha256=unlocked)
        document = (await stores.documents.submit(given)).document
        assert list(await stores.documents.delete(document.id)) == sorted([given.sha256, unlocked])

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

    async def test_an_unknown_job_is_nobodys(self, stores: Stores) -> None:
        """A submission alone makes jobs."""
        assert await stores.jobs.claim(JobId(uuid4()), lease_seconds=LEASE_SECONDS) is None

    async def test_a_document_of_the_callers_id_is_made(self, stores: Stores) -> None:
        """The document of this id is made."""
        id_ = DocumentId(uuid4())
        submitted = await stores.documents.submit(submission("text", document_id=id_, collection=None))
        assert (submitted.created, submitted.document.id) == (True, id_)
        assert submitted.document.collection == DEFAULT_COLLECTION
        assert await stores.documents.get(id_) == submitted.document

    async def test_other_bytes_under_an_id_are_a_new_revision(self, stores: Stores) -> None:
        """Or gets these bytes as its new revision, while its live one stays."""
        lease = await claimed(stores, "former", collection="reports")
        await stores.jobs.complete(lease, page_count=2, chunk_count=3)
        given = submission("new", document_id=lease.document_id, collection=None, name="new.txt")
        submitted = await stores.documents.submit(given)
        document = submitted.document
        assert (submitted.created, submitted.superseded) == (False, None)
        assert (document.id, document.collection) == (lease.document_id, "reports")
        assert (document.sha256, document.name, document.status) == (given.sha256, "new.txt", Status.QUEUED)
        assert (document.page_count, document.chunk_count) == (None, None)
        assert document.revision_id == lease.revision_id
        assert await stores.ledger.is_used(lease.sha256)
        again = await stores.jobs.claim(submitted.job_id or JobId(uuid4()), lease_seconds=LEASE_SECONDS)
        assert again is not None
        assert (again.sha256, again.name) == (given.sha256, "new.txt")
        assert again.revision_id > lease.revision_id

    async def test_the_live_revision_goes_when_the_new_one_is_live(self, stores: Stores) -> None:
        """Its live one stays, until the new one is complete."""
        lease = await claimed(stores, "former")
        await stores.jobs.complete(lease, page_count=1, chunk_count=1)
        submitted = await stores.documents.submit(submission("new", document_id=lease.document_id))
        again = await stores.jobs.claim(submitted.job_id or JobId(uuid4()), lease_seconds=LEASE_SECONDS)
        assert again is not None
        await stores.jobs.complete(again, page_count=1, chunk_count=1)
        assert (await stores.documents.get(lease.document_id)).revision_id == again.revision_id
        assert not await stores.ledger.is_used(lease.sha256)

    async def test_a_revision_that_never_was_live_is_superseded(self, stores: Stores) -> None:
        """The revision that the new one takes the place of, and that never was live, is gone."""
        lease = await claimed(stores, "former")
        submitted = await stores.documents.submit(submission("new", document_id=lease.document_id))
        assert submitted.superseded == lease.revision_id
        assert not await stores.ledger.is_used(lease.sha256)
        with pytest.raises(StaleLease):
            await stores.jobs.complete(lease, page_count=1, chunk_count=1)
        with pytest.raises(StaleLease):
            await stores.pages.add(lease.revision_id, [Page(1, 0, "text")])

    async def test_the_same_bytes_under_an_id_change_name_and_metadata_alone(self, stores: Stores) -> None:
        """The bytes that it has already change nothing but its name and metadata."""
        first = await stores.documents.submit(submission("text"))
        given = submission("text", document_id=first.document.id, name="b.txt", metadata={"year": 2026})
        again = await stores.documents.submit(given)
        assert (again.created, again.job_id, again.superseded) == (False, None, None)
        assert (again.document.name, again.document.metadata) == ("b.txt", {"year": 2026})
        assert await stores.documents.get(first.document.id) == again.document

    async def test_the_same_bytes_under_an_id_queue_a_failed_document_anew(self, stores: Stores) -> None:
        """If the document that has the bytes has FAILED it is QUEUED anew."""
        document = await failed(stores, "text")
        again = await stores.documents.submit(submission("text", document_id=document.id))
        assert again.job_id is not None
        assert again.document.status is Status.QUEUED

    async def test_a_document_stays_in_its_collection(self, stores: Stores) -> None:
        """It raises Conflict if the document is in another collection."""
        document = (await stores.documents.submit(submission("text", collection="one"))).document
        with pytest.raises(Conflict):
            await stores.documents.submit(submission("new", document_id=document.id, collection="two"))
        assert await stores.documents.get(document.id) == document

    async def test_two_replacements_at_once_follow_each_other(self, stores: Stores) -> None:
        """The document gets these bytes as its new revision: one job is left, for the last of them."""
        id_ = DocumentId(uuid4())
        given = [submission(f"{n}", document_id=id_) for n in range(6)]
        submitted = await asyncio.gather(*(stores.documents.submit(each) for each in given))
        assert sum(each.created for each in submitted) == 1
        document = await stores.documents.get(id_)
        claims = [
            await stores.jobs.claim(each.job_id, lease_seconds=LEASE_SECONDS)
            for each in submitted
            if each.job_id is not None
        ]
        assert [lease.sha256 for lease in claims if lease is not None] == [document.sha256]

    async def test_the_unlocked_copy_is_what_is_read(self, stores: Stores) -> None:
        """unlocked_sha256: the copy to read instead of encrypted bytes."""
        unlocked = sha256(b"unlocked").hexdigest()
        given = submission("locked", unlocked_sha256=unlocked)
        submitted = await stores.documents.submit(given)
        lease = await stores.jobs.claim(submitted.job_id or JobId(uuid4()), lease_seconds=LEASE_SECONDS)
        assert lease is not None
        assert (lease.sha256, lease.content_sha256) == (given.sha256, unlocked)
        assert await stores.ledger.is_used(unlocked)

    async def test_a_password_may_come_with_the_second_upload(self, stores: Stores) -> None:
        """If the document that has the bytes has FAILED it is QUEUED anew, to read the unlocked copy."""
        await failed(stores, "locked")
        unlocked = sha256(b"unlocked").hexdigest()
        again = await stores.documents.submit(submission("locked", unlocked_sha256=unlocked))
        lease = await stores.jobs.claim(again.job_id or JobId(uuid4()), lease_seconds=LEASE_SECONDS)
        assert lease is not None
        assert lease.content_sha256 == unlocked

    async def test_a_repeated_key_brings_the_same_document(self, stores: Stores) -> None:
        """An idempotency key that was given before brings the document that it brought then."""
        given = submission("text", idempotency_key="key-1")
        first = await stores.documents.submit(given)
        again = await stores.documents.submit(given)
        assert (again.created, again.job_id, again.document) == (False, None, first.document)

    async def test_a_key_belongs_to_one_request(self, stores: Stores) -> None:
        """Or raises KeyReused if the fingerprint was another one."""
        given = submission("text", idempotency_key="key-1")
        await stores.documents.submit(given)
        for changes in ({"name": "b.txt"}, {"metadata": {"a": 1}}, {"collection": "other"}):
            with pytest.raises(KeyReused):
                await stores.documents.submit(replace(given, **changes))
        with pytest.raises(KeyReused):
            await stores.documents.submit(submission("other", idempotency_key="key-1"))
        assert len(await stores.documents.list(limit=10)) == 1

    async def test_one_key_at_the_same_time_makes_one_document(self, stores: Stores) -> None:
        """A key brings one document, also where the requests overlap."""
        given = submission("text", idempotency_key="key-1")
        submitted = await asyncio.gather(*(stores.documents.submit(given) for _ in range(8)))
        assert sum(each.created for each in submitted) == 1

    async def test_the_key_of_a_deleted_document_is_free(self, stores: Stores) -> None:
        """Forget the document, and what brought it."""
        given = submission("text", idempotency_key="key-1")
        first = await stores.documents.submit(given)
        await stores.documents.delete(first.document.id)
        assert (await stores.documents.submit(given)).created

    async def test_old_keys_are_forgotten(self, stores: Stores) -> None:
        """Forget idempotency keys of that age."""
        given = submission("text", idempotency_key="key-1")
        await stores.documents.submit(given)
        await stores.documents.prune(older_than_seconds=LEASE_SECONDS)
        with pytest.raises(KeyReused):
            await stores.documents.submit(replace(given, name="b.txt"))
        await asyncio.sleep(0.02)
        await stores.documents.prune(older_than_seconds=0.01)
        assert not (await stores.documents.submit(replace(given, name="b.txt"))).created

    async def test_the_life_of_a_document_is_told(self, stores: Stores) -> None:
        """Changes of status, stage, progress or attempts, in order."""
        lease = await claimed(stores, "text")
        steps = [(Stage.PARSING, Progress(1, 2, 0, None)), (Stage.EMBEDDING, Progress(2, 2, 5, 9))]
        for stage, progress in [*steps, steps[-1]]:
            await stores.jobs.report(lease, stage=stage, progress=progress, lease_seconds=LEASE_SECONDS)
        await stores.jobs.fail(lease, Failure("unreadable", "the file is damaged"))
        told = await stores.documents.events(lease.document_id, limit=100)
        assert [(event.status, event.stage) for event in told] == [
            (Status.QUEUED, None),
            (Status.PROCESSING, None),
            (Status.PROCESSING, Stage.PARSING),
            (Status.PROCESSING, Stage.EMBEDDING),
            (Status.FAILED, None),
        ]
        assert [event.progress for event in told[2:4]] == [progress for _, progress in steps]
        assert [event.attempts for event in told] == [0, 1, 1, 1, 1]
        assert told[-1].error == Failure("unreadable", "the file is damaged")
        assert [event.is_end for event in told] == [False] * 4 + [True]
        assert [event.id for event in told] == sorted({event.id for event in told})

    async def test_events_are_read_from_any_of_them_on(self, stores: Stores) -> None:
        """Up to `limit`, those past the id `after`."""
        lease = await claimed(stores, "text")
        await claimed(stores, "another")
        await stores.jobs.fail(lease, Failure("no_text", "no text"))
        told = await stores.documents.events(lease.document_id, limit=100)
        assert await stores.documents.events(lease.document_id, limit=2) == told[:2]
        assert await stores.documents.events(lease.document_id, after=told[0].id, limit=9) == told[1:]
        assert await stores.documents.events(lease.document_id, after=told[-1].id, limit=9) == []

    async def test_old_events_are_forgotten_but_the_last(self, stores: Stores) -> None:
        """Forget events of that age but the last of each document."""
        lease = await claimed(stores, "text")
        told = await stores.documents.events(lease.document_id, limit=100)
        await stores.documents.prune(older_than_seconds=LEASE_SECONDS)
        assert await stores.documents.events(lease.document_id, limit=100) == told
        await asyncio.sleep(0.02)
        await stores.documents.prune(older_than_seconds=0.01)
        assert await stores.documents.events(lease.document_id, limit=100) == told[-1:]

    async def test_an_unknown_document_has_no_events(self, stores: Stores) -> None:
        """Raises DocumentNotFound."""
        document = (await stores.documents.submit(submission("text"))).document
        await stores.documents.delete(document.id)
        for unknown in (document.id, DocumentId(uuid4())):
            with pytest.raises(DocumentNotFound):
                await stores.documents.events(unknown, limit=1)
