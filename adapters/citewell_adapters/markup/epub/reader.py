"""Reads an EPUB: each chapter, in the order of reading, is a page."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain, islice
from pathlib import Path
from typing import Final

from citewell.errors import UnreadableDocument
from citewell.model import ParsedPage
from citewell_adapters.markup.archive import Archive, opened_archive
from citewell_adapters.markup.blocks import Block, pages_of
from citewell_adapters.markup.epub.package import EpubPackage
from citewell_adapters.markup.html.encoding import decoded
from citewell_adapters.markup.html.text import HtmlText

__all__ = ["read_epub"]

_LONGEST_CHAPTER_BYTES: Final = 64 << 20


def read_epub(path: Path, *, skip: int = 0) -> Iterator[ParsedPage]:
    """The chapters in parts; one that cannot be read has an empty text and says why.

    Raises UnreadableDocument if none can be, or if the book is encrypted; ParserLimitExceeded.
    """
    with opened_archive(path) as archive:
        package = EpubPackage.of(archive)
        yield from islice(_pages(archive, package), skip, None)


def _pages(archive: Archive, package: EpubPackage) -> Iterator[ParsedPage]:
    total, readable = len(package.chapters), 0
    for number, chapter in enumerate(package.chapters, start=1):
        try:
            text = decoded(archive.read(chapter, most_bytes=_LONGEST_CHAPTER_BYTES))
        except UnreadableDocument as error:
            yield ParsedPage(number, "", pages_total=total, problem=str(error))
        else:
            readable += 1
            blocks = _titled(_blocks(text), package.titles.get(chapter, ""))
            yield from pages_of(blocks, number=number, total=total)
    if not readable:
        raise UnreadableDocument("the book is damaged: none of its chapters can be read")


def _blocks(text: str) -> Iterator[Block]:
    html = HtmlText(with_title=False)
    html.feed(text)
    html.close()
    yield from html.taken()


def _titled(blocks: Iterator[Block], title: str) -> Iterator[Block]:
    """The blocks; a chapter that does not begin with a heading gets the one of the table of contents."""
    first = next(blocks, None)
    if first is None:
        return
    if title and not first.level:
        same = " ".join(first.text.split()).casefold() == title.casefold()
        first, blocks = Block(title, level=1), blocks if same else chain([first], blocks)
    yield first
    yield from blocks
