"""The data directory: made if it is missing, and held by one supervisor at a time."""

from __future__ import annotations

import fcntl
import getpass
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from citewell_entrypoints.supervisor.errors import StartRefused

__all__ = ["hold_data_directory", "shown"]


@contextmanager
def hold_data_directory(path: Path, *, address: str) -> Iterator[None]:
    """Make the directory if needed, and keep every other supervisor out until the context ends.

    `address` is what a second start is told about us. The kernel lets go of the directory when the process
    ends, however it ends. Raises StartRefused.
    """
    try:
        # As root, PostgreSQL's user passes through; what is in it is closed.
        path.mkdir(mode=0o711 if os.geteuid() == 0 else 0o700, parents=True, exist_ok=True)
        lock = (path / "lock").open("a+")
    except OSError as error:
        raise StartRefused(_unusable(path, error)) from error
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise StartRefused(_taken(path, lock)) from None
        except OSError as error:
            raise StartRefused(_unusable(path, error)) from error
        lock.truncate(0)
        lock.write(f"{os.getpid()} {address}\n")
        lock.flush()
        yield


def shown(path: Path) -> str:
    """The path as people know it: relative to the working directory if it is below it."""
    try:
        return f"./{path.resolve().relative_to(Path.cwd())}"
    except ValueError:
        return str(path)


def _taken(path: Path, lock: IO[str]) -> str:
    lock.seek(0)
    pid, _, address = lock.read().strip().partition(" ")
    holder = f"process {pid}, {address}" if pid and address else "another process"
    return (
        f"Citewell runs already on {shown(path)} ({holder}): "
        f"stop it first, or choose another data directory with APP_DATA_DIR"
    )


def _unusable(path: Path, error: OSError) -> str:
    if isinstance(error, PermissionError):
        return (
            f"the data directory {shown(path)} is not writable for user {_user()}: start as the user that "
            f"owns it, or choose another with APP_DATA_DIR"
        )
    return f"the data directory {shown(path)} cannot be used ({error.strerror}): set another in APP_DATA_DIR"


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return str(os.geteuid())
