"""Whether sources cite exactly, over real PDFs.

    python -m bench.citations FOLDER [--sources 1000] [--seed 1]

FOLDER holds PDFs, in folders or not. Each is read and cut as the ingestion does it; then random chunks are
looked at. Counted are those whose text is the revision's text at their span, and of their words, as PyMuPDF
finds them on the page, those that lie within their boxes. Ends with 1 if a text is another one, or if one
word in two hundred lies outside.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import sys
from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pymupdf
from tests.word_boxes import coverage, printed_words

from citewell.chunking import PageLayout, Passages, SentenceChunker, approximate_tokens
from citewell.errors import IngestionFailure
from citewell.model import Chunk, Page, PageBox, Span
from citewell_adapters.parsing import ChildParser
from citewell_adapters.pymupdf import PDF, PDF_READER, detect_pdf

LEAST_COVERED = 0.995


@dataclass(frozen=True, slots=True)
class Read:
    """A file, its pages and its chunks."""

    path: Path
    pages: Sequence[Page]
    chunks: Sequence[Chunk]


def main() -> int:
    """Print what was found; the exit code."""
    arguments = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    arguments.add_argument("folder", type=Path)
    arguments.add_argument("--sources", type=int, default=1_000)
    arguments.add_argument("--seed", type=int, default=1)
    given = arguments.parse_args()
    read = asyncio.run(read_all(sorted(given.folder.rglob("*.pdf"))))
    places = [(file, chunk) for file in read for chunk in file.chunks]
    chance = random.Random(given.seed)
    sample = chance.sample(places, min(given.sources, len(places)))
    print(f"{len(read)} files, {sum(len(file.pages) for file in read)} pages, {len(places)} chunks")
    wrong, inside, words = 0, 0, 0
    worst: list[tuple[float, str]] = []
    for file, chunk in sorted(sample, key=lambda place: str(place[0].path)):
        text = "".join(page.text for page in file.pages)
        wrong += chunk.text != chunk.span.of(text)
        covered, known = looked_at(file, chunk.span, chunk.boxes)
        inside, words = inside + covered, words + known
        if covered < known:
            worst.append((covered / known, f"{file.path.name}, chunk {chunk.index}: {covered} of {known}"))
    print(f"{len(sample)} sources: {wrong} whose text is not the revision's at their span")
    print(f"{words} words of theirs on their pages: {inside} within their boxes ({inside / words:.3%})")
    for _, line in sorted(worst)[:10]:
        print(f"    {line}")
    return int(wrong > 0 or inside < LEAST_COVERED * words)


async def read_all(paths: Sequence[Path]) -> list[Read]:
    """Those that can be read without a password, and have text."""
    found = []
    async with ChildParser(reader=PDF_READER, detect=detect_pdf) as parser:
        for path in paths:
            try:
                found.append(await read(parser, path))
            except IngestionFailure:
                continue
    return [file for file in found if file.chunks]


async def read(parser: ChildParser, path: Path) -> Read:
    """As the ingestion does it."""
    layout = PageLayout()
    async with aclosing(parser.parse(path, media_type=PDF)) as parsed:
        pages = [page async for part in parsed for page in layout.feed(part)]
    pages += layout.finish()
    chunker = SentenceChunker(max_tokens=200, overlap_tokens=40, count_tokens=approximate_tokens)
    passages = Passages(chunker, approximate_tokens)
    return Read(path, pages, [chunk for page in pages for chunk in passages.feed(page)] + passages.finish())


def looked_at(file: Read, span: Span, boxes: Sequence[PageBox]) -> tuple[int, int]:
    """How many words of the span lie within the boxes on their pages, and how many there are."""
    inside = words = 0
    document: Any
    with pymupdf.open(str(file.path)) as document:  # type: ignore[no-untyped-call]
        for page in file.pages:
            start, end = max(page.start, span.start), min(page.span.end, span.end)
            if start < end:
                part = page.text[start - page.start : end - page.start]
                there = [box for box in boxes if box.page == page.number]
                covered, known = coverage(part, there, printed_words(document, page.number))
                inside, words = inside + covered, words + known
    return inside, words


if __name__ == "__main__":
    sys.exit(main())
