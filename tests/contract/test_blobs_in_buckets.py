"""What a bucket does to a blob store when it refuses, falls silent or breaks off."""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any, Literal

import pytest
import pytest_asyncio
from tests.s3_stub import S3Stub

from citewell.errors import BlobsUnavailable, ContentMissing
from citewell.model import Blob, Span
from citewell.testing.blobs import read, stream
from citewell_adapters.obstore import ObjectBlobStore

_MIB = 1 << 20
_TIMEOUT_SECONDS = 1.5


@pytest.fixture
def blobs(s3_stub: S3Stub) -> ObjectBlobStore:
    del s3_stub  # it is found through the environment
    return ObjectBlobStore("s3://bucket/prefix", timeout_seconds=_TIMEOUT_SECONDS)


@pytest_asyncio.fixture
async def received(blobs: ObjectBlobStore) -> Blob:
    return await blobs.receive(stream([b"received"]))


@pytest_asyncio.fixture
async def kept(blobs: ObjectBlobStore) -> Blob:
    """Eight MiB that were kept."""
    blob = await blobs.receive(pieces(8))
    await blobs.keep(blob)
    return blob


async def pieces(count: int) -> AsyncIterator[bytes]:
    for _ in range(count):
        yield bytes(_MIB)


async def broken_pieces(count: int) -> AsyncIterator[bytes]:
    async for piece in pieces(count):
        yield piece
    raise ConnectionResetError("the client went away")


async def eventually(condition: Callable[[], bool]) -> None:
    for _ in range(500):
        if condition():
            return
        await asyncio.sleep(0.02)
    raise TimeoutError


async def outcomes(blobs: ObjectBlobStore, received: Blob, kept: Blob) -> set[type]:
    """The classes of what the calls of the port raise or return, all at once."""
    calls: list[Coroutine[Any, Any, object]] = [
        blobs.receive(stream([b"short"])),
        blobs.receive(pieces(12)),
        blobs.keep(received),
        blobs.drop(received),
        blobs.expire(older_than_seconds=0),
        read(blobs, kept.sha256),
        read(blobs, kept.sha256, span=Span(0, 4)),
        blobs.delete(kept.sha256),
    ]
    return set(map(type, await asyncio.gather(*calls, return_exceptions=True)))


@pytest.mark.parametrize("fault", [403, 404, 500, 503, "silence"])
async def test_a_bucket_that_does_not_serve_is_unavailable_soon(
    s3_stub: S3Stub,
    blobs: ObjectBlobStore,
    received: Blob,
    kept: Blob,
    fault: int | Literal["silence"],
) -> None:
    """Every call says so within the timeout and a third: retried, but not for minutes."""
    s3_stub.fault = fault
    begun = time.monotonic()
    assert await outcomes(blobs, received, kept) == {BlobsUnavailable}
    assert time.monotonic() - begun < 2 * _TIMEOUT_SECONDS


