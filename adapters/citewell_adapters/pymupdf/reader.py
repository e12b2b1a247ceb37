"""Reads a PDF page by page, in a process of its own: MuPDF is written in C, files come from strangers."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from pymupdf import mupdf

from citewell.errors import UnreadableDocument
from citewell.model import ParsedPage
from citewell_adapters.pymupdf.document import opened, outline_by_page, translated_errors
from citewell_adapters.pymupdf.headings import FontHeadings, HeadingFinder, OutlineHeadings
from citewell_adapters.pymupdf.printed import PrintedPage
from citewell_adapters.pymupdf.printing import print_page

__all__ = ["read_pages"]

# An outline with fewer entries is a title, not a table of contents.
_FEWEST_ENTRIES: Final = 3
# From so many pages, spread over the document, is learnt which type is the body's.
_SAMPLE_PAGES: Final = 16
# What stands on so many pages before decides which headings are repeated.
_PAGES_BEFORE: Final = 2
# Pages of the sample with more characters are read again rather than kept until it is their turn.
_LONGEST_KEPT: Final = 20_000


def read_pages(
    path: Path, *, media_type: str, password: str | None = None, skip: int = 0
) -> Iterator[ParsedPage]:
    """The pages in order without the first `skip`; one that cannot be read has an empty text and a problem.

    Raises PasswordRequired, UnreadableDocument if the file cannot be opened or has no page that can be read,
    and MemoryError.
    """
    del media_type  # there is one only
    with opened(path, password=password) as document:
        with translated_errors("the number of pages cannot be read"):
            total = mupdf.fz_count_pages(document)
        yield from _Reading(document, total).pages(skip)


class _Reading:
    """The pages of an open document. What is said of a page depends on the document alone."""

    def __init__(self, document: mupdf.FzDocument, total: int) -> None:
        self._document = document
        self._total = total
        self._kept: dict[int, PrintedPage] = {}

    def pages(self, skip: int) -> Iterator[ParsedPage]:
        """All but the first `skip`. Raises UnreadableDocument at the end if none of all can be read."""
        finder = self._heading_finder()
        skipped = range(min(skip, self._total))
        for index in skipped[-_PAGES_BEFORE:]:
            self._parsed(finder, index)
        readable = False
        for index in range(skip, self._total):
            page = self._parsed(finder, index)
            readable = readable or not page.problem
            yield page
        if not readable and all(self._parsed(finder, index).problem for index in skipped):
            raise UnreadableDocument(
                self._parsed(finder, 0).problem if self._total else "the file has no pages"
            )

    def _heading_finder(self) -> HeadingFinder:
        outline = outline_by_page(self._document)
        if sum(map(len, outline.values())) >= _FEWEST_ENTRIES:
            return OutlineHeadings(outline)
        return FontHeadings(self._sample())

    def _sample(self) -> Iterator[PrintedPage]:
        count = min(_SAMPLE_PAGES, self._total)
        for place in range(count):
            index = place * self._total // count
            try:
                page = self._printed(index)
            except UnreadableDocument:
                continue
            if len(page.text) <= _LONGEST_KEPT:
                self._kept[index] = page
            yield page

    def _parsed(self, finder: HeadingFinder, index: int) -> ParsedPage:
        try:
            page = self._printed(index)
        except UnreadableDocument as error:
            return ParsedPage(index + 1, "", pages_total=self._total, problem=_clean(str(error)))
        headings = finder.on(page, index=index)
        return ParsedPage(index + 1, page.text, page.boxed_lines(), headings, pages_total=self._total)

    def _printed(self, index: int) -> PrintedPage:
        if index in self._kept:
            return self._kept.pop(index)
        with translated_errors(f"page {index + 1} cannot be read"):
            return print_page(self._document, index)


def _clean(problem: str) -> str:
    # MuPDF quotes the file, which may hold anything.
    return problem.encode("utf-8", "replace").decode()
