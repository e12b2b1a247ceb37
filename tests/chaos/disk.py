"""A small file system that can be filled up. Only root may mount one, and not everywhere."""

from __future__ import annotations

import contextlib
import errno
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

__all__ = ["SmallDisk", "small_disk"]

_SIZE: Final = "1200m"
_BLOCK: Final = bytes(1 << 20)


class SmallDisk:
    """The file system below `folder`."""

    def __init__(self, folder: Path) -> None:
        self._filler = folder / "filler"

    def fill(self) -> None:
        """Leave not a single byte; what fails after that is the point."""
        with self._filler.open("ab", buffering=0) as file:
            for size in (len(_BLOCK), 4096, 1):
                try:
                    while True:
                        file.write(_BLOCK[:size])
                except OSError as error:
                    if error.errno != errno.ENOSPC:
                        raise

    def free(self) -> None:
        """Give the room back."""
        self._filler.unlink(missing_ok=True)


@contextmanager
def small_disk(folder: Path) -> Iterator[SmallDisk | None]:
    """Mounts one on the new folder for as long as the context lasts; None where that is not allowed."""
    folder.mkdir()
    if sys.platform != "linux" or os.geteuid() != 0 or not _runs("mount", "-t", "tmpfs", *_options(folder)):
        yield None
        return
    try:
        yield SmallDisk(folder)
    finally:
        _runs("umount", "--lazy", str(folder))


def _options(folder: Path) -> list[str]:
    return ["-o", f"size={_SIZE},mode=0755", "citewell-chaos", str(folder)]


def _runs(*command: str) -> bool:
    with contextlib.suppress(OSError):
        return subprocess.run(command, check=False, capture_output=True).returncode == 0
    return False
