"""Documents over HTTP: the rows of the design's table of calls."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import UUID, uuid4

import pytest
import pytest_asyncio
from tests.http_app import API, Served, served

from citewell.errors import UnreadableDocument

STORY = b"The lamp on the mole is seen far. " * 10 + b"\f" + b"The keeper sleeps by day. " * 10
FIELDS = {
    "id", "name", "media_type", "size_bytes", "sha256", "collection", "metadata", "status", "stage",
    "progress", "attempts", "error", "warnings", "page_count", "chunk_count", "created_at", "updated_at",
}  # fmt: skip


@pytest_asyncio.fixture(loop_scope="session")
async def service(tmp_path: Path) -> AsyncIterator[Served]:
    async with served(tmp_path) as running:
        yield running


async def test_an_upload_is_accepted_and_queued(service: Served) -> None:
    """202 + Location, document."""
    reply = await service.upload(STORY, name="story.txt", collection="sea", metadata='{"year": 1871}')
    assert reply.status_code == 202
    document = reply.json()
    assert reply.headers["location"] == f"{API}/documents/{document['id']}"
    assert set(document) == FIELDS | {"degraded"}
    assert UUID(document["id"])
    assert (document["name"], document["media_type"]) == ("story.txt", "text/plain")
    assert (document["size_bytes"], document["sha256"]) == (len(STORY), hashlib.sha256(STORY).hexdigest())
    assert (document["collection"], document["metadata"]) == ("sea", {"year": 1871})
    assert (document["status"], document["stage"], document["attempts"]) == ("queued", None, 0)
    assert document["error"] is document["page_count"] is document["chunk_count"] is None
    assert document["progress"] == {
        "pages_done": 0, "pages_total": None, "chunks_done": 0, "chunks_total": None,
    }  # fmt: skip
    assert document["created_at"] == "2026-01-01T00:00:00Z"
    assert len(service.house.queue.announced) == 1


async def test_without_fields_the_collection_is_default(service: Served) -> None:
    """`collection` and `metadata` are optional."""
    document = (await service.upload(STORY)).json()
    assert (document["collection"], document["metadata"]) == ("default", {})


async def test_the_same_bytes_again_are_the_same_document(service: Served) -> None:
    """200 and the document that holds them; another collection is another document."""
    first = (await service.upload(STORY)).json()
    again = await service.upload(STORY, name="other.txt", metadata='{"a": 1}')
    assert (again.status_code, again.json()) == (200, first)
    assert again.headers["location"] == f"{API}/documents/{first['id']}"
    elsewhere = await service.upload(STORY, collection="other")
    assert elsewhere.status_code == 202
    assert elsewhere.json()["id"] != first["id"]
    assert len(service.house.queue.announced) == 2


async def test_a_failed_document_is_queued_again_by_its_bytes(service: Served) -> None:
    """202 when re-queued, with the id it had."""
    service.house.parser.failure = UnreadableDocument()
    failed = await service.ingested(STORY)
    assert (failed["status"], failed["error"]["code"]) == ("failed", "unreadable")
    assert failed["error"]["message"]
    service.house.parser.failure = None
    again = await service.upload(STORY)
    assert (again.status_code, again.json()["status"]) == (202, "queued")
    assert again.json()["id"] == failed["id"]
    await service.ingest_all()
    assert (await service.client.get(f"{API}/documents/{failed['id']}")).json()["status"] == "ready"


async def test_a_document_tells_how_far_it_is(service: Served) -> None:
    """Once it is ready: pages, chunks and progress."""
    document = await service.ingested(STORY)
    assert (document["status"], document["page_count"], document["attempts"]) == ("ready", 2, 1)
    assert document["chunk_count"] > 2
    assert document["progress"]["pages_done"] == document["progress"]["pages_total"] == 2
    assert document["progress"]["chunks_done"] == document["chunk_count"]


async def test_documents_are_listed_page_by_page(service: Served) -> None:
    """Keyset paging: `next` is the id to go on after, null at the end."""
    ids = [(await service.upload(b"text %d" % number)).json()["id"] for number in range(5)]
    seen, after = [], None
    for expected in (2, 2, 1):
        parameters = {"limit": "2"} | ({"after": after} if after else {})
        page = (await service.client.get(f"{API}/documents", params=parameters)).json()
        assert set(page) == {"items", "next"}
        assert len(page["items"]) == expected
        seen += [item["id"] for item in page["items"]]
        after = page["next"]
    assert (seen, after) == (ids, None)
    assert set(page["items"][0]) == FIELDS


async def test_a_list_can_be_narrowed(service: Served) -> None:
    """By collection and by status."""
    ready = await service.ingested(b"one", collection="a")
    queued = (await service.upload(b"two", collection="a")).json()
    await service.upload(b"three", collection="b")

    async def listed(**parameters: str) -> list[str]:
        page = (await service.client.get(f"{API}/documents", params=parameters)).json()
        return [item["id"] for item in page["items"]]

    assert await listed(collection="a") == [ready["id"], queued["id"]]
    assert await listed(collection="a", status="ready") == [ready["id"]]
    assert await listed(status="failed") == []
    assert await listed(collection="nothing-there") == []


async def test_a_deleted_document_is_gone(service: Served) -> None:
    """204; nothing of it can be found afterwards."""
    document = await service.ingested(STORY)
    address = f"{API}/documents/{document['id']}"
    deleted = await service.client.delete(address)
    assert (deleted.status_code, deleted.content) == (204, b"")
    for path in ("", "/content", "/text", "/chunks"):
        assert (await service.client.get(address + path)).status_code == 404
    assert (await service.client.delete(address)).status_code == 404
    assert (await service.query(question="Where is the lamp?")).json()["sources"] == []
    assert (await service.upload(STORY)).status_code == 202


@pytest.mark.parametrize("method", ["GET", "DELETE"])
@pytest.mark.parametrize("wrong", ["x", "00000000", "%00", "..", "0199c1f0-7d6e-7c3a-9b57-2f6f3c1f9a1g"])
async def test_an_address_without_an_id_is_not_found(service: Served, method: str, wrong: str) -> None:
    """404 for what is no UUID."""
    reply = await service.client.request(method, f"{API}/documents/x{wrong}")
    assert reply.status_code == 404
    assert reply.json()["type"] == "urn:citewell:problem:route-not-found"


@pytest.mark.parametrize("path", ["", "/content", "/text", "/chunks"])
async def test_an_unknown_document_is_not_found(service: Served, path: str) -> None:
    """404, and where to look."""
    missing = uuid4()
    reply = await service.client.get(f"{API}/documents/{missing}{path}")
    assert reply.status_code == 404
    problem = reply.json()
    assert problem["type"] == "urn:citewell:problem:document-not-found"
    assert str(missing) in problem["detail"]
    assert "GET /api/v1/documents" in problem["detail"]


@pytest.mark.parametrize(
    "query",
    [
        "limit=0", "limit=201", "limit=x", "limit=", "status=nope", "status=", "after=x", "after=",
        "collection=", "collection=%00", "collection=a%20b", "collection=" + "x" * 65, "collection=%ff",
    ],
)  # fmt: skip
async def test_a_list_refuses_what_it_does_not_understand(service: Served, query: str) -> None:
    """400, and which parameter it is."""
    reply = await service.client.get(f"{API}/documents?{query}")
    assert reply.status_code == 400
    assert reply.json()["type"] == "urn:citewell:problem:invalid-request"
