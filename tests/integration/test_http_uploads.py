"""Uploads that are odd, wrong, or too large."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from tests.http_app import API, BOUNDARY, Served, form, http_scope, part, served

from citewell.errors import BlobsUnavailable, StoreUnavailable
from citewell.memory import MemoryBlobStore
from citewell.model import Blob, Submission, Submitted

TEXT = b"Some text to keep."
LIMIT = 100_000
FORM = (b"content-type", f"multipart/form-data; boundary={BOUNDARY}".encode())


class WatchedBlobs(MemoryBlobStore):
    """Counts what waits to be kept, and raises the next of `failures` when bytes come in."""

    def __init__(self) -> None:
        super().__init__()
        self.failures: list[Exception] = []
        self.received_bytes = 0

    @property
    def waiting(self) -> int:
        return len(self._received)

    async def receive(self, content: AsyncIterator[bytes]) -> Blob:
        async def counted() -> AsyncIterator[bytes]:
            async for piece in content:
                self.received_bytes += len(piece)
                yield piece

        if self.failures:
            raise self.failures.pop(0)
        return await super().receive(counted())


@pytest.fixture
def blobs() -> WatchedBlobs:
    return WatchedBlobs()


@pytest_asyncio.fixture(loop_scope="session")
async def service(tmp_path: Path, blobs: WatchedBlobs) -> AsyncIterator[Served]:
    async with served(tmp_path, blobs=blobs, max_upload_bytes=LIMIT) as running:
        yield running


FILE = part("file", TEXT, filename="a.txt")


@pytest.mark.parametrize(
    "body",
    [
        form(FILE, part("collection", "books"), part("metadata", '{"a": 1}')),
        form(part("collection", "books"), part("metadata", '{"a": 1}'), FILE),
        form(part("metadata", '{"a": 1}', filename="meta.json"), FILE, part("collection", "books")),
    ],
)
async def test_fields_may_come_before_or_after_the_file(service: Served, body: bytes) -> None:
    """The order of the parts does not matter."""
    reply = await service.send_form(body)
    assert reply.status_code == 202
    assert (reply.json()["collection"], reply.json()["metadata"]) == ("books", {"a": 1})


@pytest.mark.parametrize(
    ("filename", "expected"),
    [("../../etc/passwd", "passwd"), ("", "unnamed"), (None, "unnamed"), ("ü\x01.txt", "ü.txt")],
)
async def test_the_name_is_the_last_part_of_the_path(
    service: Served, filename: str | None, expected: str
) -> None:
    """Control characters dropped, `unnamed` if nothing is left."""
    reply = await service.send_form(form(part("file", TEXT, filename=filename)))
    assert reply.json()["name"] == expected


async def test_an_empty_file_is_accepted(service: Served, blobs: WatchedBlobs) -> None:
    """Whether there is text in it is found out by the worker, not by the upload."""
    reply = await service.send_form(form(part("file", b"", filename="a.txt")))
    assert (reply.status_code, reply.json()["size_bytes"]) == (202, 0)


DEEP = '{"a":' * 40 + "1" + "}" * 40
BOTTOMLESS = '{"a":' + "[" * 30_000 + "]" * 30_000 + "}"


@pytest.mark.parametrize(
    ("parts", "field"),
    [
        ([], "file"),
        ([part("collection", "books")], "file"),
        ([FILE, FILE], "file"),
        ([FILE, part("file", b"other", filename="b.txt")], "file"),
        ([FILE, part("surprise", "1")], "surprise"),
        ([part("surprise", "1"), FILE], "surprise"),
        ([FILE, part("", "1")], ""),
        ([FILE, part("collection", "a"), part("collection", "b")], "collection"),
        ([FILE, part("metadata", "{}"), part("metadata", "{}")], "metadata"),
        ([FILE, part("metadata", "not json")], "metadata"),
        ([FILE, part("metadata", "")], "metadata"),
        ([FILE, part("metadata", "[1]")], "metadata"),
        ([FILE, part("metadata", "null")], "metadata"),
        ([FILE, part("metadata", b'{"a": "\xff"}')], "metadata"),
        ([FILE, part("metadata", '{"a": "\\u0000"}')], "metadata"),
        ([FILE, part("metadata", '{"a": {"b\\u0000": 1}}')], "metadata"),
        ([FILE, part("metadata", '{"a": "\\ud800"}')], "metadata"),
        ([FILE, part("metadata", '{"a": NaN}')], "metadata"),
        ([FILE, part("metadata", '{"a": 1e999}')], "metadata"),
        ([FILE, part("metadata", DEEP)], "metadata"),
        ([FILE, part("metadata", BOTTOMLESS)], "metadata"),
        ([FILE, part("metadata", '{"a": "' + "x" * 65_536 + '"}')], "metadata"),
        ([FILE, part("collection", "x" * 70_000)], "collection"),
        ([FILE, part("collection", b"\xff")], "collection"),
    ],
)
async def test_a_wrong_form_is_refused(
    service: Served, blobs: WatchedBlobs, parts: list[bytes], field: str
) -> None:
    """400, which field it is, and nothing stays of the file."""
    reply = await service.send_form(form(*parts))
    assert reply.status_code == 400, reply.text
    assert reply.headers["content-type"] == "application/problem+json"
    problem = reply.json()
    assert problem["type"] == "urn:citewell:problem:invalid-request"
    assert [(error["source"], error["field"]) for error in problem["errors"]] == [("form", field)]
    assert blobs.waiting == 0
    assert (await service.client.get(f"{API}/documents")).json()["items"] == []


@pytest.mark.parametrize("name", ["", "a b", ".hidden", "x" * 65, "a/b", "a\0b"])
async def test_a_wrong_name_for_a_collection_is_refused(
    service: Served, blobs: WatchedBlobs, name: str
) -> None:
    """400 with the rule, before or after the file."""
    for parts in ([FILE, part("collection", name)], [part("collection", name), FILE]):
        reply = await service.send_form(form(*parts))
        assert reply.status_code == 400
        assert "1 to 64 letters" in reply.json()["detail"]
    assert blobs.waiting == 0


async def test_a_form_that_ends_too_early_is_refused(service: Served, blobs: WatchedBlobs) -> None:
    """400, and half a file is no file."""
    for body in (form(FILE)[:-4], FILE[:-10], b"", b"garbage"):
        reply = await service.send_form(body)
        assert (reply.status_code, blobs.waiting) == (400, 0)


@pytest.mark.parametrize(
    "content_type",
    ["application/json", "multipart/form-data", "multipart/mixed; boundary=x", "application/pdf", ""],
)
async def test_what_is_no_form_is_refused(service: Served, content_type: str) -> None:
    """415, and how to send it."""
    reply = await service.client.post(
        f"{API}/documents", content=TEXT, headers={"Content-Type": content_type}
    )
    assert reply.status_code == 415
    problem = reply.json()
    assert problem["type"] == "urn:citewell:problem:invalid-content-type"
    assert "curl -F file=@" in problem["detail"]


async def test_a_type_that_no_parser_reads_is_refused(service: Served, blobs: WatchedBlobs) -> None:
    """415, decided from the bytes, not from the name."""
    reply = await service.upload(b"\x89PNG\r\n\x1a\n" + bytes(100), name="notes.txt")
    assert reply.status_code == 415
    assert reply.json()["type"] == "urn:citewell:problem:unsupported-media-type"
    assert blobs.waiting == 0


async def test_a_file_of_exactly_the_limit_is_accepted(service: Served) -> None:
    """The limit is the largest size, not the first that is too large."""
    assert (await service.upload(b"x" * LIMIT)).status_code == 202
    assert (await service.upload(b"x" * (LIMIT + 1))).status_code == 413


async def test_an_upload_over_the_limit_is_refused_while_it_comes(
    service: Served, blobs: WatchedBlobs
) -> None:
    """413 as soon as the limit is crossed: the rest of the body is not waited for."""
    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        yield part("file", b"", filename="a.txt")[:-2]
        while True:
            sent += 10_000
            yield b"x" * 10_000

    replies = await replies_to(service, endless())
    assert [reply["status"] for reply in replies if "status" in reply] == [413]
    assert LIMIT < sent <= LIMIT + 20_000
    assert blobs.waiting == 0


async def test_an_upload_that_announces_too_much_is_refused_at_once(
    service: Served, blobs: WatchedBlobs
) -> None:
    """413 from Content-Length alone, before a byte of the body was read."""

    async def nothing() -> AsyncIterator[bytes]:
        raise AssertionError("the body was read")
        yield b""

    replies = await replies_to(service, nothing(), content_length=LIMIT + (1 << 20) + 1)
    assert replies[0]["status"] == 413
    assert (b"connection", b"close") in replies[0]["headers"]
    assert blobs.received_bytes == 0


async def replies_to(
    service: Served, body: AsyncIterator[bytes], *, content_length: int | None = None
) -> list[dict[str, Any]]:
    """What the application sends until it has sent a whole reply; the body goes on as long as it is read."""
    length = (b"transfer-encoding", b"chunked")
    if content_length is not None:
        length = (b"content-length", str(content_length).encode())
    sent: list[dict[str, Any]] = []
    whole = asyncio.Event()

    async def receive() -> dict[str, Any]:
        if whole.is_set():
            return {"type": "http.disconnect"}
        return {"type": "http.request", "body": await anext(body), "more_body": True}

    async def send(message: Any) -> None:
        sent.append(message)
        if message["type"] == "http.response.body" and message.get("body"):
            whole.set()

    scope = http_scope("POST", f"{API}/documents", FORM, (b"expect", b"100-continue"), length)
    application: Any = service.app
    await application(scope, receive, send)
    return sent


async def test_a_caller_that_goes_away_leaves_nothing(service: Served, blobs: WatchedBlobs) -> None:
    """The upload is dropped, and it is no error of the server's."""
    messages = [
        {"type": "http.request", "body": part("file", b"x" * 1000, filename="a.txt")[:-2], "more_body": True},
        {"type": "http.disconnect"},
    ]
    sent = []

    async def receive() -> Any:
        return messages.pop(0) if messages else {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        sent.append(message)

    application: Any = service.app
    await application(http_scope("POST", f"{API}/documents", FORM), receive, send)
    assert sent[0]["status"] == 499
    assert blobs.waiting == 0


async def test_a_file_store_that_is_away_is_a_503(service: Served, blobs: WatchedBlobs) -> None:
    """With Retry-After, and without what the store said."""
    blobs.failures.append(BlobsUnavailable("s3://secret-bucket answers 403"))
    reply = await service.upload(TEXT)
    assert (reply.status_code, reply.headers["retry-after"]) == (503, "5")
    assert reply.json()["type"] == "urn:citewell:problem:blobs-unavailable"
    assert "secret" not in reply.text


async def test_a_database_that_is_away_is_a_503_and_nothing_stays(
    service: Served, blobs: WatchedBlobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was received is dropped, as nothing will ever ask for it."""

    async def submit(submission: Submission) -> Submitted:
        raise StoreUnavailable("connection refused")

    monkeypatch.setattr(service.house.documents, "submit", submit)
    reply = await service.upload(TEXT)
    assert (reply.status_code, reply.headers["retry-after"]) == (503, "5")
    assert reply.json()["type"] == "urn:citewell:problem:store-unavailable"
    assert "/readyz" in reply.json()["detail"]
    assert blobs.waiting == 0


async def test_the_request_id_goes_with_the_job(service: Served) -> None:
    """So that the worker's log lines can name it."""
    await service.upload(TEXT, headers={"X-Request-ID": "upload.7"})
    [(job_id, _)] = service.house.queue.announced
    lease = await service.house.jobs.claim(job_id, lease_seconds=60)
    assert lease is not None
    assert lease.request_id == "upload.7"
