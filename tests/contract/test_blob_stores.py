"""Every BlobStore keeps the contract."""

from __future__ import annotations

from pathlib import Path

import pytest

from citewell.errors import ContentMissing
from citewell.memory import MemoryBlobStore
from citewell.ports import BlobStore
from citewell.testing.blobs import BlobStoreContract, broken_stream, read, stream
from citewell_adapters.obstore import ObjectBlobStore


class TestMemoryBlobStore(BlobStoreContract):
    @pytest.fixture
    def blobs(self) -> BlobStore:
        return MemoryBlobStore()


class TestFileBlobStore(BlobStoreContract):
    @pytest.fixture
    def blobs(self, tmp_path: Path) -> BlobStore:
        return ObjectBlobStore(tmp_path.as_uri())

    async def test_altered_bytes_are_missing(self, blobs: BlobStore, tmp_path: Path) -> None:
        """Read whole, bytes whose SHA-256 is not theirs any more raise ContentMissing at the end."""
        blob = await blobs.receive(stream([b"original"]))
        await blobs.keep(blob)
        [file] = (tmp_path / "sha256").rglob(blob.sha256)
        file.write_bytes(b"ORIGINAL")
        with pytest.raises(ContentMissing):
            await read(blobs, blob.sha256)

    async def test_a_broken_or_dropped_upload_leaves_no_file(self, blobs: BlobStore, tmp_path: Path) -> None:
        """What is not kept takes no space."""
        await blobs.drop(await blobs.receive(stream([b"x" * (6 << 20)])))
        with pytest.raises(ConnectionResetError):
            await blobs.receive(broken_stream())
        assert files_below(tmp_path) == []


def files_below(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]
