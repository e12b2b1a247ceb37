"""Tells text from binary content by its first bytes."""

from __future__ import annotations

import codecs
import re
from pathlib import PurePath
from typing import Final

from citewell_adapters.plaintext.encoding import UTF_8, encoding_from_head

__all__ = ["MARKDOWN", "PLAIN_TEXT", "detect_text"]

PLAIN_TEXT: Final = "text/plain"
MARKDOWN: Final = "text/markdown"

_MARKDOWN_SUFFIXES: Final = frozenset({".md", ".markdown", ".mdown", ".mkd", ".mdx"})
# How binary formats begin, and formats of letters that are not meant to be read as they are.
_MAGIC: Final = (
    b"%PDF-",
    b"MZ\x90\0",
    b"%!PS",
    b"{\\rtf",
    b"\x89PNG",
    b"GIF87a",
    b"GIF89a",
    b"\xff\xd8\xff",
    b"PK\x03\x04",
    b"PK\x05\x06",
    b"PK\x07\x08",
    b"\x1f\x8b",
    b"\x1f\x9d",
    b"BZh",
    b"\xfd7zXZ\x00",
    b"\x28\xb5\x2f\xfd",
    b"7z\xbc\xaf\x27\x1c",
    b"Rar!\x1a",
    b"\x7fELF",
    b"\xca\xfe\xba\xbe",
    b"\xfe\xed\xfa",
    b"\xcf\xfa\xed\xfe",
    b"\x00asm",
    b"SQLite format 3",
    b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",
    b"RIFF",
    b"OggS",
    b"ID3\x02",
    b"ID3\x03",
    b"ID3\x04",
    b"fLaC",
    b"II*\x00",
    b"MM\x00*",
    b"wOFF",
    b"wOF2",
)
# Terminal output holds backspaces and escapes; other control characters are no part of texts.
_CONTROL: Final = re.compile("[\x01-\x07\x0e-\x1a\x1c-\x1f\x7f]")
_MOST_CONTROLS: Final = 0.01
_ANY_LEGACY: Final = "latin-1"


def detect_text(head: bytes, *, name: str) -> str | None:
    """`text/markdown` if it is text with such a name, `text/plain` for other text, None for anything else.

    Text may be in any common encoding. JSON, CSV, XML and source code are text. An empty file is text.
    """
    if not _is_text(head):
        return None
    return MARKDOWN if PurePath(name).suffix.lower() in _MARKDOWN_SUFFIXES else PLAIN_TEXT


def _is_text(head: bytes) -> bool:
    if head.startswith(_MAGIC):
        return False
    told = encoding_from_head(head)
    if told is None and b"\0" in head:
        return False
    text = _decoded(head, told or UTF_8)
    if told is None and "\ufffd" in text:
        # Whichever encoding it is: in all of them controls are controls.
        text = _decoded(head, _ANY_LEGACY)
    return "\0" not in text and len(_CONTROL.findall(text)) <= _MOST_CONTROLS * len(text)


def _decoded(head: bytes, encoding: str) -> str:
    # Not to the end: the head may stop within a character.
    return codecs.getincrementaldecoder(encoding)("replace").decode(head)
