"""BlobStore in memory."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncGenerator, AsyncIterator
from uuid import uuid4

from citewell.errors import ContentMissing
from citewell.model import Blob, Span

__all__ = ["MemoryBlobStore"]

_PIECE_BYTES = 1 << 20


class MemoryBlobStore:
    """The reference BlobStore."""

    def __init__(self) -> None:
        self._received: dict[str, bytes] = {}
        self._kept: dict[str, bytes] = {}

    async def receive(self, content: AsyncIterator[bytes]) -> Blob:
        data = b"".join([piece async for piece in content])
        blob = Blob(uuid4().hex, hashlib.sha256(data).hexdigest(), len(data))
        self._received[blob.upload] = data
        return blob

    async def keep(self, blob: Blob) -> None:
        data = self._received.pop(blob.upload, None)
        if data is not None:
            self._kept[blob.sha256] = data
        elif blob.sha256 not in self._kept:
            raise ContentMissing(f"nothing was received under {blob.upload}")

    async def drop(self, blob: Blob) -> None:
        self._received.pop(blob.upload, None)

    async def read(self, sha256: str, *, span: Span | None = None) -> AsyncGenerator[bytes, None]:
        try:
            data = self._kept[sha256]
        except KeyError:
            raise ContentMissing(f"there are no bytes with the SHA-256 {sha256}") from None
        part = data if span is None else data[span.start : span.end]
        for start in range(0, len(part), _PIECE_BYTES):
            yield part[start : start + _PIECE_BYTES]

    async def delete(self, sha256: str) -> None:
        self._kept.pop(sha256, None)
