"""From an upload to a queued job."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.fakes import RecordingQueue
from tests.house import House

from citewell.errors import ContentMissing, ContentTooLarge, QueueUnavailable, UnsupportedMediaType
from citewell.model import Status
from citewell.usecases import ReceiveContent


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path)


async def kept(house: House, sha256: str) -> bool:
    try:
        _ = [piece async for piece in house.blobs.read(sha256)]
    except ContentMissing:
        return False
    return True


async def test_an_upload_is_recorded_kept_and_announced(house: House) -> None:
    """The reply is a queued document whose job was announced."""
    document, job_id = await house.uploaded_job(b"Some text.")
    assert document.status is Status.QUEUED
    assert await kept(house, document.sha256)
    assert house.queue.announced == [(job_id, 0.0)]


async def test_the_same_bytes_in_the_same_collection_are_one_document(house: House) -> None:
    """The second upload is told of the first and announces nothing."""
    first = await house.upload(b"same", name="one.txt")
    second = await house.upload(b"same", name="two.txt")
    assert second.document.id == first.document.id
    assert (second.created, second.job_id) == (False, None)
    assert len(house.queue.announced) == 1


async def test_the_same_bytes_in_another_collection_are_another_document(house: House) -> None:
    """Collections do not see each other."""
    first = await house.upload(b"same")
    second = await house.upload(b"same", collection="other")
    assert second.created
    assert second.document.id != first.document.id


async def test_the_bytes_of_a_failed_document_are_tried_anew(house: House, tmp_path: Path) -> None:
    """Uploading again what failed is a way to try again."""
    document, job_id = await house.uploaded_job(b"   ")
    await house.ingest(job_id)
    assert (await house.documents.get(document.id)).status is Status.FAILED
    again = await house.upload(b"   ")
    assert again.document.id == document.id
    assert again.document.status is Status.QUEUED
    assert again.job_id not in (None, job_id)


async def test_too_large_an_upload_is_refused_and_leaves_nothing(tmp_path: Path) -> None:
    """ContentTooLarge as soon as the limit is passed."""
    house = House(tmp_path, max_bytes=2500)
    with pytest.raises(ContentTooLarge):
        await house.upload(b"x" * 2501)
    await house.upload(b"x" * 2500)
    assert len(await house.documents.list(limit=10)) == 1


async def test_an_unknown_type_is_refused_and_leaves_nothing(house: House) -> None:
    """The type is decided from the bytes."""
    with pytest.raises(UnsupportedMediaType):
        await house.upload(b"\x89PNG\r\n", name="text.txt")
    assert await house.documents.list(limit=10) == []


async def test_an_unknown_type_is_refused_before_the_file_was_read_whole(house: House) -> None:
    """The first 8 KiB decide."""
    read = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal read
        while True:
            read += 1
            yield b"\x89PNG" + b"x" * 4096

    receive = ReceiveContent(blobs=house.blobs, parser=house.parser, max_bytes=1 << 40)
    with pytest.raises(UnsupportedMediaType):
        await receive(endless(), name="text.txt")
    assert read == 2


async def test_an_upload_is_accepted_while_the_queue_is_away(tmp_path: Path) -> None:
    """The job's state is in the store; the queue only announces it."""
    house = House(tmp_path, queue=RecordingQueue(failure=QueueUnavailable()))
    submitted = await house.upload(b"text")
    assert submitted.document.status is Status.QUEUED
    assert await house.board.due(grace_seconds=0, limit=10) == [submitted.job_id]
