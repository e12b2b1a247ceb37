"""BlobStore on files or S3-compatible storage."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import aclosing, contextmanager
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any, Final
from urllib.parse import unquote, urlsplit
from uuid import uuid4

import obstore
from obstore.exceptions import BaseError, NotFoundError
from obstore.store import from_url

from citewell.errors import BlobsUnavailable, ContentMissing
from citewell.model import Blob, Span
from citewell_adapters.obstore.files import expire_files, flush_file, flush_folders

__all__ = ["ObjectBlobStore"]

#: The least that S3 takes as one part of a longer upload; two of them are what an upload holds in memory.
_PART_BYTES: Final = 5 << 20
_PIECE_BYTES: Final = 1 << 20
_INCOMING: Final = "incoming"


class ObjectBlobStore:
    """Bytes under `sha256/ab/abcd…`; what is still coming in lies under `incoming/`.

    url: `file:///folder` or `s3://bucket/prefix`, with credentials from the usual places of the cloud.
    A file appears under its name only when all of it is written, and on the disk.
    """

    def __init__(self, url: str) -> None:
        self._url = url

    @cached_property
    def _store(self) -> Any:
        return from_url(self._url)

    @cached_property
    def _folder(self) -> Path | None:
        """Where the files are, None if it is no file store."""
        parts = urlsplit(self._url)
        return Path(unquote(parts.path)) if parts.scheme == "file" else None

    async def receive(self, content: AsyncIterator[bytes]) -> Blob:
        upload = f"{_INCOMING}/{uuid4().hex}"
        digest, size = hashlib.sha256(), 0
        with _translated():
            writer = obstore.open_writer_async(
                self._store, upload, buffer_size=_PART_BYTES, max_concurrency=2
            )
            async with writer:
                async for piece in content:
                    digest.update(piece)
                    size += len(piece)
                    await writer.write(piece)
        return Blob(upload, digest.hexdigest(), size)

    async def keep(self, blob: Blob) -> None:
        with _translated():
            try:
                if self._folder is not None:
                    await asyncio.to_thread(flush_file, self._folder / blob.upload)
                await obstore.rename_async(self._store, blob.upload, _key(blob.sha256))
            except (NotFoundError, FileNotFoundError):
                if not await self._exists(blob.sha256):
                    raise ContentMissing(f"nothing was received under {blob.upload}") from None
            if self._folder is not None:
                await asyncio.to_thread(flush_folders, self._folder / _key(blob.sha256), up_to=self._folder)

    async def drop(self, blob: Blob) -> None:
        await self._delete(blob.upload)

    async def expire(self, *, older_than_seconds: float) -> int:
        """See the port.

        In a bucket the parts of uploads that were broken off are no objects: let its lifecycle rules abort
        incomplete multipart uploads after some days.
        """
        oldest = datetime.now(UTC) - timedelta(seconds=older_than_seconds)
        if self._folder is not None:
            return await asyncio.to_thread(expire_files, self._folder / _INCOMING, older_than=oldest)
        with _translated():
            listed = await obstore.list(self._store, _INCOMING).collect_async()
        old = [str(meta["path"]) for meta in listed if meta["last_modified"] <= oldest]
        for path in old:
            await self._delete(path)
        return len(old)

    async def read_received(self, blob: Blob) -> AsyncGenerator[bytes, None]:
        missing = ContentMissing(f"nothing was received under {blob.upload}")
        async with aclosing(self._pieces(blob.upload, missing=missing)) as pieces:
            async for piece in pieces:
                yield piece

    async def read(self, sha256: str, *, span: Span | None = None) -> AsyncGenerator[bytes, None]:
        if span is not None and not len(span):
            return
        missing = ContentMissing(f"the bytes with the SHA-256 {sha256} are missing or were altered")
        digest = hashlib.sha256()
        async with aclosing(self._pieces(_key(sha256), missing=missing, span=span)) as pieces:
            async for piece in pieces:
                digest.update(piece)
                yield piece
        if span is None and digest.hexdigest() != sha256:
            raise missing

    async def _pieces(
        self, path: str, *, missing: ContentMissing, span: Span | None = None
    ) -> AsyncGenerator[bytes, None]:
        options: Any = {} if span is None else {"range": (span.start, span.end)}
        with _translated():
            try:
                found = await obstore.get_async(self._store, path, options=options)
            except (NotFoundError, FileNotFoundError):
                raise missing from None
            async for buffer in found.stream(min_chunk_size=_PIECE_BYTES):
                data = bytes(buffer)
                for start in range(0, len(data), _PIECE_BYTES):
                    yield data[start : start + _PIECE_BYTES]

    async def delete(self, sha256: str) -> None:
        await self._delete(_key(sha256))

    async def _exists(self, sha256: str) -> bool:
        try:
            await obstore.head_async(self._store, _key(sha256))
        except (NotFoundError, FileNotFoundError):
            return False
        return True

    async def _delete(self, path: str) -> None:
        with _translated():
            try:
                await obstore.delete_async(self._store, path)
            except (NotFoundError, FileNotFoundError):
                return


def _key(sha256: str) -> str:
    return f"sha256/{sha256[:2]}/{sha256}"


@contextmanager
def _translated() -> Iterator[None]:
    """Errors of the storage as BlobsUnavailable, with the first line of their long texts."""
    try:
        yield
    except BaseError as error:
        summary = (str(error).splitlines() or [""])[0]
        raise BlobsUnavailable(f"the blob store failed: {type(error).__name__}: {summary}") from error
