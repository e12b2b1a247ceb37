"""UnlockContent over in-memory adapters."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.fakes import LockedParser

from citewell.errors import BlobsUnavailable, ParserCrashed
from citewell.memory import MemoryBlobStore
from citewell.model import Blob, Content
from citewell.usecases import UnlockContent

LOCKED = b"LOCKED secret\nThe lamp is seen far."


async def received(blobs: MemoryBlobStore, content: bytes) -> Content:
    async def stream() -> AsyncIterator[bytes]:
        yield content

    return Content(await blobs.receive(stream()), "text/plain")


@pytest.mark.parametrize("name", ["right", "wrong", "crash"])
async def test_nothing_stays_in_the_scratch_folder(tmp_path: Path, name: str) -> None:
    """Whatever comes of it."""
    blobs = MemoryBlobStore()
    parser = LockedParser(crash=ParserCrashed() if name == "crash" else None)
    unlock = UnlockContent(blobs=blobs, parser=parser, scratch=tmp_path)
    await unlock(await received(blobs, LOCKED), password="wrong" if name == "wrong" else "secret")
    assert names_in(tmp_path) == []


async def test_the_copy_is_received_beside_the_upload(tmp_path: Path) -> None:
    """`unlocked` opens without the password; the upload is as it was."""
    blobs = MemoryBlobStore()
    content = await received(blobs, LOCKED)
    unlock = UnlockContent(blobs=blobs, parser=LockedParser(), scratch=tmp_path)
    unlocked = await unlock(content, password="secret")
    assert (unlocked.blob, unlocked.media_type) == (content.blob, content.media_type)
    assert unlocked.unlocked is not None
    assert await bytes_of(blobs, unlocked.unlocked) == b"The lamp is seen far."
    assert await bytes_of(blobs, content.blob) == LOCKED


@pytest.mark.parametrize(("content", "password"), [(LOCKED, "wrong"), (b"open", "secret")])
async def test_what_the_password_does_not_open_stays_as_it_was(
    tmp_path: Path, content: bytes, password: str
) -> None:
    """A wrong password is no error here, nor is one that nobody needs."""
    blobs = MemoryBlobStore()
    given = await received(blobs, content)
    unlock = UnlockContent(blobs=blobs, parser=LockedParser(), scratch=tmp_path)
    assert await unlock(given, password=password) == given


async def test_a_file_that_breaks_its_reader_stays_as_it_was(tmp_path: Path) -> None:
    """The document's ingestion tells of it, with its own code."""
    blobs = MemoryBlobStore()
    given = await received(blobs, LOCKED)
    unlock = UnlockContent(blobs=blobs, parser=LockedParser(crash=ParserCrashed()), scratch=tmp_path)
    assert await unlock(given, password="secret") == given


async def test_a_blob_store_that_is_away_is_an_error(tmp_path: Path) -> None:
    """The upload is to be sent again."""

    class Away(MemoryBlobStore):
        async def receive(self, content: AsyncIterator[bytes]) -> Blob:
            if self._received:
                raise BlobsUnavailable
            return await super().receive(content)

    blobs = Away()
    unlock = UnlockContent(blobs=blobs, parser=LockedParser(), scratch=tmp_path)
    with pytest.raises(BlobsUnavailable):
        await unlock(await received(blobs, LOCKED), password="secret")
    assert names_in(tmp_path) == []


def names_in(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


async def bytes_of(blobs: MemoryBlobStore, blob: Blob) -> bytes:
    return b"".join([piece async for piece in blobs.read_received(blob)])
