"""What a file store needs besides obstore: bytes that outlive a power cut, and half-written files found."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path

__all__ = ["expire_files", "flush_file", "flush_folders"]


def flush_file(path: Path) -> None:
    """Have the file's bytes on the disk. Raises FileNotFoundError."""
    _flush(path)


def flush_folders(path: Path, *, up_to: Path) -> None:
    """Have the names on the disk that lead to `path`, from the folder `up_to` on."""
    for folder in path.parents:
        _flush(folder)
        if folder == up_to:
            return


def expire_files(folder: Path, *, older_than: datetime) -> int:
    """Delete the files that were last written to before; how many. No folder is no error.

    obstore lists complete files alone: the half-written ones of a killed process are found in the folder.
    """
    count = 0
    for path in folder.glob("*"):
        try:
            if datetime.fromtimestamp(path.stat().st_mtime, UTC) <= older_than:
                path.unlink()
                count += 1
        except FileNotFoundError:
            continue  # kept or dropped meanwhile
    return count


def _flush(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
