"""BlobStore on files or S3-compatible storage."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import aclosing, asynccontextmanager, contextmanager, suppress
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any, Final
from urllib.parse import unquote, urlsplit
from uuid import uuid4

import obstore
from obstore.exceptions import BaseError
from obstore.store import from_url

from citewell.errors import BlobsUnavailable, ContentMissing
from citewell.model import Blob, Span
from citewell_adapters.obstore.client import client_options, retry_config
from citewell_adapters.obstore.files import expire_files, flush_file, flush_folders

__all__ = ["ObjectBlobStore"]

#: The least that S3 takes as one part of a longer upload, and how many are on their way at once. With the one
#: that is being filled, they are what an upload holds in memory.
_PART_BYTES: Final = 5 << 20
_MOST_PARTS: Final = 2
_PIECE_BYTES: Final = 1 << 20
_INCOMING: Final = "incoming"


class ObjectBlobStore:
    """Bytes under `sha256/ab/abcd…`; what is still coming in lies under `incoming/`.

    url: `file:///folder` or `s3://bucket/prefix`, with endpoint, region and credentials from the usual places
    of the cloud (`AWS_ENDPOINT`, `AWS_REGION`, `AWS_ACCESS_KEY_ID` …).
    timeout_seconds: how long a bucket may keep silent; what it refuses is tried again for a third of that.
    A file appears under its name only when all of it is written, and on the disk.
    """

    def __init__(self, url: str, *, timeout_seconds: float = 15.0) -> None:
        self._url = url
        self._timeout_seconds = timeout_seconds

    @cached_property
    def _store(self) -> Any:
        if self._folder is not None:
            return from_url(self._url)
        return from_url(
            self._url,
            client_options=client_options(self._timeout_seconds),
            retry_config=retry_config(self._timeout_seconds),
        )

    @cached_property
    def _folder(self) -> Path | None:
        """Where the files are, None if it is no file store."""
        parts = urlsplit(self._url)
        return Path(unquote(parts.path)) if parts.scheme == "file" else None

    async def receive(self, content: AsyncIterator[bytes]) -> Blob:
        upload = f"{_INCOMING}/{uuid4().hex}"
        digest, size = hashlib.sha256(), 0
        async with self._writing(upload) as writer:
            async for piece in content:
                digest.update(piece)
                size += len(piece)
                with _translated():
                    await writer.write(piece)
        return Blob(upload, digest.hexdigest(), size)

    @asynccontextmanager
    async def _writing(self, path: str) -> AsyncGenerator[Any, None]:
        """A writer of bytes that are there once the block has ended, and never if an error leaves it."""
        with _translated():
            writer = obstore.open_writer_async(
                self._store, path, buffer_size=_PART_BYTES, max_concurrency=_MOST_PARTS
            )
            await writer.__aenter__()
        try:
            yield writer
        except BaseException as error:
            # What failed is the news; that the rest of it cannot be taken back now either is none.
            with suppress(BaseError, OSError, TimeoutError):
                async with asyncio.timeout(self._timeout_seconds / 3):
                    await writer.__aexit__(type(error), error, error.__traceback__)
            raise
        with _translated():
            await writer.__aexit__(None, None, None)

    async def keep(self, blob: Blob) -> None:
        try:
            with _translated(missing=ContentMissing(f"nothing was received under {blob.upload}")):
                if self._folder is not None:
                    await asyncio.to_thread(flush_file, self._folder / blob.upload)
                await obstore.rename_async(self._store, blob.upload, _key(blob.sha256))
        except ContentMissing:
            if not await self._exists(blob.sha256):
                raise
        if self._folder is not None:
            with _translated():
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
        with _translated(missing=missing):
            read = self._read_object if self._folder is None else self._read_file
            async with aclosing(read(path, span=span)) as chunks:
                async for data in chunks:
                    for start in range(0, len(data), _PIECE_BYTES):
                        yield data[start : start + _PIECE_BYTES]

    async def _read_object(self, path: str, *, span: Span | None) -> AsyncGenerator[bytes, None]:
        options: Any = {} if span is None else {"range": (span.start, span.end)}
        try:
            found = await obstore.get_async(self._store, path, options=options)
        except BaseError as error:
            if "416 Range Not Satisfiable" in str(error):
                return  # the span begins behind the last byte
            raise
        async for buffer in found.stream(min_chunk_size=_PIECE_BYTES):
            yield bytes(buffer)

    async def _read_file(self, path: str, *, span: Span | None) -> AsyncGenerator[bytes, None]:
        # In ranges: obstore's stream of a file that is cut short meanwhile never ends, and fills the memory.
        size = await self._size(path)
        start, end = (0, size) if span is None else (span.start, min(span.end, size))
        for first in range(start, end, _PIECE_BYTES):
            last = min(first + _PIECE_BYTES, end)
            yield bytes(await obstore.get_range_async(self._store, path, start=first, end=last))

    async def _size(self, path: str) -> int:
        size: int = (await obstore.head_async(self._store, path))["size"]
        return size

    async def delete(self, sha256: str) -> None:
        await self._delete(_key(sha256))

    async def _exists(self, sha256: str) -> bool:
        with _translated():
            try:
                await self._size(_key(sha256))
            except FileNotFoundError:
                return False
        return True

    async def _delete(self, path: str) -> None:
        with suppress(ContentMissing), _translated(missing=ContentMissing()):
            await obstore.delete_async(self._store, path)


def _key(sha256: str) -> str:
    return f"sha256/{sha256[:2]}/{sha256}"


@contextmanager
def _translated(*, missing: ContentMissing | None = None) -> Iterator[None]:
    """Errors of the storage as BlobsUnavailable, with the first line of their long texts.

    missing: what is raised instead where there is nothing under a name.
    """
    try:
        yield
    except (BaseError, OSError) as error:
        if missing is not None and _tells_absence(error):
            raise missing from None
        summary = (str(error).splitlines() or [""])[0]
        raise BlobsUnavailable(f"the blob store failed: {type(error).__name__}: {summary}") from error


def _tells_absence(error: Exception) -> bool:
    """Whether there is nothing under the name: the word of a file system, or of a bucket about its keys.

    A bucket that is gone, or a proxy before it, answers 404 as well, and has lost nothing.
    """
    text = str(error)
    answers_over_http = "404 Not Found" in text
    return isinstance(error, FileNotFoundError) and (not answers_over_http or "NoSuchKey" in text)
