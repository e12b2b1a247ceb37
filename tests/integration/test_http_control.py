"""Replacing documents, cancelling and retrying their ingestion, and uploads while much is queued."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
import pytest_asyncio
from tests.fakes import FormFeedParser
from tests.house import House
from tests.http_app import API, Served, form, part, served

from citewell.errors import QueueUnavailable, StoreUnavailable, UnreadableDocument
from citewell.memory import MemoryBlobStore
from citewell.model import ParsedPage

TEXT = b"The lamp on the mole is seen far."
OTHER = b"The keeper sleeps by day."
ID = UUID("0199c1f0-7d6e-7c3a-9b57-2f6f3c1f9a10")


@pytest_asyncio.fixture(loop_scope="session")
async def service(tmp_path: Path) -> AsyncIterator[Served]:
    async with served(tmp_path) as running:
        yield running


async def document(service: Served, document_id: object) -> dict[str, Any]:
    found: dict[str, Any] = (await service.client.get(f"{API}/documents/{document_id}")).json()
    return found


async def act(service: Served, document_id: object, what: str) -> tuple[int, dict[str, Any]]:
    reply = await service.client.post(f"{API}/documents/{document_id}/{what}")
    return reply.status_code, reply.json()


async def texts(service: Served, question: str) -> list[str]:
    reply = await service.query(question=question, top_k=100)
    return [source["text"] for source in reply.json()["sources"]]


async def test_a_document_is_created_under_the_id_that_the_caller_chose(service: Served) -> None:
    """202 + Location, in `default` unless a collection is given."""
    reply = await service.put(ID, TEXT, metadata='{"a": 1}')
    assert (reply.status_code, reply.headers["location"]) == (202, f"{API}/documents/{ID}")
    created = reply.json()
    assert (created["id"], created["collection"]) == (str(ID), "default")
    assert (created["metadata"], created["degraded"]) == ({"a": 1}, [])
    elsewhere = await service.put(uuid4(), TEXT, collection="other")
    assert (elsewhere.status_code, elsewhere.json()["collection"]) == (202, "other")


async def test_a_replaced_document_is_found_by_its_former_text_until_the_new_one_is_ready(
    service: Served,
) -> None:
    """Then by the new one alone, in the collection where it was."""
    await service.put(ID, TEXT, collection="sea")
    await service.ingest_all()
    replaced = await service.put(ID, OTHER, name="b.txt")
    assert (replaced.status_code, replaced.json()["status"]) == (202, "queued")
    assert (replaced.json()["name"], replaced.json()["collection"]) == ("b.txt", "sea")
    query = {"question": "lamp keeper", "document_id": str(ID)}
    assert [s["text"] for s in (await service.query(**query)).json()["sources"]] == [TEXT.decode()]
    await service.ingest_all()
    assert [s["text"] for s in (await service.query(**query)).json()["sources"]] == [OTHER.decode()]
    assert (await document(service, ID))["status"] == "ready"


async def test_the_bytes_that_a_document_has_change_its_name_and_metadata_alone(service: Served) -> None:
    """200: there is nothing to do."""
    await service.put(ID, TEXT)
    await service.ingest_all()
    again = await service.put(ID, TEXT, name="b.txt", metadata='{"a": 2}')
    assert (again.status_code, again.headers["location"]) == (200, f"{API}/documents/{ID}")
    now = again.json()
    assert (now["name"], now["metadata"], now["status"]) == ("b.txt", {"a": 2}, "ready")
    assert service.house.queue.announced == []


async def test_a_failed_document_is_queued_again_by_putting_its_bytes(service: Served) -> None:
    """202."""
    service.house.parser.failure = UnreadableDocument()
    await service.put(ID, TEXT)
    await service.ingest_all()
    assert (await document(service, ID))["status"] == "failed"
    again = await service.put(ID, TEXT)
    assert (again.status_code, again.json()["status"]) == (202, "queued")


async def test_a_document_stays_in_its_collection(service: Served) -> None:
    """409, which says where it is; the upload is dropped."""
    await service.put(ID, TEXT, collection="sea")
    reply = await service.put(ID, OTHER, collection="land")
    assert (reply.status_code, reply.json()["type"]) == (409, "urn:citewell:problem:conflict")
    assert "sea" in reply.json()["detail"]
    assert (await document(service, ID))["sha256"] == (await service.put(ID, TEXT)).json()["sha256"]


async def test_a_queued_document_can_be_cancelled_and_taken_up_again(service: Served) -> None:
    """202 with the document, each time."""
    document_id = (await service.upload(TEXT)).json()["id"]
    status, cancelled = await act(service, document_id, "cancel")
    assert (status, cancelled["status"]) == (202, "cancelled")
    await service.ingest_all()
    assert await texts(service, "lamp") == []
    status, retried = await act(service, document_id, "retry")
    assert (status, retried["status"], retried["degraded"]) == (202, "queued", [])
    await service.ingest_all()
    assert await texts(service, "lamp") == [TEXT.decode()]


async def test_a_failed_document_can_be_tried_again(service: Served) -> None:
    """From its first attempt on, without the error."""
    service.house.parser.failure = UnreadableDocument()
    failed = await service.ingested(TEXT)
    service.house.parser.failure = None
    status, retried = await act(service, failed["id"], "retry")
    assert (status, retried["attempts"], retried["error"]) == (202, 0, None)
    await service.ingest_all()
    assert (await document(service, failed["id"]))["status"] == "ready"


async def test_the_state_decides_what_is_possible(service: Served) -> None:
    """409 with the state there is, and those that are wanted; 404 where there is no document."""
    ready = await service.ingested(TEXT)
    for what, wanted in (("cancel", "queued or processing"), ("retry", "failed or cancelled")):
        status, problem = await act(service, ready["id"], what)
        assert (status, problem["type"]) == (409, "urn:citewell:problem:conflict")
        assert "is ready" in problem["detail"]
        assert wanted in problem["detail"]
        status, problem = await act(service, uuid4(), what)
        assert (status, problem["type"]) == (404, "urn:citewell:problem:document-not-found")
    assert (await document(service, ready["id"]))["status"] == "ready"


async def test_the_request_id_of_a_retry_goes_with_the_job(service: Served) -> None:
    """So that the worker's log lines can name it."""
    document_id = (await service.upload(TEXT)).json()["id"]
    await act(service, document_id, "cancel")
    service.house.queue.announced.clear()
    address = f"{API}/documents/{document_id}/retry"
    await service.client.post(address, headers={"X-Request-ID": "retry.7"})
    [(job_id, _)] = service.house.queue.announced
    lease = await service.house.jobs.claim(job_id, lease_seconds=60)
    assert lease is not None
    assert lease.request_id == "retry.7"


