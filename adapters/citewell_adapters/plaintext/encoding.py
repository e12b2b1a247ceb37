"""Which encoding a text is in: by its byte order mark, else by what its bytes allow, else by its letters."""

from __future__ import annotations

import codecs
import re
from pathlib import Path
from typing import Final

from citewell_adapters.plaintext.legacy import guess_legacy
from citewell_adapters.plaintext.wide import wide_encoding

__all__ = ["UTF_8", "encoding_from_head", "encoding_of"]

#: Drops the mark if there is one.
UTF_8: Final = "utf-8-sig"
# The four-byte mark begins with the two-byte one, so it comes first.
_MARKS: Final = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
    (codecs.BOM_UTF8, UTF_8),
)
_ISO_2022_JP: Final = "iso2022_jp"
_JAPANESE_ESCAPE: Final = re.compile(rb"\x1b\$[@B]")
_PIECE_BYTES: Final = 1 << 20
_HEAD_BYTES: Final = 1 << 16
#: So many bytes of lines that are not ASCII tell a legacy encoding.
_SAMPLE_BYTES: Final = 1 << 14
# A UTF-8 text with a few broken bytes has so many times more sound characters beyond ASCII than broken ones.
_SOUND_PER_BROKEN: Final = 10


def encoding_from_head(head: bytes) -> str | None:
    """The encoding if the first bytes tell it for sure: a mark, UTF-16 or UTF-32 without one, ISO-2022-JP."""
    marked = next((encoding for mark, encoding in _MARKS if head.startswith(mark)), None)
    if marked is not None:
        return marked
    if b"\0" in head:
        return wide_encoding(head)
    return _ISO_2022_JP if head.isascii() and _JAPANESE_ESCAPE.search(head) else None


def encoding_of(path: Path) -> str:
    """The encoding of the file, which is read to its end unless its head tells.

    UTF-8 if nearly all of it is valid, else the legacy encoding that its letters fit best.
    """
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    sound = broken = 0
    sample = bytearray()
    with path.open("rb") as file:
        piece = file.read(_PIECE_BYTES)
        if (told := encoding_from_head(piece[:_HEAD_BYTES])) is not None:
            return told
        while piece:
            following = file.read(_PIECE_BYTES)
            if following == b"" or not piece.isascii() or decoder.getstate()[0]:
                text = decoder.decode(piece, not following)
                lost = text.count("\ufffd")
                broken += lost
                sound += len(text) - lost - len(text.encode("ascii", "ignore"))
                _collect(sample, piece, begun=file.tell() > len(piece) + len(following))
            piece = following
    return guess_legacy(bytes(sample)) if broken * _SOUND_PER_BROKEN > sound else UTF_8


def _collect(sample: bytearray, piece: bytes, *, begun: bool) -> None:
    """Add telling lines, whole or their beginnings; the first one of a later piece may have begun before."""
    if len(sample) >= _SAMPLE_BYTES:
        return
    for line in piece[piece.find(b"\n") + 1 if begun else 0 :].split(b"\n"):
        if not line.isascii():
            sample += line[: _SAMPLE_BYTES - len(sample)] + b"\n"
        if len(sample) >= _SAMPLE_BYTES:
            return
