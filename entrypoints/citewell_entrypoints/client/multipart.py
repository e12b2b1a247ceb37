"""The body of an upload: a multipart form that is read from the file while it is sent."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Final

from citewell_entrypoints.client.errors import FileChanged

__all__ = ["FormUpload"]

_PIECE_BYTES: Final = 128 * 1024
_ESCAPES: Final = str.maketrans({'"': "%22", "\r": "%0D", "\n": "%0A"})


class FormUpload:
    """Fields first, then the file, so that a server knows what the file is for when it comes.

    sent: called with how many bytes of the file have been sent so far.
    """

    def __init__(self, path: Path, *, fields: Mapping[str, str], sent: Callable[[int], None]) -> None:
        boundary = f"citewell-{secrets.token_hex(16)}"
        self._path = path
        self._sent = sent
        self._head = _head(fields, name=path.name, boundary=boundary)
        self._tail = f"\r\n--{boundary}--\r\n".encode()
        self._file_bytes = path.stat().st_size
        self.content_type = f"multipart/form-data; boundary={boundary}"
        self.content_length = len(self._head) + self._file_bytes + len(self._tail)

    def pieces(self) -> Iterator[bytes]:
        """The body, `content_length` bytes in all. Raises FileChanged if the file became shorter, OSError."""
        yield self._head
        left = self._file_bytes
        with self._path.open("rb", buffering=0) as file:
            while left:
                piece = file.read(min(left, _PIECE_BYTES))
                if not piece:
                    raise FileChanged("the file changed while it was sent")
                yield piece
                left -= len(piece)
                self._sent(self._file_bytes - left)
        yield self._tail


def _head(fields: Mapping[str, str], *, name: str, boundary: str) -> bytes:
    parts = [
        f'--{boundary}\r\nContent-Disposition: form-data; name="{field}"\r\n\r\n{value}\r\n'
        for field, value in fields.items()
    ]
    # A name that is no valid text on this system still is a name to people.
    readable = os.fsencode(name).decode("utf-8", "replace").translate(_ESCAPES)
    parts.append(
        f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="{readable}"\r\n'
        "Content-Type: application/octet-stream\r\n\r\n"
    )
    return "".join(parts).encode()
