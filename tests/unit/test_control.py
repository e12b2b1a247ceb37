"""Cancelling, trying again and replacing documents; what orphans are left and who finds them."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.fakes import RecordingQueue
from tests.house import House

from citewell.errors import (
    BlobsUnavailable,
    Conflict,
    ContentMissing,
    KeyReused,
    QueueUnavailable,
    TooMuchQueued,
)
from citewell.memory import MemoryBlobStore
from citewell.model import Blob, DocumentId, Status
from citewell.usecases import AdmitUpload, FollowDocument

FERRY = b"The ferry leaves at nine."
MUSEUM = b"The museum is closed on Mondays."


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path)


async def has_bytes(house: House, sha256: str) -> bool:
    try:
        _ = [piece async for piece in house.blobs.read(sha256)]
    except ContentMissing:
        return False
    return True


async def rows(house: House, *names: str) -> dict[str, int]:
    async with house.database.tables() as tables:
        return {name: len(getattr(tables, name)) for name in names if getattr(tables, name)}


async def ready(house: House, content: bytes, *, document_id: DocumentId | None = None) -> DocumentId:
    submitted = await house.upload(content, collection=None, document_id=document_id)
    assert submitted.job_id is not None
    await house.ingest(submitted.job_id)
    return submitted.document.id


async def test_a_cancelled_document_keeps_nothing_staged(house: House) -> None:
    """Its row and its bytes stay, so that it can be tried again."""
    document, _ = await house.uploaded_job(FERRY)
    cancelled = await house.cancel(document.id)
    assert cancelled.status is Status.CANCELLED
    assert await rows(house, "pages", "staged", "jobs", "live") == {}
    assert await has_bytes(house, document.sha256)
    with pytest.raises(Conflict):
        await house.cancel(document.id)


async def test_a_cancelled_document_is_tried_again(house: House) -> None:
    """From the beginning, with a new job that is announced."""
    document, _ = await house.uploaded_job(FERRY)
    await house.cancel(document.id)
    again = await house.retry(document.id, request_id="again")
    assert (again.document.status, again.degraded) == (Status.QUEUED, ())
    assert again.job_id is not None
    assert house.queue.announced[-1] == (again.job_id, 0.0)
    await house.ingest(again.job_id)
    assert (await house.documents.get(document.id)).status is Status.READY


async def test_a_retry_says_when_the_queue_is_away(tmp_path: Path) -> None:
    """It is tried all the same, as soon as the queue is back."""
    house = House(tmp_path)
    document, _ = await house.uploaded_job(FERRY)
    await house.cancel(document.id)
    house.queue = RecordingQueue(failure=QueueUnavailable())
    assert (await house.retry(document.id)).degraded == ("queue",)


async def test_a_replaced_document_is_found_as_it_was_until_the_new_bytes_are_ready(house: House) -> None:
    """Then it swaps at once, and the former bytes are gone."""
    id_ = await ready(house, FERRY)
    former = await house.documents.get(id_)
    submitted = await house.upload(MUSEUM, collection=None, document_id=id_)
    assert (await house.search("ferry"))[0].sha256 == former.sha256
    assert submitted.job_id is not None
    await house.ingest(submitted.job_id)
    assert {hit.sha256 for hit in await house.search("ferry")} == {submitted.document.sha256}
    assert await house.collect_contents() == 1
    assert not await has_bytes(house, former.sha256)
    assert await has_bytes(house, submitted.document.sha256)


async def test_a_replacement_that_fails_leaves_the_live_revision(house: House) -> None:
    """The document is FAILED with a reason, and still found."""
    id_ = await ready(house, FERRY)
    submitted = await house.upload(b"   ", collection=None, document_id=id_)
    assert submitted.job_id is not None
    await house.ingest(submitted.job_id)
    assert (await house.documents.get(id_)).status is Status.FAILED
    assert len(await house.search("ferry")) == 1


async def test_a_replacement_of_what_is_in_work_leaves_nothing_of_it(house: House) -> None:
    """The revision that never was live is gone with its pages, and its bytes with it."""
    document, job_id = await house.uploaded_job(FERRY)
    assert await house.jobs.claim(job_id, lease_seconds=60) is not None
    submitted = await house.upload(MUSEUM, collection=None, document_id=document.id)
    await house.ingest(job_id)
    assert submitted.job_id is not None
    await house.ingest(submitted.job_id)
    assert await rows(house, "revisions", "jobs", "staged") == {"revisions": 1}
    assert await house.collect_contents() == 1
    assert not await has_bytes(house, document.sha256)


async def test_bytes_in_use_survive_a_suspicion(house: House) -> None:
    """Only what no document has is deleted, and each suspicion is looked into once."""
    document, _ = await house.uploaded_job(FERRY)
    await house.ledger.suspect(document.sha256)
    assert await house.collect_contents() == 0
    assert await house.ledger.suspected(limit=9) == []
    assert await has_bytes(house, document.sha256)


async def test_an_upload_that_breaks_off_leaves_no_orphan_for_good(tmp_path: Path) -> None:
    """Bytes that were kept for a document that never came to be are found and deleted."""
    house = House(tmp_path)

    class Breaking(MemoryBlobStore):
        async def keep(self, blob: Blob) -> None:
            await super().keep(blob)
            raise BlobsUnavailable("the power is gone")

    house.blobs = Breaking()
    with pytest.raises(BlobsUnavailable):
        await house.upload(FERRY)
    [sha256] = await all_kept(house)
    assert await house.documents.list(limit=9) == []
    assert await house.collect_contents() == 0
    house.clock.advance(61)
    assert await house.collect_contents() == 1
    assert not await has_bytes(house, sha256)


async def all_kept(house: House) -> list[str]:
    async with house.database.tables() as tables:
        suspects = list(tables.suspects)
    return [sha256 for sha256 in suspects if await has_bytes(house, sha256)]


async def test_a_delete_goes_through_while_the_blob_store_is_away(tmp_path: Path) -> None:
    """The document is gone; its bytes go when the store is back."""
    house, away = House(tmp_path), True

    class Away(MemoryBlobStore):
        async def delete(self, sha256: str) -> None:
            if away:
                raise BlobsUnavailable
            await super().delete(sha256)

    house.blobs = Away()
    document, _ = await house.uploaded_job(FERRY)
    await house.delete(document.id)
    assert await house.documents.list(limit=9) == []
    assert await has_bytes(house, document.sha256)
    away = False
    assert await house.collect_contents() == 1
    assert not await has_bytes(house, document.sha256)


async def test_a_repeated_request_brings_its_document(house: House) -> None:
    """By its key, its bytes kept once; another request with the key is refused and leaves nothing."""
    first = await house.upload(FERRY, idempotency_key="key")
    assert (await house.upload(FERRY, idempotency_key="key")).document.id == first.document.id
    with pytest.raises(KeyReused):
        await house.upload(MUSEUM, idempotency_key="key")
    house.clock.advance(61)
    await house.collect_contents()
    assert await has_bytes(house, first.document.sha256)
    assert await all_kept(house) == []


async def test_uploads_are_refused_while_too_much_waits(house: House) -> None:
    """By number and by bytes; one upload alone is never too much."""
    few = AdmitUpload(board=house.board, max_documents=2, max_bytes=1000)
    small = AdmitUpload(board=house.board, max_documents=100, max_bytes=60)
    await small(size_bytes=10_000)
    await house.upload(FERRY)
    await few(size_bytes=0)
    with pytest.raises(TooMuchQueued):
        await small(size_bytes=36)
    await small(size_bytes=35)
    second = await house.upload(MUSEUM)
    with pytest.raises(TooMuchQueued):
        await few(size_bytes=0)
    assert second.job_id is not None
    await house.ingest(second.job_id)
    await few(size_bytes=0)


async def test_a_document_is_followed_to_its_end(house: House) -> None:
    """Every event until an end state; from any of them on; none if there is nothing left to tell."""
    document, job_id = await house.uploaded_job(FERRY)
    await house.ingest(job_id)
    follow = FollowDocument(documents=house.documents)
    told = [event async for event in follow(document.id)]
    assert told == await house.documents.events(document.id, limit=100)
    assert told[-1].status is Status.READY
    assert [event async for event in follow(document.id, after=told[1].id)] == told[2:]
    assert [event async for event in follow(document.id, after=told[-1].id)] == []
