"""The log of an engine: one file of bounded size, with the part before it kept beside it."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import BinaryIO, Final

__all__ = ["LogFile"]

_MAX_BYTES: Final = 4 * 1024 * 1024
_TAIL_BYTES: Final = 8192


class LogFile:
    """A file that a child appends to; `trim` keeps it below a size while the child goes on writing."""

    def __init__(self, path: Path, *, max_bytes: int = _MAX_BYTES) -> None:
        self.path = path
        self._max_bytes = max_bytes

    def open(self) -> BinaryIO:
        """The file, opened to be appended to: give it to a child, then close it."""
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.trim()
        return self.path.open("ab", buffering=0)

    def trim(self) -> None:
        """Move what was written so far to `<name>.1` if it is more than the limit."""
        try:
            size = self.path.stat().st_size
        except FileNotFoundError:
            return
        if size > self._max_bytes:
            # Copied, not renamed: the child holds the file open and appends at its end, wherever that is.
            shutil.copyfile(self.path, self.path.with_name(self.path.name + ".1"))
            os.truncate(self.path, 0)

    def tail(self, *, lines: int = 8) -> str:
        """The last lines, or an empty text if there are none."""
        try:
            with self.path.open("rb") as file:
                file.seek(max(0, self.path.stat().st_size - _TAIL_BYTES))
                text = file.read().decode(errors="replace")
        except FileNotFoundError:
            return ""
        return "\n".join(text.splitlines()[-lines:])
