"""Local copies of files are gone with the process that made them, however it ended."""

from __future__ import annotations

import asyncio
import signal
import sys
from pathlib import Path

from citewell_entrypoints.scratch import ScratchFolder

HOLDER = """
import asyncio, pathlib, sys
from citewell_entrypoints.scratch import ScratchFolder
async def hold():
    async with ScratchFolder(pathlib.Path(sys.argv[1])) as scratch:
        (scratch.path / "copy").write_bytes(b"of a file")
        print("held", flush=True)
        await asyncio.sleep(600)
asyncio.run(hold())
"""


def names(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


def copies(folder: Path) -> int:
    return len(list(folder.glob("*/copy")))


async def test_a_folder_is_there_while_it_is_open(tmp_path: Path) -> None:
    """And gone with what is in it afterwards."""
    async with ScratchFolder(tmp_path / "scratch") as scratch:
        (scratch.path / "copy").write_bytes(b"of a file")
        async with ScratchFolder(tmp_path / "scratch") as another:
            assert another.path != scratch.path
        assert (scratch.path / "copy").exists()
    assert names(tmp_path / "scratch") == [".lock"]


async def test_the_folder_of_a_killed_process_goes_at_the_next_start(tmp_path: Path) -> None:
    """That of a living one stays."""
    command = [sys.executable, "-c", HOLDER, str(tmp_path)]
    holders = [
        await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE) for _ in range(2)
    ]
    try:
        for holder in holders:
            assert holder.stdout is not None
            assert await holder.stdout.readline() == b"held\n"
        assert copies(tmp_path) == 2
        holders[0].kill()
        assert await holders[0].wait() == -signal.SIGKILL
        async with ScratchFolder(tmp_path):
            assert copies(tmp_path) == 1
        (tmp_path / "ingest-of-old").write_bytes(b"left by a former release")
        async with ScratchFolder(tmp_path):
            assert not (tmp_path / "ingest-of-old").exists()
    finally:
        for holder in holders:
            if holder.returncode is None:
                holder.kill()
                await holder.wait()
