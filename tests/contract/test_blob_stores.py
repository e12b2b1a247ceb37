"""Every BlobStore keeps the contract."""

from __future__ import annotations

import asyncio
import signal
import sys
from pathlib import Path

import pytest
from tests.s3_stub import S3Stub

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

    async def test_what_a_killed_process_was_writing_expires(self, blobs: BlobStore, tmp_path: Path) -> None:
        """Those of a process that was killed in the middle of receiving are among them."""
        program = (
            "import asyncio, os, sys\n"
            "from citewell_adapters.obstore import ObjectBlobStore\n"
            "async def endless():\n"
            "    for _ in range(20): yield b'x' * (1 << 20)\n"
            "    os.kill(os.getpid(), 9)\n"
            "asyncio.run(ObjectBlobStore(sys.argv[1]).receive(endless()))\n"
        )
        command = [sys.executable, "-c", program, tmp_path.as_uri()]
        process = await asyncio.create_subprocess_exec(*command)
        assert await process.wait() == -signal.SIGKILL
        assert len(files_below(tmp_path)) == 1
        assert await blobs.expire(older_than_seconds=3600) == 0
        assert await blobs.expire(older_than_seconds=0) == 1
        assert files_below(tmp_path) == []


class TestS3BlobStore(BlobStoreContract):
    @pytest.fixture
    def blobs(self, s3_stub: S3Stub) -> BlobStore:
        del s3_stub  # it is found through the environment
        return ObjectBlobStore("s3://bucket/a/prefix")


def files_below(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]
