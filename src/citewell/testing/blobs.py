"""The contract of BlobStore."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Iterable

import pytest

from citewell.errors import ContentMissing
from citewell.model import Blob, Span
from citewell.ports import BlobStore

__all__ = ["BlobStoreContract"]

_MISSING = hashlib.sha256(b"nobody has stored this").hexdigest()


async def stream(pieces: Iterable[bytes]) -> AsyncIterator[bytes]:
    for piece in pieces:
        yield piece


async def broken_stream() -> AsyncIterator[bytes]:
    yield b"half of it"
    raise ConnectionResetError("the client went away")


async def read(blobs: BlobStore, sha256: str, *, span: Span | None = None) -> bytes:
    return b"".join([piece async for piece in blobs.read(sha256, span=span)])


@pytest.mark.asyncio
class BlobStoreContract:
    """Override `blobs` with an empty store."""

    @pytest.fixture
    def blobs(self) -> BlobStore:
        raise NotImplementedError("override the fixture blobs")

    async def test_received_bytes_are_counted_and_hashed(self, blobs: BlobStore) -> None:
        """Store a stream aside, and say what it was."""
        blob = await blobs.receive(stream([b"one", b"", b"two"]))
        assert (blob.sha256, blob.size_bytes) == (hashlib.sha256(b"onetwo").hexdigest(), 6)

    async def test_received_bytes_are_found_only_once_kept(self, blobs: BlobStore) -> None:
        """Let the received bytes be found under their SHA-256."""
        blob = await blobs.receive(stream([b"content"]))
        with pytest.raises(ContentMissing):
            await read(blobs, blob.sha256)
        await blobs.keep(blob)
        assert await read(blobs, blob.sha256) == b"content"

    async def test_empty_content_is_content(self, blobs: BlobStore) -> None:
        """Store a stream aside, whole."""
        blob = await blobs.receive(stream([]))
        await blobs.keep(blob)
        assert await read(blobs, blob.sha256) == b""

    async def test_keeping_the_same_bytes_twice_is_no_error(self, blobs: BlobStore) -> None:
        """Keeping the same bytes twice is no error."""
        first, second = [await blobs.receive(stream([b"same"])) for _ in range(2)]
        await blobs.keep(first)
        await blobs.keep(first)
        await blobs.keep(second)
        assert await read(blobs, first.sha256) == b"same"

    async def test_keeping_what_was_never_received_is_an_error(self, blobs: BlobStore) -> None:
        """Let the received bytes be found."""
        with pytest.raises(ContentMissing):
            await blobs.keep(Blob("incoming/nothing", _MISSING, 1))

    async def test_dropped_bytes_cannot_be_kept(self, blobs: BlobStore) -> None:
        """Forget received bytes that were not kept."""
        blob = await blobs.receive(stream([b"unwanted"]))
        await blobs.drop(blob)
        with pytest.raises(ContentMissing):
            await blobs.keep(blob)

    async def test_dropping_what_was_kept_or_dropped_is_no_error(self, blobs: BlobStore) -> None:
        """Kept or dropped already is no error."""
        blob = await blobs.receive(stream([b"wanted"]))
        await blobs.keep(blob)
        await blobs.drop(blob)
        await blobs.drop(blob)
        assert await read(blobs, blob.sha256) == b"wanted"

    async def test_a_stream_that_breaks_leaves_nothing(self, blobs: BlobStore) -> None:
        """Store a stream aside, whole or not at all."""
        with pytest.raises(ConnectionResetError):
            await blobs.receive(broken_stream())
        with pytest.raises(ContentMissing):
            await read(blobs, hashlib.sha256(b"half of it").hexdigest())

    async def test_long_content_comes_in_pieces(self, blobs: BlobStore) -> None:
        """The kept bytes in pieces of at most 1 MiB."""
        content = bytes(range(256)) * (13 * 1024)
        blob = await blobs.receive(stream([content[:1_500_000], content[1_500_000:]]))
        await blobs.keep(blob)
        pieces = [piece async for piece in blobs.read(blob.sha256)]
        assert b"".join(pieces) == content
        assert max(map(len, pieces)) <= 1 << 20

    @pytest.mark.parametrize(("start", "end"), [(0, 4), (3, 7), (7, 100), (4, 4), (10, 12)])
    async def test_a_part_is_read_by_offsets(self, blobs: BlobStore, start: int, end: int) -> None:
        """Or those at `span` (byte offsets)."""
        blob = await blobs.receive(stream([b"0123456789"]))
        await blobs.keep(blob)
        assert await read(blobs, blob.sha256, span=Span(start, end)) == b"0123456789"[start:end]

    async def test_deleted_bytes_are_gone_and_deleting_again_is_no_error(self, blobs: BlobStore) -> None:
        """Forget the kept bytes; a missing hash is no error."""
        blob = await blobs.receive(stream([b"gone"]))
        await blobs.keep(blob)
        await blobs.delete(blob.sha256)
        await blobs.delete(blob.sha256)
        with pytest.raises(ContentMissing):
            await read(blobs, blob.sha256)

    async def test_received_bytes_are_read_until_they_are_kept(self, blobs: BlobStore) -> None:
        """The received bytes; ContentMissing if they were kept or dropped."""
        kept, dropped = await blobs.receive(stream([b"kept"])), await blobs.receive(stream([b"dropped"]))
        assert [piece async for piece in blobs.read_received(kept)] == [b"kept"]
        await blobs.keep(kept)
        await blobs.drop(dropped)
        for blob in (kept, dropped):
            with pytest.raises(ContentMissing):
                _ = [piece async for piece in blobs.read_received(blob)]

    async def test_what_nobody_kept_or_dropped_expires(self, blobs: BlobStore) -> None:
        """Forget received bytes that were neither kept nor dropped; how many there were."""
        left, kept = await blobs.receive(stream([b"left"])), await blobs.receive(stream([b"kept"]))
        await blobs.keep(kept)
        assert await blobs.expire(older_than_seconds=3600) == 0
        assert [piece async for piece in blobs.read_received(left)] == [b"left"]
        await asyncio.sleep(1.1)
        assert await blobs.expire(older_than_seconds=0.5) == 1
        with pytest.raises(ContentMissing):
            _ = [piece async for piece in blobs.read_received(left)]
        assert [piece async for piece in blobs.read(kept.sha256)] == [b"kept"]
