"""BlobStore in memory."""

from __future__ import annotations

import hashlib
import time
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from uuid import uuid4

from citewell.errors import ContentMissing
from citewell.model import Blob, Span

__all__ = ["MemoryBlobStore"]

_PIECE_BYTES = 1 << 20


class MemoryBlobStore:
    """The reference BlobStore."""

    def __init__(self) -> None:
        self._received: dict[str, bytes] = {}
        self._received_at: dict[str, float] = {}
        self._kept: dict[str, bytes] = {}

    async def receive(self, content: AsyncIterator[bytes]) -> Blob:
        data = b"".join([piece async for piece in content])
        blob = Blob(uuid4().hex, hashlib.sha256(data).hexdigest(), len(data))
        self._received[blob.upload] = data
        self._received_at[blob.upload] = time.monotonic()
        return blob

    async def keep(self, blob: Blob) -> None:
        data = self._received.pop(blob.upload, None)
        if data is not None:
            self._kept[blob.sha256] = data
        elif blob.sha256 not in self._kept:
            raise ContentMissing(f"nothing was received under {blob.upload}")

    async def drop(self, blob: Blob) -> None:
        self._received.pop(blob.upload, None)

    async def expire(self, *, older_than_seconds: float) -> int:
        oldest = time.monotonic() - older_than_seconds
        old = [upload for upload in self._received if self._received_at[upload] <= oldest]
        for upload in old:
            del self._received[upload]
        return len(old)

    async def read_received(self, blob: Blob) -> AsyncGenerator[bytes, None]:
        if blob.upload not in self._received:
            raise ContentMissing(f"nothing was received under {blob.upload}")
        for piece in _pieces(self._received[blob.upload]):
            yield piece

    async def read(self, sha256: str, *, span: Span | None = None) -> AsyncGenerator[bytes, None]:
        try:
            data = self._kept[sha256]
        except KeyError:
            raise ContentMissing(f"there are no bytes with the SHA-256 {sha256}") from None
        part = data if span is None else data[span.start : span.end]
        for piece in _pieces(part):
            yield piece

    async def delete(self, sha256: str) -> None:
        self._kept.pop(sha256, None)


def _pieces(data: bytes) -> Iterator[bytes]:
    for start in range(0, len(data), _PIECE_BYTES):
        yield data[start : start + _PIECE_BYTES]
