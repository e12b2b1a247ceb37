"""Which reader reads which type, in the processes that are made for reading files.

One function for all types, so that one pool of processes serves them all. A process imports what a type needs
when it meets the first file of it: PyMuPDF for PDFs alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from citewell.errors import UnreadableDocument
from citewell.model import ParsedPage
from citewell_adapters.markup import DOCX, EPUB, HTML, detect_container, detect_html
from citewell_adapters.pymupdf import PDF, detect_pdf

__all__ = ["CHILD_TYPES", "READER", "UNLOCKER", "detect_child_type", "read_pages", "unlock"]

#: The types that are read here.
CHILD_TYPES: Final = frozenset({PDF, DOCX, EPUB, HTML})
#: The functions below, by name.
READER: Final = "citewell_entrypoints.reading:read_pages"
UNLOCKER: Final = "citewell_entrypoints.reading:unlock"


def detect_child_type(head: bytes, *, name: str) -> str | None:
    """As Parser.detect, for these types: those with an unmistakable beginning first."""
    found = (detect(head, name=name) for detect in (detect_pdf, detect_container, detect_html))
    return next((media_type for media_type in found if media_type is not None), None)


def read_pages(
    path: Path, *, media_type: str, password: str | None = None, skip: int = 0
) -> Iterator[ParsedPage]:
    """A PageReader for all of CHILD_TYPES; UnreadableDocument for other types."""
    if media_type == PDF:
        from citewell_adapters.pymupdf.reader import read_pages as read_pdf

        return read_pdf(path, media_type=media_type, password=password, skip=skip)
    if media_type == HTML:
        from citewell_adapters.markup.html.reader import read_html
        from citewell_adapters.plaintext import encoding_of

        return read_html(path, encoding_of=encoding_of, skip=skip)
    if media_type == DOCX:
        from citewell_adapters.markup.docx.reader import read_docx

        return read_docx(path, skip=skip)
    if media_type == EPUB:
        from citewell_adapters.markup.epub.reader import read_epub

        return read_epub(path, skip=skip)
    raise UnreadableDocument(f"no parser reads {media_type}")


def unlock(path: Path, *, media_type: str, password: str, to: Path) -> bool:
    """An Unlocker for all of CHILD_TYPES: of them only PDF has passwords that are of use."""
    if media_type != PDF:
        return False
    from citewell_adapters.pymupdf.unlocking import unlock as unlock_pdf

    return unlock_pdf(path, media_type=media_type, password=password, to=to)
