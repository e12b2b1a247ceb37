"""Large files flow through; they are not piled up."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncGenerator, AsyncIterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from tests.http_app import API, Served, form, http_scope, part, served

from citewell.errors import ContentMissing
from citewell.model import Blob, Span

SIZE = 64 << 20
PIECE = 65_536


class CountingBlobs:
    """Holds no bytes: counts what comes in, and makes up what goes out."""

    def __init__(self) -> None:
        self.received = 0
        self.read_bytes = 0
        self.first_at: int | None = None
        self.sent_by_caller = 0
        self.most_underway = 0
        self.breaks_at: int | None = None
        self.is_closed = asyncio.Event()

    async def receive(self, content: AsyncIterator[bytes]) -> Blob:
        digest = hashlib.sha256()
        async for piece in content:
            self.received += len(piece)
            digest.update(piece)
            if self.first_at is None:
                self.first_at = self.sent_by_caller
            self.most_underway = max(self.most_underway, self.sent_by_caller - self.received)
        return Blob(uuid4().hex, digest.hexdigest(), self.received)

    async def keep(self, blob: Blob) -> None:
        """Nothing is held."""

    async def drop(self, blob: Blob) -> None:
        """Nothing is held."""

    async def read(self, _: str, *, span: Span | None = None) -> AsyncGenerator[bytes, None]:
        assert span is None
        try:
            while self.read_bytes < self.received:
                if self.breaks_at is not None and self.read_bytes >= self.breaks_at:
                    raise ContentMissing
                self.read_bytes += PIECE
                yield bytes(PIECE)
        finally:
            self.is_closed.set()

    async def delete(self, sha256: str) -> None:
        """Nothing is held."""


async def upload(service: Served, blobs: CountingBlobs) -> dict[str, Any]:
    async def body() -> AsyncIterator[bytes]:
        yield part("file", b"", filename="zeros.txt")[:-2]
        for _ in range(SIZE // PIECE):
            blobs.sent_by_caller += PIECE
            yield bytes(PIECE)
        yield b"\r\n" + form()

    reply = await service.send_form(body())
    assert reply.status_code == 202, reply.text
    document: dict[str, Any] = reply.json()
    return document


async def test_a_large_upload_flows_into_the_blob_store(tmp_path: Path) -> None:
    """The store sees the first piece before the caller has sent the third, and never lags behind."""
    blobs = CountingBlobs()
    async with served(tmp_path, blobs=blobs, max_upload_bytes=SIZE) as service:
        document = await upload(service, blobs)
    assert document["size_bytes"] == blobs.received == SIZE
    assert blobs.first_at is not None
    assert blobs.first_at <= 2 * PIECE
    assert blobs.most_underway <= 2 * PIECE


async def download(
    service: Served, document: dict[str, Any], blobs: CountingBlobs, *, leave_at: int | None = None
) -> tuple[int, int]:
    """How many bytes were sent, and how many were at most read ahead of that."""
    sent, ahead = 0, 0
    is_over = asyncio.Event()

    async def receive() -> dict[str, Any]:
        await is_over.wait()
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        nonlocal sent, ahead
        sent += len(message.get("body", b""))
        ahead = max(ahead, blobs.read_bytes - sent)
        if message.get("more_body") is False or (leave_at is not None and sent >= leave_at):
            is_over.set()
        await asyncio.sleep(0)

    application: Any = service.app
    await application(http_scope("GET", f"{API}/documents/{document['id']}/content"), receive, send)
    return sent, ahead


async def test_a_large_download_flows_out(tmp_path: Path) -> None:
    """Nothing is read before it is sent."""
    blobs = CountingBlobs()
    async with served(tmp_path, blobs=blobs, max_upload_bytes=SIZE) as service:
        document = await upload(service, blobs)
        sent, ahead = await download(service, document, blobs)
    assert sent == SIZE
    assert ahead <= 2 * PIECE


async def test_a_download_ends_when_its_reader_goes(tmp_path: Path) -> None:
    """The rest is not read, and what was opened for reading is closed."""
    blobs = CountingBlobs()
    async with served(tmp_path, blobs=blobs, max_upload_bytes=SIZE) as service:
        document = await upload(service, blobs)
        await download(service, document, blobs, leave_at=10 * PIECE)
        assert blobs.read_bytes < SIZE
        async with asyncio.timeout(5):
            await blobs.is_closed.wait()


async def test_a_download_that_breaks_is_not_taken_for_whole(tmp_path: Path) -> None:
    """An error in the middle is not an end: the server is told, so that it breaks the connection."""
    blobs = CountingBlobs()
    async with served(tmp_path, blobs=blobs, max_upload_bytes=SIZE) as service:
        document = await upload(service, blobs)
        blobs.breaks_at = 10 * PIECE
        with pytest.raises(Exception, match="after response started"):
            await download(service, document, blobs)
    assert blobs.read_bytes == 10 * PIECE
