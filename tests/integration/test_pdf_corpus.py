"""Real PDFs, good and bad, from bytes to passages; skipped where the collection is not at hand."""

from __future__ import annotations

import csv
import random
from collections.abc import AsyncIterator
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pymupdf
import pytest
from tests.word_boxes import coverage, printed_words

from citewell.chunking import PageLayout, Passages, SentenceChunker
from citewell.chunking.tokens import approximate_tokens
from citewell.errors import IngestionFailure
from citewell.model import Chunk, Page, ParsedPage
from citewell_adapters.parsing import ChildParser
from citewell_adapters.pymupdf import PDF, PDF_READER, PDF_UNLOCKER, detect_pdf

_FOLDER = Path(__file__).parents[3] / "shared" / "pdfs"
# Most of PyMuPDF has no types.
_pymupdf: Any = pymupdf
_TOLERANCE = 0.002

pytestmark = pytest.mark.skipif(
    not _FOLDER.is_dir(), reason="there is no collection of PDFs beside the checkout"
)


@dataclass(frozen=True, slots=True)
class _Sample:
    file: str
    expected: str
    password: str | None

    @property
    def path(self) -> Path:
        return _FOLDER / self.file

    def __str__(self) -> str:
        return self.file


def _samples() -> list[_Sample]:
    if not _FOLDER.is_dir():
        return []
    with (_FOLDER / "manifest.tsv").open(newline="") as file:
        rows = csv.DictReader(file, delimiter="\t")
        return [_Sample(row["file"], row["expect"].strip(), row["password"] or None) for row in rows]


def _ids(samples: list[_Sample]) -> list[str]:
    return list(map(str, samples))


_SAMPLES = _samples()
_READY = [sample for sample in _SAMPLES if sample.expected == "ready"]
_LOCKED = [sample for sample in _SAMPLES if sample.password]


@pytest.fixture(scope="module")
async def parser() -> AsyncIterator[ChildParser]:
    async with ChildParser(reader=PDF_READER, unlocker=PDF_UNLOCKER, detect=detect_pdf) as parser:
        yield parser


@dataclass(frozen=True, slots=True)
class _Read:
    parsed: list[ParsedPage]
    pages: list[Page]
    chunks: list[Chunk]

    @property
    def text(self) -> str:
        return "".join(page.text for page in self.pages)


@pytest.fixture(scope="module")
async def reading(parser: ChildParser, request: pytest.FixtureRequest) -> _Read | IngestionFailure:
    """What comes of a file, which is read once for all tests of it."""
    try:
        return await _read(parser, request.param)
    except IngestionFailure as failure:
        return failure


def _each(samples: list[_Sample]) -> pytest.MarkDecorator:
    """The test is run with the reading of each of the files."""
    return pytest.mark.parametrize("reading", samples, ids=_ids(samples), indirect=True)


@pytest.fixture
def sample(request: pytest.FixtureRequest) -> _Sample:
    """The file that `reading` is of."""
    found: _Sample = request.node.callspec.params["reading"]
    return found


async def _read(parser: ChildParser, sample: _Sample, *, password: str | None = None) -> _Read:
    async with aclosing(parser.parse(sample.path, media_type=PDF, password=password)) as reading:
        parsed = [page async for page in reading]
    layout = PageLayout()
    pages = [page for part in parsed for page in layout.feed(part)] + layout.finish()
    chunker = SentenceChunker(max_tokens=200, overlap_tokens=25, count_tokens=approximate_tokens)
    passages = Passages(chunker, approximate_tokens, window_characters=5_000)
    chunks = [chunk for page in pages for chunk in passages.feed(page)] + passages.finish()
    return _Read(parsed, pages, chunks)


@_each(_SAMPLES)
def test_a_file_ends_as_expected(reading: _Read | IngestionFailure, sample: _Sample) -> None:
    """Ready, or failed with its own code; a file without a passage has no text."""
    with sample.path.open("rb") as file:
        assert detect_pdf(file.read(8_192), name=sample.path.name) == PDF
    if isinstance(reading, IngestionFailure):
        outcome = f"failed: {reading.code}"
    else:
        outcome = "ready" if reading.chunks else "failed: no_text"
    assert outcome == sample.expected


@pytest.mark.parametrize("sample", _LOCKED, ids=_ids(_LOCKED))
async def test_the_password_opens_a_locked_file(parser: ChildParser, sample: _Sample) -> None:
    """With it, the document becomes ready."""
    assert (await _read(parser, sample, password=sample.password)).chunks


@_each(_READY)
def test_passages_are_the_text_at_their_places(reading: _Read) -> None:
    """Exact spans and pages, within the size, and nothing left out."""
    text = reading.text
    covered = bytearray(len(text))
    for chunk in reading.chunks:
        assert chunk.text == chunk.span.of(text)
        assert chunk.token_count == approximate_tokens(chunk.text) <= 200
        first, last = _page_at(reading, chunk.span.start), _page_at(reading, chunk.span.end - 1)
        assert (chunk.first_page, chunk.last_page) == (first, last)
        covered[chunk.span.start : chunk.span.end] = b"\1" * len(chunk.span)
    assert all(mark or text[place].isspace() for place, mark in enumerate(covered))


def _page_at(read: _Read, offset: int) -> int:
    return next(page.number for page in read.pages if page.span.start <= offset < page.span.end)


@_each(_READY)
def test_boxes_cover_the_words_of_their_lines(reading: _Read, sample: _Sample) -> None:
    """What PyMuPDF says of its words, on the page as it is shown."""
    with _pymupdf.open(sample.path) as document:
        for page in reading.parsed[:20]:
            if not page.text:
                continue
            for x, y in _word_centres(document[page.number - 1]):
                assert any(
                    line.box.left - _TOLERANCE <= x <= line.box.right + _TOLERANCE
                    and line.box.top - _TOLERANCE <= y <= line.box.bottom + _TOLERANCE
                    for line in page.lines
                ), f"no line of page {page.number} covers ({x:.3f}, {y:.3f})"


@pytest.mark.parametrize("sample", _READY, ids=_ids(_READY))
async def test_boxes_of_passages_cover_their_words(parser: ChildParser, sample: _Sample) -> None:
    """For random chunks: where PyMuPDF says that the words of their text are; without boxes, none."""
    read = await _read(parser, sample)
    chance = random.Random(len(read.text))
    with _pymupdf.open(sample.path) as document:
        for chunk in chance.sample(read.chunks, min(4, len(read.chunks))):
            assert {box.page for box in chunk.boxes} <= set(range(chunk.first_page, chunk.last_page + 1))
            for page in read.pages:
                part = page.text[max(0, chunk.span.start - page.start) : max(0, chunk.span.end - page.start)]
                boxes = [box for box in chunk.boxes if box.page == page.number]
                if part.strip():
                    words = printed_words(document, page.number)
                    covered, known = coverage(part, boxes, words)
                    assert covered == known
                    assert not known or coverage(part, [], words)[0] == 0


def _word_centres(shown: Any) -> list[tuple[float, float]]:
    centres = []
    for word in shown.get_text("words", flags=_pymupdf.TEXT_MEDIABOX_CLIP):
        box = _pymupdf.Rect(word[:4]) * shown.rotation_matrix
        x = (box.x0 + box.x1) / 2 / shown.rect.width
        y = (box.y0 + box.y1) / 2 / shown.rect.height
        if 0 <= x <= 1 and 0 <= y <= 1:
            centres.append((x, y))
    return centres
