"""The machine: folder, disk, limits."""

from __future__ import annotations

import os
import resource
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from citewell_entrypoints.cli.checks.finding import Finding, fail, ok, warn
from citewell_entrypoints.settings import Settings

__all__ = ["check_data_directory", "check_limits"]

_LOW_DISK_BYTES: Final = 1 << 30
_FEW_OPEN_FILES: Final = 1024


def check_data_directory(settings: Settings) -> Iterator[Finding]:
    """Whether the data folder, an absolute path, can be written, and what space is left for it."""
    folder = settings.data_dir
    existing = next(path for path in (folder, *folder.parents) if path.exists())
    if not existing.is_dir():
        yield fail("data", f"{existing} is not a folder", mend="set APP_DATA_DIR to a folder")
        return
    if not os.access(existing, os.W_OK | os.X_OK):
        yield fail(
            "data",
            f"{existing} is not writable",
            mend="start as the user that owns it, or set APP_DATA_DIR to a folder of yours",
        )
    elif existing != folder:
        yield ok("data", f"{folder} is not there yet and will be made")
    else:
        yield ok("data", f"{folder} is writable")
    yield _disk(existing)


def _disk(folder: Path) -> Finding:
    free = shutil.disk_usage(folder).free
    detail = f"{free / (1 << 30):,.1f} GB free for {folder}"
    if free < _LOW_DISK_BYTES:
        return warn("disk", detail, mend="free some space, or set APP_DATA_DIR to a folder on another disk")
    return ok("disk", detail)


def check_limits() -> Iterator[Finding]:
    """How many files and connections a process may have open."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < _FEW_OPEN_FILES:
        yield warn(
            "limits", f"a process may open {soft} files", mend=f"run `ulimit -n {_FEW_OPEN_FILES * 4}` first"
        )
    else:
        count = "any number of" if soft == resource.RLIM_INFINITY else f"{soft:,}"
        yield ok("limits", f"a process may open {count} files")
