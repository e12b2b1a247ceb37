"""Zip archives from strangers, with limits on what they unpack to."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from citewell.errors import ParserLimitExceeded, PasswordRequired, UnreadableDocument

__all__ = ["Archive", "opened_archive"]

_MOST_ENTRIES: Final = 20_000
_MOST_BYTES: Final = 1 << 29
_PIECE_BYTES: Final = 1 << 16
_ENCRYPTED: Final = 0x1


class Archive:
    """The entries of an archive, by name. All that is read of it together must not be longer than 512 MiB."""

    def __init__(self, opened: zipfile.ZipFile) -> None:
        self._zip = opened
        self._left = _MOST_BYTES
        self._entries = {entry.filename: entry for entry in opened.infolist()}

    def __contains__(self, name: str) -> bool:
        return name in self._entries

    def pieces(self, name: str) -> Iterator[bytes]:
        """The entry piece by piece. Raises UnreadableDocument, PasswordRequired or ParserLimitExceeded."""
        entry = self._entries.get(name)
        if entry is None:
            raise UnreadableDocument(f"the file is damaged: it has no {name}")
        if entry.flag_bits & _ENCRYPTED:
            raise PasswordRequired("the archive is encrypted; save the document without a password")
        if entry.file_size > self._left:
            raise _too_long()
        with _translated_errors(), self._zip.open(entry) as file:
            while piece := file.read(_PIECE_BYTES):
                self._left -= len(piece)
                if self._left < 0:
                    raise _too_long()
                yield piece

    def read(self, name: str, *, most_bytes: int) -> bytes:
        """The whole entry. Raises as `pieces`, and ParserLimitExceeded if it is longer than `most_bytes`."""
        content = bytearray()
        for piece in self.pieces(name):
            content += piece
            if len(content) > most_bytes:
                raise _too_long()
        return bytes(content)


@contextmanager
def opened_archive(path: Path) -> Iterator[Archive]:
    """The archive. Raises UnreadableDocument if it is damaged, ParserLimitExceeded if it is too long."""
    with _translated_errors():
        opened = zipfile.ZipFile(path)
    with opened:
        if len(opened.infolist()) > _MOST_ENTRIES:
            raise ParserLimitExceeded(f"the archive has more than {_MOST_ENTRIES:,} entries")
        yield Archive(opened)


@contextmanager
def _translated_errors() -> Iterator[None]:
    try:
        yield
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, ValueError, OSError) as error:
        raise UnreadableDocument(f"the file is damaged: {error or 'it ends too early'}") from error
    except RuntimeError as error:  # how zipfile says that it wants a password
        raise PasswordRequired from error


def _too_long() -> ParserLimitExceeded:
    return ParserLimitExceeded("the file unpacks to more than a parser may read")
