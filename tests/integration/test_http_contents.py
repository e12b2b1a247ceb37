"""What is in a document, over HTTP: bytes, text, chunks."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from tests.http_app import API, Served, served

PAGES = ["The lamp on the mole is seen far. " * 8, "Der Wärter schläft am Tage — 💡. " * 8, "Ende."]
STORY = "\f".join(PAGES).encode()


@dataclass
class Shelf:
    """A service with one document that is ready."""

    service: Served
    document: dict[str, Any]

    async def get(self, path: str, **headers: str) -> Any:
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        address = f"{API}/documents/{self.document['id']}{path}"
        return await self.service.client.get(address, headers=given)


@pytest_asyncio.fixture(loop_scope="session")
async def shelf(tmp_path: Path) -> AsyncIterator[Shelf]:
    async with served(tmp_path) as service:
        yield Shelf(service, await service.ingested(STORY, name='Wärter "1".txt'))


async def test_the_content_is_the_bytes_that_were_uploaded(shelf: Shelf) -> None:
    """With their type, their length, their hash as ETag, and as an attachment under their name."""
    reply = await shelf.get("/content")
    assert (reply.status_code, reply.content) == (200, STORY)
    assert reply.headers["content-type"] == "text/plain"
    assert reply.headers["content-length"] == str(len(STORY))
    assert reply.headers["etag"] == f'"{shelf.document["sha256"]}"'
    assert reply.headers["accept-ranges"] == "bytes"
    assert reply.headers["x-content-type-options"] == "nosniff"
    disposition = reply.headers["content-disposition"]
    assert disposition.startswith("attachment; ")
    assert disposition.endswith("filename*=UTF-8''W%C3%A4rter%20%221%22.txt")


async def test_content_that_the_caller_has_is_not_sent_again(shelf: Shelf) -> None:
    """If-None-Match gives 304 without a body."""
    etag = f'"{shelf.document["sha256"]}"'
    for tags in (etag, f'"other", {etag}', f"W/{etag}", "*"):
        reply = await shelf.get("/content", If_None_Match=tags)
        assert (reply.status_code, reply.content, reply.headers["etag"]) == (304, b"", etag)
    assert (await shelf.get("/content", If_None_Match='"other"')).status_code == 200


@pytest.mark.parametrize(
    ("asked", "start", "end"),
    [
        ("bytes=0-0", 0, 1),
        ("bytes=3-9", 3, 10),
        ("bytes=100-", 100, len(STORY)),
        ("bytes=-7", len(STORY) - 7, len(STORY)),
        ("bytes=-100000", 0, len(STORY)),
        ("bytes=5-100000", 5, len(STORY)),
        ("Bytes= 3-9 ", 3, 10),
    ],
)
async def test_a_range_of_the_content(shelf: Shelf, asked: str, start: int, end: int) -> None:
    """206 with exactly these bytes, and where they are."""
    reply = await shelf.get("/content", Range=asked)
    assert (reply.status_code, reply.content) == (206, STORY[start:end])
    assert reply.headers["content-range"] == f"bytes {start}-{end - 1}/{len(STORY)}"
    assert reply.headers["content-length"] == str(end - start)


@pytest.mark.parametrize("asked", ["bytes=100000-", "bytes=100000-100001", "bytes=-0"])
async def test_a_range_without_a_byte_is_refused(shelf: Shelf, asked: str) -> None:
    """416, with the size."""
    reply = await shelf.get("/content", Range=asked)
    assert reply.status_code == 416
    assert reply.headers["content-range"] == f"bytes */{len(STORY)}"
    assert reply.json()["type"] == "urn:citewell:problem:range-not-satisfiable"


@pytest.mark.parametrize("asked", ["bytes=0-1,5-6", "lines=1-2", "bytes=9-3", "bytes=-", "bytes=a-b", "x"])
async def test_a_range_that_is_not_understood_is_no_range(shelf: Shelf, asked: str) -> None:
    """The whole, as RFC 9110 wants it."""
    reply = await shelf.get("/content", Range=asked)
    assert (reply.status_code, reply.content) == (200, STORY)


async def test_a_range_of_another_version_is_no_range(shelf: Shelf) -> None:
    """If-Range names the version that the caller has a part of."""
    etag = f'"{shelf.document["sha256"]}"'
    assert (await shelf.get("/content", Range="bytes=0-1", If_Range=etag)).status_code == 206
    assert (await shelf.get("/content", Range="bytes=0-1", If_Range='"other"')).status_code == 200


async def test_empty_content(shelf: Shelf) -> None:
    """Nothing is something, but there is no range of it."""
    shelf.document = (await shelf.service.upload(b"")).json()
    reply = await shelf.get("/content")
    assert (reply.status_code, reply.content, reply.headers["content-length"]) == (200, b"", "0")
    assert (await shelf.get("/content", Range="bytes=0-")).status_code == 416


async def test_content_that_is_lost_is_an_error_of_the_server(shelf: Shelf) -> None:
    """500 with its own type, before a byte is sent."""
    await shelf.service.house.blobs.delete(shelf.document["sha256"])
    reply = await shelf.get("/content")
    assert reply.status_code == 500
    assert reply.json()["type"] == "urn:citewell:problem:content-missing"


async def test_the_content_is_there_before_the_document_is_ready(shelf: Shelf) -> None:
    """The bytes are kept with the upload."""
    shelf.document = (await shelf.service.upload(b"just uploaded")).json()
    assert (await shelf.get("/content")).content == b"just uploaded"


async def test_the_text_is_what_spans_count_in(shelf: Shelf) -> None:
    """UTF-8, and every chunk stands at its span in characters."""
    reply = await shelf.get("/text")
    assert reply.headers["content-type"] == "text/plain; charset=utf-8"
    text = reply.content.decode()
    assert all(page in text for page in PAGES)
    for chunk in (await shelf.get("/chunks?limit=200")).json()["items"]:
        start, end = chunk["span"]["start"], chunk["span"]["end"]
        assert text[start:end] == chunk["text"]
        assert (await shelf.get(f"/text?start={start}&end={end}")).content.decode() == chunk["text"]


async def test_a_part_of_the_text(shelf: Shelf) -> None:
    """`start` and `end` are half-open offsets in characters; either may be left out."""
    text = (await shelf.get("/text")).text
    for query, expected in [
        ("start=5", text[5:]),
        ("end=5", text[:5]),
        ("start=5&end=5", ""),
        ("start=270&end=290", text[270:290]),
        ("start=999999", ""),
        ("start=3&end=999999", text[3:]),
    ]:
        reply = await shelf.get(f"/text?{query}")
        assert (reply.status_code, reply.text) == (200, expected)


@pytest.mark.parametrize("query", ["start=-1", "end=-1", "start=x", "start=9&end=3", "end=99999999999"])
async def test_a_part_of_the_text_that_cannot_be_is_refused(shelf: Shelf, query: str) -> None:
    """400."""
    assert (await shelf.get(f"/text?{query}")).status_code == 400


async def test_a_document_that_is_not_ready_has_no_text(shelf: Shelf) -> None:
    """409, and how to see how far it is."""
    shelf.document = (await shelf.service.upload(b"not yet")).json()
    reply = await shelf.get("/text")
    assert reply.status_code == 409
    problem = reply.json()
    assert problem["type"] == "urn:citewell:problem:document-not-ready"
    assert "queued" in problem["detail"]
    assert (await shelf.get("/chunks")).json() == {"items": [], "next": None}


async def test_chunks_are_listed_page_by_page(shelf: Shelf) -> None:
    """In order, with all that is known of them."""
    count = shelf.document["chunk_count"]
    seen: list[dict[str, Any]] = []
    after: int | None = -1
    while after is not None:
        page = (await shelf.get(f"/chunks?limit=3&after={after}")).json()
        seen += page["items"]
        after = page["next"]
    assert [chunk["index"] for chunk in seen] == list(range(count))
    assert set(seen[0]) == {"index", "text", "span", "pages", "heading_path", "token_count", "boxes"}
    assert (seen[0]["pages"]["first"], seen[-1]["pages"]["last"]) == (1, 3)


@pytest.mark.parametrize("query", ["limit=0", "limit=201", "after=x", "after=-2", "after=99999999999"])
async def test_a_wrong_page_of_chunks_is_refused(shelf: Shelf, query: str) -> None:
    """400."""
    assert (await shelf.get(f"/chunks?{query}")).status_code == 400
