"""Reads a PDF page by page, in a process of its own: MuPDF is written in C, files come from strangers."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from pymupdf import mupdf

from citewell.errors import UnreadableDocument
from citewell.model import ParsedPage
from citewell_adapters.pymupdf.document import opened, outline_by_page, translated_errors
from citewell_adapters.pymupdf.headings import FontHeadings, OutlineHeadings
from citewell_adapters.pymupdf.printed import PrintedPage, print_page

__all__ = ["read_pages"]

_log = logging.getLogger(__name__)
# An outline with fewer entries is a title, not a table of contents.
_FEWEST_ENTRIES: Final = 3
# So many pages are read ahead to learn which type is the body's.
_PAGES_AHEAD: Final = 8


def read_pages(path: Path, *, media_type: str, password: str | None = None) -> Iterator[ParsedPage]:
    """The pages in order; one that cannot be read has an empty text.

    Raises PasswordRequired, UnreadableDocument if the file cannot be opened or has no page that can be read,
    and MemoryError.
    """
    del media_type  # there is one only
    with opened(path, password=password) as document:
        with translated_errors("the number of pages cannot be read"):
            total = mupdf.fz_count_pages(document)
        outline = outline_by_page(document)
        printed = _printed_pages(document, total)
        if sum(map(len, outline.values())) >= _FEWEST_ENTRIES:
            yield from _by_outline(printed, OutlineHeadings(outline), total)
        else:
            yield from _by_type(printed, FontHeadings(), total)


def _printed_pages(document: mupdf.FzDocument, total: int) -> Iterator[PrintedPage | None]:
    readable, first_error = 0, "the file has no pages"
    for index in range(total):
        try:
            with translated_errors(f"page {index + 1} cannot be read"):
                page = print_page(document, index)
        except UnreadableDocument as error:
            _log.warning("%s", error)
            first_error = str(error) if index == 0 else first_error
            yield None
        else:
            readable += 1
            yield page
    if not readable:
        raise UnreadableDocument(first_error)


def _by_outline(
    pages: Iterator[PrintedPage | None], finder: OutlineHeadings, total: int
) -> Iterator[ParsedPage]:
    for index, page in enumerate(pages):
        yield _parsed(page, finder, index, total)


def _by_type(pages: Iterator[PrintedPage | None], finder: FontHeadings, total: int) -> Iterator[ParsedPage]:
    waiting: deque[PrintedPage | None] = deque()
    index = 0
    for page in pages:
        if page is not None:
            finder.learn(page)
        waiting.append(page)
        if len(waiting) > _PAGES_AHEAD:
            yield _parsed(waiting.popleft(), finder, index, total)
            index += 1
    for page in waiting:
        yield _parsed(page, finder, index, total)
        index += 1


def _parsed(
    page: PrintedPage | None, finder: OutlineHeadings | FontHeadings, index: int, total: int
) -> ParsedPage:
    if page is None:
        return ParsedPage(index + 1, "", pages_total=total)
    return ParsedPage(
        index + 1, page.text, page.boxed_lines(), finder.on(page, index=index), pages_total=total
    )