async def test_without_a_queue_documents_are_taken_all_the_same(service: Served) -> None:
    """`degraded` says on each of these replies that the workers hear of it later."""
    service.house.queue.failure = QueueUnavailable("secret-host:6379 does not answer")
    posted = await service.upload(TEXT)
    await act(service, posted.json()["id"], "cancel")
    _, retried = await act(service, posted.json()["id"], "retry")
    for reply in (posted, await service.put(ID, OTHER)):
        assert (reply.status_code, reply.json()["degraded"]) == (202, ["queue"])
    assert retried["degraded"] == ["queue"]
    service.house.queue.failure = None
    again = await service.upload(TEXT)
    assert (again.status_code, again.json()["degraded"]) == (200, [])


KEY = {"Idempotency-Key": "7f1c-upload"}


async def test_a_repeated_request_gets_the_document_that_it_got_before(service: Served) -> None:
    """200, even where its bytes alone would not lead there any more."""
    first = await service.upload(TEXT, headers=KEY)
    await service.put(first.json()["id"], OTHER)
    again = await service.upload(TEXT, headers=KEY)
    assert (first.status_code, again.status_code) == (202, 200)
    assert again.json()["id"] == first.json()["id"]
    assert len((await service.client.get(f"{API}/documents")).json()["items"]) == 1


async def test_a_repeated_put_does_not_undo_what_came_after_it(service: Served) -> None:
    """200, and the newer bytes stay."""
    await service.put(ID, TEXT, headers=KEY)
    newer = (await service.put(ID, OTHER)).json()
    again = await service.put(ID, TEXT, headers=KEY)
    assert (again.status_code, again.json()["sha256"]) == (200, newer["sha256"])


async def test_a_key_belongs_to_one_request(service: Served) -> None:
    """422 for other bytes, fields, names or addresses."""
    await service.upload(TEXT, headers=KEY)
    replies = [
        await service.upload(OTHER, headers=KEY),
        await service.upload(TEXT, headers=KEY, name="b.txt"),
        await service.upload(TEXT, headers=KEY, metadata='{"a": 1}'),
        await service.upload(TEXT, headers=KEY, collection="other"),
        await service.put(ID, TEXT, headers=KEY),
    ]
    kinds = {(reply.status_code, reply.json()["type"]) for reply in replies}
    assert kinds == {(422, "urn:citewell:problem:idempotency-key-reused")}


