"""Tells DOCX and EPUB from other zip archives, and locked office files, by the first bytes."""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Iterator
from pathlib import PurePath
from typing import Final

__all__ = ["DOCX", "EPUB", "OLE_MAGIC", "detect_container"]

DOCX: Final = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
EPUB: Final = "application/epub+zip"

#: How the containers begin that Office used before, and uses for files with a password.
OLE_MAGIC: Final = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_LOCKED: Final = "EncryptedPackage".encode("utf-16-le")
_LOCAL_HEADER: Final = struct.Struct("<4sHHHHHIIIHH")
_ENTRY: Final = re.compile(rb"PK\x03\x04")
_CONTENT_TYPES: Final = "[Content_Types].xml"
_WORD_TYPE: Final = re.compile(rb"(?:wordprocessingml|ms-word)\.document\.[\w.]*main\+xml")
_LONGEST_CONTENT_TYPES: Final = 1 << 18
# Entries that any office file may have, and those that only an EPUB has beside them.
_OFFICE: Final = ("_rels/", "docProps/", "customXml/")
_BOOK: Final = ("META-INF/container.xml", "OEBPS/", "OPS/", "EPUB/")
_BOOK_SUFFIXES: Final = (
    ".opf",
    ".ncx",
    ".xhtml",
    ".html",
    ".css",
    ".jpg",
    ".jpeg",
    ".png",
    ".otf",
    ".ttf",
    ".svg",
)
_ANY_BOOK: Final = ("META-INF/", "mimetype")


def detect_container(head: bytes, *, name: str) -> str | None:
    """The media type of a DOCX or EPUB, by the entries whose beginnings lie within `head`; else None.

    Where they leave it open the name decides, if it contradicts none of them. An office file with a password
    is taken for a DOCX where its name does not say otherwise: nobody can look into it.
    """
    suffix = PurePath(name).suffix.lower()
    if head.startswith(OLE_MAGIC):
        return DOCX if _LOCKED in head and suffix in ("", ".docx", ".docm") else None
    if not head.startswith(b"PK\x03\x04"):
        return None
    entries = dict(_entries(head))
    if "mimetype" in entries:
        return EPUB if entries["mimetype"].strip() == EPUB.encode() else None
    if any(entry.startswith("word/") for entry in entries) or _WORD_TYPE.search(
        entries.get(_CONTENT_TYPES, b"")
    ):
        return DOCX
    if suffix in (".docx", ".docm") and not entries.get(_CONTENT_TYPES) and _may_be_office(entries):
        return DOCX
    return EPUB if suffix == ".epub" and _may_be_book(entries) else None


def _entries(head: bytes) -> Iterator[tuple[str, bytes]]:
    """Names of entries, with what `head` has of the content of those two that say what the archive is."""
    for match in _ENTRY.finditer(head):
        if match.start() + _LOCAL_HEADER.size > len(head):
            return
        fields = _LOCAL_HEADER.unpack_from(head, match.start())
        method, packed_size, name_length, extra_length = fields[3], fields[7], fields[9], fields[10]
        begin = match.start() + _LOCAL_HEADER.size
        name = head[begin : begin + name_length].decode("utf-8", "replace")
        content = head[begin + name_length + extra_length :][: packed_size or None]
        if name == _CONTENT_TYPES:
            yield name, _inflated(content) if method == zlib.DEFLATED else content
        elif name == "mimetype":
            yield (
                name,
                (_inflated(content) if method == zlib.DEFLATED else content)[: packed_size or len(EPUB)],
            )
        else:
            yield name, b""


def _inflated(content: bytes) -> bytes:
    try:
        return zlib.decompressobj(-zlib.MAX_WBITS).decompress(content, _LONGEST_CONTENT_TYPES)
    except zlib.error:
        return b""


def _may_be_office(entries: dict[str, bytes]) -> bool:
    return bool(entries) and all(entry == _CONTENT_TYPES or entry.startswith(_OFFICE) for entry in entries)


def _may_be_book(entries: dict[str, bytes]) -> bool:
    return bool(entries) and all(
        entry.startswith(_BOOK)
        or entry in _ANY_BOOK
        or (entry.lower().endswith(_BOOK_SUFFIXES) and not entry.startswith(("xl/", "ppt/", "word/")))
        for entry in entries
    )
