"""Where the engines' sockets are: the path of a Unix socket may have about 100 characters."""

from __future__ import annotations

import hashlib
import os
import shutil
import stat
import tempfile
from pathlib import Path
from typing import Final

from citewell_entrypoints.supervisor.errors import StartRefused

__all__ = ["make_socket_folder", "remove_outside_socket_folder", "socket_folder"]

#: macOS allows 103 bytes, Linux 107; this is the longest name of a socket below the folder.
_MAX_BYTES: Final = 103 - len("/postgres/.s.PGSQL.5432")


def socket_folder(data_directory: Path) -> Path:
    """The folder for the sockets of this data directory, the same one at every start; nothing is made.

    It is `run` in the data directory, or, where that path is too long, one under the temporary folder.
    """
    folder = data_directory.resolve() / "run"
    if len(os.fsencode(folder)) <= _MAX_BYTES:
        return folder
    digest = hashlib.sha256(os.fsencode(folder)).hexdigest()[:12]
    return Path(tempfile.gettempdir()).resolve() / f"citewell-{os.geteuid()}-{digest}"


def make_socket_folder(data_directory: Path) -> Path:
    """Let the socket folder be there, ours alone. Raises StartRefused."""
    folder = socket_folder(data_directory)
    if len(os.fsencode(folder)) > _MAX_BYTES:
        raise StartRefused(f"the path {folder} is too long for a socket: set TMPDIR to a shorter one")
    folder.mkdir(exist_ok=True, parents=True)
    state = folder.lstat()
    if not stat.S_ISDIR(state.st_mode) or state.st_uid != os.geteuid():
        raise StartRefused(f"{folder} belongs to someone else: remove it, or use another data directory")
    # As root an engine of another user passes through; each engine's own folder in it is closed.
    folder.chmod(0o711 if os.geteuid() == 0 else 0o700)
    return folder


def remove_outside_socket_folder(data_directory: Path) -> None:
    """Leave nothing in the temporary folder once the engines are stopped."""
    folder = socket_folder(data_directory)
    if folder.parent != data_directory.resolve() and folder.exists():
        shutil.rmtree(folder)
