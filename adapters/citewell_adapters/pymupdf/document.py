"""Opening PDFs, with and without a password, and what stands in its outline."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pymupdf
from pymupdf import mupdf

from citewell.errors import PasswordRequired, UnreadableDocument

__all__ = ["OutlineEntry", "opened", "opened_with_password", "outline_by_page", "translated_errors"]

_MOST_ENTRIES: Final = 50_000
_DEEPEST: Final = 16

# Most of PyMuPDF has no types.
_pymupdf: Any = pymupdf

_pymupdf.TOOLS.mupdf_display_errors(False)
_pymupdf.TOOLS.mupdf_display_warnings(False)


@dataclass(frozen=True, slots=True)
class OutlineEntry:
    """A bookmark: level from 1, and how far down its page it points, in points (NaN if it does not say)."""

    title: str
    level: int
    top: float


@contextmanager
def translated_errors(what: str) -> Iterator[None]:
    """Raises UnreadableDocument for MuPDF's errors, MemoryError where it found no memory."""
    try:
        yield
    except (RuntimeError, ValueError, mupdf.FzErrorBase) as error:
        if _is_lack_of_memory(error):
            raise MemoryError from error
        raise UnreadableDocument(f"{what}: {error}") from error


@contextmanager
def opened(path: Path, *, password: str | None) -> Iterator[mupdf.FzDocument]:
    """The PDF. Raises PasswordRequired, or UnreadableDocument if it cannot be opened."""
    with _opened(path) as document:
        if document.needs_pass and not (password and document.authenticate(password)):
            raise PasswordRequired
        yield document.this


@contextmanager
def opened_with_password(path: Path, *, password: str) -> Iterator[Any]:
    """PyMuPDF's document, None if the password is wrong or none is needed. Raises UnreadableDocument."""
    with _opened(path) as document:
        yield document if document.needs_pass and password and document.authenticate(password) else None


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    with translated_errors("the file is damaged and cannot be opened"):
        document = _pymupdf.open(path, filetype="pdf")
    try:
        yield document
    finally:
        document.close()
        _pymupdf.TOOLS.store_shrink(100)
        _pymupdf.TOOLS.reset_mupdf_warnings()


def outline_by_page(document: mupdf.FzDocument) -> Mapping[int, Sequence[OutlineEntry]]:
    """The outline's entries by the index of the page they point to; empty if there is no readable outline."""
    try:
        root = mupdf.fz_load_outline(document)
    except (RuntimeError, mupdf.FzErrorBase):
        return {}
    entries: defaultdict[int, list[OutlineEntry]] = defaultdict(list)
    waiting = [(root, 1)]
    count = 0
    while waiting and count < _MOST_ENTRIES:
        node, level = waiting.pop()
        if not node.m_internal:
            continue
        count += 1
        waiting.append((node.next(), level))
        waiting.append((node.down(), min(_DEEPEST, level + 1)))
        title = (node.m_internal.title or "").strip()
        page = node.m_internal.page.page
        if title and page >= 0:
            entries[page].append(OutlineEntry(title, level, node.m_internal.y))
    return entries


def _is_lack_of_memory(error: Exception) -> bool:
    message = str(error).lower()
    return any(word in message for word in ("malloc", "calloc", "realloc", "out of memory", "bad_alloc"))