@pytest.mark.parametrize("key", ["", " ", "a b", "x" * 256, "ü".encode(), b"\x01"])
async def test_a_key_is_visible_ascii(service: Served, key: str | bytes) -> None:
    """400, and nothing is taken."""
    name = "Idempotency-Key"
    headers: Any = {name.encode(): key} if isinstance(key, bytes) else {name: key}
    for reply in (
        await service.upload(TEXT, headers=headers),
        await service.put(ID, TEXT, headers=headers),
    ):
        assert (reply.status_code, reply.json()["type"]) == (400, "urn:citewell:problem:invalid-request")
    assert (await service.upload(TEXT, headers={name: "~" * 255})).status_code == 202


class UntouchedBlobs(MemoryBlobStore):
    """Counts the bytes that come in."""

    received_bytes = 0

    async def receive(self, content: AsyncIterator[bytes]) -> Any:
        async def counted() -> AsyncIterator[bytes]:
            async for piece in content:
                self.received_bytes += len(piece)
                yield piece

        return await super().receive(counted())


async def test_too_many_documents_in_the_queue_are_no_more_taken(tmp_path: Path) -> None:
    """429 + Retry-After before the body is read, counted; and there is room again when one is done."""
    blobs = UntouchedBlobs()
    house = House(tmp_path)
    house.blobs = blobs
    async with served(tmp_path, house=house, max_queued_documents=1) as service:
        await service.upload(TEXT)
        came_in = blobs.received_bytes
        for reply in (await service.upload(OTHER), await service.put(ID, OTHER)):
            assert (reply.status_code, reply.headers["retry-after"]) == (429, "10")
            assert reply.json()["type"] == "urn:citewell:problem:too-much-queued"
        assert blobs.received_bytes == came_in
        metrics = (await service.client.get("/metrics")).text
        assert "citewell_refused_uploads_total 2.0\n" in metrics
        await service.ingest_all()
        assert (await service.upload(OTHER)).status_code == 202


async def test_too_many_bytes_in_the_queue_are_no_more_taken(tmp_path: Path) -> None:
    """By Content-Length, so before they come; a single upload may be as large as uploads may be."""
    async with served(tmp_path, max_queued_bytes=1000) as service:
        assert (await service.upload(b"x" * 2000)).status_code == 202
        await service.ingest_all()
        assert (await service.upload(TEXT)).status_code == 202
        assert (await service.upload(b"y" * 1000)).status_code == 429
        assert (await service.upload(OTHER)).status_code == 202


async def test_without_a_database_the_body_is_not_read(
    service: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    """503 at once: whether there is room is the first question."""

    async def away() -> None:
        raise StoreUnavailable

    async def body() -> AsyncIterator[bytes]:
        raise AssertionError("the body was read")
        yield b""

    monkeypatch.setattr(service.house.board, "backlog", away)
    assert (await service.send_form(body(), Expect="100-continue")).status_code == 503
    monkeypatch.undo()
    assert (await service.send_form(form(part("file", TEXT, filename="a.txt")))).status_code == 202


class HolesParser(FormFeedParser):
    """Pages that say `hole` cannot be read."""

    async def parse(
        self, path: Path, *, media_type: str, password: str | None = None, skip: int = 0
    ) -> AsyncGenerator[ParsedPage, None]:
        async for page in super().parse(path, media_type=media_type, password=password, skip=skip):
            is_hole = page.text == "hole"
            yield ParsedPage(page.number, "", problem="damaged") if is_hole else page


async def test_pages_that_could_not_be_read_are_told(tmp_path: Path) -> None:
    """A document that is ready all the same has a warning with their numbers, others have none."""
    async with served(tmp_path, house=House(tmp_path, parser=HolesParser())) as service:
        whole = await service.ingested(TEXT)
        torn = await service.ingested(b"one\fhole\fthree\fhole")
    assert (whole["status"], whole["warnings"]) == ("ready", [])
    assert torn["status"] == "ready"
    [warning] = torn["warnings"]
    assert (warning["code"], warning["pages"]) == ("pages_unreadable", [2, 4])
    assert warning["message"] == "2 pages could not be read and cannot be found."
