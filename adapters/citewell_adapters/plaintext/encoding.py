"""Which encoding a text is in: by its byte order mark, else UTF-8 if it is valid, else Windows-1252."""

from __future__ import annotations

import codecs
from pathlib import Path
from typing import Final

__all__ = ["LEGACY", "UTF_8", "by_mark", "encoding_of"]

#: Drops the mark if there is one.
UTF_8: Final = "utf-8-sig"
#: What texts that are not Unicode are mostly in; it gives a character to nearly every byte.
LEGACY: Final = "cp1252"
# The four-byte mark begins with the two-byte one, so it comes first.
_MARKS: Final = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
    (codecs.BOM_UTF8, UTF_8),
)
_PIECE_BYTES: Final = 1 << 20
# A UTF-8 text with a few broken bytes has so many times more sound characters beyond ASCII than broken ones.
_SOUND_PER_BROKEN: Final = 10


def by_mark(head: bytes) -> str | None:
    """The encoding that a byte order mark at the beginning of `head` names, None without one."""
    return next((encoding for mark, encoding in _MARKS if head.startswith(mark)), None)


def encoding_of(path: Path) -> str:
    """The encoding of the file, which is read to its end unless it bears a mark."""
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    sound = broken = 0
    with path.open("rb") as file:
        piece = file.read(_PIECE_BYTES)
        if (marked := by_mark(piece)) is not None:
            return marked
        while piece:
            following = file.read(_PIECE_BYTES)
            if following == b"" or not piece.isascii() or decoder.getstate()[0]:
                text = decoder.decode(piece, not following)
                lost = text.count("\ufffd")
                broken += lost
                sound += len(text) - lost - len(text.encode("ascii", "ignore"))
            piece = following
    return LEGACY if broken * _SOUND_PER_BROKEN > sound else UTF_8
