"""Where files are copied to while they are read: a folder for each process, gone with it."""

from __future__ import annotations

import asyncio
import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Final, Self
from uuid import uuid4

__all__ = ["ScratchFolder"]

_LOCK: Final = ".lock"


class ScratchFolder:
    """A folder below `parent` for this process alone, while it is open.

    Opening it also removes the folders of processes that are gone: each holds a lock on its own, which the
    kernel takes away from it however it ends.
    """

    def __init__(self, parent: Path) -> None:
        self._parent = parent
        self.path = parent / uuid4().hex
        self._held: int | None = None

    async def __aenter__(self) -> Self:
        await asyncio.to_thread(self._make)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await asyncio.to_thread(shutil.rmtree, self.path, ignore_errors=True)
        if self._held is not None:
            os.close(self._held)
            self._held = None

    def _make(self) -> None:
        self._parent.mkdir(parents=True, exist_ok=True)
        # Whoever looks for abandoned folders must not meet one that is made and not yet locked.
        with _locked(self._parent):
            for left in self._parent.iterdir():
                _remove_if_abandoned(left)
            self.path.mkdir()
            self._held = _open(self.path / _LOCK)
            fcntl.flock(self._held, fcntl.LOCK_EX)


def _remove_if_abandoned(path: Path) -> None:
    if not path.is_dir():
        if path.name != _LOCK:
            path.unlink(missing_ok=True)  # nobody writes to the parent itself
        return
    descriptor = _open(path / _LOCK)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return
    else:
        shutil.rmtree(path, ignore_errors=True)
    finally:
        os.close(descriptor)


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    descriptor = _open(folder / _LOCK)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _open(path: Path) -> int:
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