async def test_refused_connections_are_an_unavailable_bucket_soon(
    blobs: ObjectBlobStore, received: Blob, kept: Blob, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every call says so within a third of the timeout."""
    monkeypatch.setenv("AWS_ENDPOINT", "http://127.0.0.1:9")
    elsewhere = ObjectBlobStore("s3://bucket/prefix", timeout_seconds=_TIMEOUT_SECONDS)
    begun = time.monotonic()
    assert await outcomes(elsewhere, received, kept) == {BlobsUnavailable}
    assert time.monotonic() - begun < 2 * _TIMEOUT_SECONDS


async def test_what_was_refused_for_a_moment_is_tried_again(s3_stub: S3Stub, kept: Blob) -> None:
    """A bucket that asks to slow down is no failure yet."""
    s3_stub.fault = 503
    asyncio.get_running_loop().call_later(0.3, setattr, s3_stub, "fault", None)
    patient = ObjectBlobStore("s3://bucket/prefix", timeout_seconds=15)
    assert await read(patient, kept.sha256) == bytes(8 * _MIB)


async def test_altered_and_truncated_objects_are_missing(
    s3_stub: S3Stub, blobs: ObjectBlobStore, kept: Blob
) -> None:
    """Read whole, bytes whose SHA-256 is not theirs any more raise ContentMissing at the end."""
    [key] = s3_stub.objects
    for content in (b"X" + bytes(8 * _MIB - 1), bytes(7 * _MIB), b""):
        s3_stub.put(key, content)
        with pytest.raises(ContentMissing):
            await read(blobs, kept.sha256)


@pytest.mark.parametrize("span", [None, Span(100, 5 * _MIB)])
async def test_a_reply_that_breaks_off_is_an_unavailable_bucket(
    s3_stub: S3Stub, blobs: ObjectBlobStore, kept: Blob, span: Span | None
) -> None:
    """Half of the bytes never pass for all of them."""
    s3_stub.fault, s3_stub.faulty_methods = "breaks", frozenset({"GET"})
    with pytest.raises(BlobsUnavailable):
        await read(blobs, kept.sha256, span=span)


async def test_a_reading_that_is_closed_early_holds_no_connection(
    s3_stub: S3Stub, blobs: ObjectBlobStore, kept: Blob
) -> None:
    """Closing the generator ends the transfer."""
    for _ in range(5):
        reading = blobs.read(kept.sha256)
        await anext(reading)
        await reading.aclose()
    await eventually(lambda: len(s3_stub.connections) <= 1)


async def test_receiving_takes_no_more_than_the_bucket_stores(
    s3_stub: S3Stub, blobs: ObjectBlobStore
) -> None:
    """However long the stream: three parts of 5 MiB and the piece at hand are held."""
    ahead: list[int] = []

    async def counted() -> AsyncIterator[bytes]:
        async for piece in pieces(60):
            taken = (len(ahead) + 1) * _MIB
            ahead.append(taken - s3_stub.part_bytes)
            yield piece

    s3_stub.takes_parts.clear()
    asyncio.get_running_loop().call_later(1.0, s3_stub.takes_parts.set)
    blob = await blobs.receive(counted())
    assert blob.size_bytes == 60 * _MIB
    assert max(ahead) <= 16 * _MIB


async def test_a_long_stream_that_breaks_leaves_no_part(s3_stub: S3Stub, blobs: ObjectBlobStore) -> None:
    """Store a stream aside, whole or not at all."""
    with pytest.raises(ConnectionResetError):
        await blobs.receive(broken_pieces(12))
    assert (s3_stub.objects, s3_stub.uploads) == ({}, {})


@pytest.mark.parametrize("refused", ["PUT", "POST"])
async def test_an_upload_whose_part_or_end_is_refused_leaves_no_part(
    s3_stub: S3Stub, blobs: ObjectBlobStore, refused: str
) -> None:
    """What was stored of it is aborted."""

    async def refused_midway() -> AsyncIterator[bytes]:
        async for piece in pieces(12):
            yield piece
        s3_stub.fault, s3_stub.faulty_methods = 403, frozenset({refused})
        async for piece in pieces(8 if refused == "PUT" else 1):
            yield piece

    with pytest.raises(BlobsUnavailable):
        await blobs.receive(refused_midway())
    assert (s3_stub.objects, s3_stub.uploads) == ({}, {})


async def test_what_was_copied_but_not_moved_can_be_kept_again(
    s3_stub: S3Stub, blobs: ObjectBlobStore, received: Blob
) -> None:
    """A bucket moves in two steps: the second may fail, and both may be done again."""
    s3_stub.fault, s3_stub.faulty_methods = 403, frozenset({"POST", "DELETE"})
    with pytest.raises(BlobsUnavailable):
        await blobs.keep(received)
    s3_stub.fault = None
    await blobs.keep(received)
    assert await read(blobs, received.sha256) == b"received"
    assert len(s3_stub.objects) == 1


async def test_the_bytes_lie_below_the_prefix_under_their_hash(s3_stub: S3Stub, kept: Blob) -> None:
    """The bucket may hold other things."""
    sha256 = hashlib.sha256(bytes(8 * _MIB)).hexdigest()
    assert list(s3_stub.objects) == [f"prefix/sha256/{sha256[:2]}/{sha256}"]
