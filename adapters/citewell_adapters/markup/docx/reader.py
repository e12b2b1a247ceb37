"""Reads a DOCX as one page: its body, then its notes."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Final

from citewell.errors import PasswordRequired, UnreadableDocument
from citewell.model import ParsedPage
from citewell_adapters.markup.archive import Archive, opened_archive
from citewell_adapters.markup.blocks import Block, pages_of
from citewell_adapters.markup.containers import OLE_MAGIC
from citewell_adapters.markup.docx.numbering import Numbering
from citewell_adapters.markup.docx.package import DocxPackage
from citewell_adapters.markup.docx.styles import Styles
from citewell_adapters.markup.docx.text import Notes, WordText

__all__ = ["read_docx"]

_LOCKED: Final = "EncryptedPackage".encode("utf-16-le")
_PIECE_BYTES: Final = 1 << 20


def read_docx(path: Path, *, skip: int = 0) -> Iterator[ParsedPage]:
    """The page's parts. Raises UnreadableDocument, PasswordRequired or ParserLimitExceeded."""
    _refuse_older_container(path)
    with opened_archive(path) as archive:
        yield from islice(pages_of(_blocks(archive)), skip, None)


def _blocks(archive: Archive) -> Iterator[Block]:
    package = DocxPackage.of(archive)
    styles, numbering = Styles(package.events("styles")), Numbering(package.events("numbering"))
    notes = Notes()
    yield from WordText(styles, numbering, notes).blocks(package.body())
    for kind in ("footnotes", "endnotes"):
        yield from WordText(styles, numbering, notes).blocks(package.events(kind))


def _refuse_older_container(path: Path) -> None:
    with path.open("rb") as file:
        piece = file.read(_PIECE_BYTES)
        if not piece.startswith(OLE_MAGIC):
            return
        while piece:
            if _LOCKED in piece:
                raise PasswordRequired("the file is encrypted; save the document without a password")
            following = file.read(_PIECE_BYTES)
            piece = piece[-len(_LOCKED) :] + following if following else b""
    raise UnreadableDocument("the file is no DOCX but a document of an older format; save it as DOCX or PDF")
