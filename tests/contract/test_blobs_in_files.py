"""What a disk does to a blob store when it is full, or has lost some of its bytes."""

from __future__ import annotations

import os
import resource
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Final

import pytest
import pytest_asyncio

from citewell.errors import BlobsUnavailable, ContentMissing
from citewell.model import Blob
from citewell.testing.blobs import read, stream
from citewell_adapters.obstore import ObjectBlobStore

_MIB: Final = 1 << 20
_CAP_SYS_ADMIN: Final = 21


def may_mount() -> bool:
    """Whether this process may mount a file system."""
    status = Path("/proc/self/status")
    if not status.exists():
        return False
    [capabilities] = [
        line.split()[1] for line in status.read_text().splitlines() if line.startswith("CapEff:")
    ]
    return bool(int(capabilities, 16) >> _CAP_SYS_ADMIN & 1)


@contextmanager
def mounted(folder: Path) -> Iterator[None]:
    """A disk of 8 MiB."""
    command = ["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        pytest.skip(f"this sandbox lets nobody mount a file system: {done.stderr.strip()}")
    try:
        yield
    finally:
        subprocess.run(["umount", folder], check=True)


@contextmanager
def limited(folder: Path) -> Iterator[None]:
    """Files of at most 8 MiB: what a process without rights can have of a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (8 * _MIB, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.fixture(params=[limited, mounted] if may_mount() else [limited])
def small_disk(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Path]:
    """A folder that has room for less than 8 MiB."""
    room: AbstractContextManager[None] = request.param(tmp_path)
    with room:
        yield tmp_path


@pytest.fixture
def blobs(tmp_path: Path) -> ObjectBlobStore:
    return ObjectBlobStore(tmp_path.as_uri())


@pytest_asyncio.fixture
async def kept(blobs: ObjectBlobStore) -> Blob:
    """Six MiB that were kept."""
    blob = await blobs.receive(pieces(6))
    await blobs.keep(blob)
    return blob


@pytest.fixture
def file(kept: Blob, tmp_path: Path) -> Path:
    """Where the kept bytes are."""
    return tmp_path / "sha256" / kept.sha256[:2] / kept.sha256


async def pieces(count: int) -> AsyncIterator[bytes]:
    for _ in range(count):
        yield bytes(_MIB)


def files_below(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


@pytest.mark.parametrize("mebibytes", [9, 30])
async def test_a_full_disk_refuses_and_keeps_its_room(small_disk: Path, mebibytes: int) -> None:
    """Whether it fills up midway or at the end: nothing of the upload is left, and a smaller one fits."""
    blobs = ObjectBlobStore(small_disk.as_uri())
    with pytest.raises(BlobsUnavailable, match=r"No space left|File too large"):
        await blobs.receive(pieces(mebibytes))
    assert files_below(small_disk) == []
    blob = await blobs.receive(pieces(7))
    await blobs.keep(blob)
    assert await read(blobs, blob.sha256) == bytes(7 * _MIB)


async def test_a_folder_that_cannot_be_written_is_an_unavailable_store(
    blobs: ObjectBlobStore, tmp_path: Path
) -> None:
    """No error of the system leaves the adapter as it is."""
    (tmp_path / "incoming").write_bytes(b"a file where the folder should be")
    with pytest.raises(BlobsUnavailable):
        await blobs.receive(stream([b"anything"]))


@pytest.fixture(
    params=[bytes(6 * _MIB - 1), bytes(5 * _MIB), b"", b"X" + bytes(6 * _MIB - 1)],
    ids=["a byte short", "a piece short", "empty", "swapped"],
)
def altered(request: pytest.FixtureRequest, kept: Blob, file: Path) -> Blob:
    """What was kept, in a file that is now another."""
    file.write_bytes(request.param)
    return kept


async def test_truncated_and_swapped_files_are_missing(blobs: ObjectBlobStore, altered: Blob) -> None:
    """Read whole, bytes whose SHA-256 is not theirs any more raise ContentMissing at the end."""
    with pytest.raises(ContentMissing):
        await read(blobs, altered.sha256)


async def test_a_file_that_is_cut_short_while_it_is_read_ends_the_reading(
    blobs: ObjectBlobStore, kept: Blob, file: Path
) -> None:
    """The rest never comes: neither does the reading go on for ever, nor does a half pass for the whole."""
    reading = blobs.read(kept.sha256)
    await anext(reading)
    os.truncate(file, 3 * _MIB + 17)
    with pytest.raises(BlobsUnavailable):
        _ = [piece async for piece in reading]


async def test_a_reading_that_is_closed_early_holds_no_file(blobs: ObjectBlobStore, kept: Blob) -> None:
    """Closing the generator gives everything back."""
    await read(blobs, kept.sha256)
    before = open_files_below(kept)
    for _ in range(5):
        reading = blobs.read(kept.sha256)
        await anext(reading)
        await reading.aclose()
    assert open_files_below(kept) == before == []


def open_files_below(blob: Blob) -> list[str]:
    """The descriptors of this process on the blob's file."""
    names = []
    for descriptor in Path("/proc/self/fd").glob("*"):
        try:
            names.append(str(descriptor.readlink()))
        except FileNotFoundError:
            continue
    return [name for name in names if name.endswith(blob.sha256)]
