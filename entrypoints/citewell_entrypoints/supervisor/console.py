"""What the supervisor tells: one line for each change of a part."""

from __future__ import annotations

import contextlib
from typing import TextIO

__all__ = ["Console"]


class Console:
    """Writes lines in columns: part, state, and what is worth knowing."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def line(self, part: str, state: str, detail: str = "") -> None:
        """One line; a reader who has gone away is no error."""
        with contextlib.suppress(OSError, ValueError):
            self._stream.write(f"{part:<9} {state:<9} {detail}".rstrip() + "\n")
            self._stream.flush()
