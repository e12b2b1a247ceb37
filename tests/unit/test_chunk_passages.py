"""Cutting a revision window by window."""

from __future__ import annotations

import re
import struct
import tracemalloc
from collections.abc import Iterator, Sequence
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from citewell.chunking import PageLayout, Passages, SentenceChunker
from citewell.model import Box, Chunk, Heading, Line, Page, PageBox, ParsedPage, Span
from citewell.ports import Chunker
from citewell.testing.chunker import texts


def _words(text: str) -> int:
    return len(text.split())


class _Whole:
    """One passage, however long the text is."""

    def split(self, text: str, *, headings: Sequence[Heading] = ()) -> Sequence[Span]:
        del headings
        marks = [match.start() for match in re.finditer(r"\S", text)]
        return [Span(marks[0], marks[-1] + 1)] if marks else []


_CHUNKERS: dict[str, Chunker] = {
    "sentences": SentenceChunker(max_tokens=8, overlap_tokens=3, count_tokens=_words),
    "characters": SentenceChunker(max_tokens=15, overlap_tokens=5, count_tokens=len),
    "whole": _Whole(),
}


@st.composite
def _pages(draw: st.DrawFn) -> list[ParsedPage]:
    """Pages and parts of pages, cut anywhere."""
    number = 1
    pages: list[ParsedPage] = []
    for text in draw(st.lists(texts, max_size=8)):
        # Of several parts of a page none is empty.
        starts_page = draw(st.booleans()) or not text or not pages or not pages[-1].text
        number += starts_page
        starts = draw(st.sets(st.integers(0, len(text)), max_size=2))
        headings = tuple(
            Heading(start, draw(st.integers(1, 3)), f"{number}.{start}") for start in sorted(starts)
        )
        pages.append(ParsedPage(number, text, draw(_lines(len(text))), headings))
    return pages


@st.composite
def _lines(draw: st.DrawFn, length: int) -> tuple[Line, ...]:
    """Lines of a text of this length, in places as a reader of files tells them."""
    ends = sorted(draw(st.sets(st.integers(0, length), max_size=9)))
    lines = zip(ends[::2], ends[1::2], strict=False)
    return tuple(Line(Span(start, end), draw(_boxes)) for start, end in lines)


_fractions = st.integers(0, 100_000)
_boxes = st.builds(
    lambda across, down: Box(across[0] / 100_000, down[0] / 100_000, across[1] / 100_000, down[1] / 100_000),
    st.tuples(_fractions, _fractions).map(sorted),
    st.tuples(_fractions, _fractions).map(sorted),
)


def _stored(page: Page) -> Page:
    """As a store gives it back that keeps places in single precision."""
    single = struct.Struct("ffff")
    lines = [
        replace(line, box=Box(*single.unpack(single.pack(box.left, box.top, box.right, box.bottom))))
        for line in page.lines
        for box in [line.box]
    ]
    return replace(page, lines=tuple(lines))


def _placed(parsed: Sequence[ParsedPage]) -> list[Page]:
    layout = PageLayout()
    return [page for part in parsed for page in layout.feed(part)] + layout.finish()


def _chunks(pages: Sequence[Page], chunker: Chunker, *, window_characters: int) -> list[Chunk]:
    passages = Passages(chunker, _words, window_characters=window_characters)
    return [chunk for page in pages for chunk in passages.feed(page)] + passages.finish()


def _headings(pages: Sequence[Page]) -> list[Heading]:
    return [
        Heading(page.start + heading.start, heading.level, heading.title)
        for page in pages
        for heading in page.headings
    ]


def _page_number(pages: Sequence[Page], offset: int) -> int:
    return next(page.number for page in pages if page.span.start <= offset < page.span.end)


@pytest.mark.parametrize("name", _CHUNKERS)
def test_windows_give_what_the_whole_text_would(name: str) -> None:
    """The same spans, texts, pages and headings, wherever pages end and however small the window is."""
    chunker = _CHUNKERS[name]

    @settings(deadline=None)
    @given(_pages(), st.integers(1, 200))
    def check(parsed: list[ParsedPage], window_characters: int) -> None:
        pages = _placed(parsed)
        text = "".join(page.text for page in pages)
        headings = _headings(pages)
        chunks = _chunks(pages, chunker, window_characters=window_characters)
        assert [chunk.span for chunk in chunks] == list(chunker.split(text, headings=headings))
        assert [chunk.index for chunk in chunks] == list(range(len(chunks)))
        for chunk in chunks:
            assert chunk.text == chunk.span.of(text)
            assert chunk.token_count == _words(chunk.text)
            assert chunk.first_page == _page_number(pages, chunk.span.start)
            assert chunk.last_page == _page_number(pages, chunk.span.end - 1)
            assert chunk.heading_path == _path(headings, chunk.span.start)
            assert_boxes_fit(chunk, pages)

    check()


def assert_boxes_fit(chunk: Chunk, pages: Sequence[Page]) -> None:
    """They are those of the lines with a character in the chunk, rounded outwards, and no others."""
    characters = set(range(chunk.span.start, chunk.span.end))
    assert list(chunk.boxes) == [
        PageBox(page.number, _rounded_outwards(line.box))
        for page in pages
        for line in page.lines
        if characters & set(range(page.start + line.span.start, page.start + line.span.end))
    ]


def _rounded_outwards(box: Box) -> Box:
    left, top, right, bottom = (
        round(place * 100_000) for place in (box.left, box.top, box.right, box.bottom)
    )
    return Box(left // 5 / 20_000, top // 5 / 20_000, (right + 4) // 5 / 20_000, (bottom + 4) // 5 / 20_000)


@pytest.mark.parametrize("name", ["sentences", "characters"])
def test_passages_go_on_behind_any_chunk(name: str) -> None:
    """Whoever knows a chunk and the pages from it on gets the same chunks as if nothing had come between."""
    chunker = _CHUNKERS[name]

    @settings(deadline=None)
    @given(_pages(), st.integers(1, 200), st.data())
    def check(parsed: list[ParsedPage], window_characters: int, data: st.DataObject) -> None:
        pages = _placed(parsed)
        chunks = _chunks(pages, chunker, window_characters=window_characters)
        if not chunks:
            return
        last = data.draw(st.sampled_from(chunks))
        known = [heading for heading in _headings(pages) if heading.start <= last.span.start]
        passages = Passages.after(last, chunker, _words, headings=known)
        kept = [_stored(page) for page in pages if page.span.end > last.span.start]
        rest = [chunk for page in kept for chunk in passages.feed(page)]
        assert rest + passages.finish() == chunks[last.index + 1 :]

    check()


def _path(headings: Sequence[Heading], offset: int) -> tuple[str, ...]:
    path: list[Heading] = []
    for heading in headings:
        if heading.start <= offset:
            path = [*(one for one in path if one.level < heading.level), heading]
    return tuple(heading.title for heading in path)


def test_a_heading_at_the_end_of_a_page_is_known_behind_it() -> None:
    """It stands above the chunk that begins on the next page, also for whoever goes on behind that chunk."""
    pages = [
        Page(1, 0, "One sentence stands on the first page.\n", headings=(Heading(39, 1, "Title"),)),
        Page(1, 39, "Another one is here. " * 8),
    ]
    whole = _chunks(pages, _CHUNKERS["sentences"], window_characters=1000)
    last = next(chunk for chunk in whole if chunk.span.start == 39)
    assert last.heading_path == ("Title",)
    passages = Passages.after(last, _CHUNKERS["sentences"], _words, headings=[Heading(39, 1, "Title")])
    assert passages.feed(pages[1]) + passages.finish() == whole[last.index + 1 :]


def test_a_title_at_the_end_of_a_page_is_no_passage_behind_it() -> None:
    """Whoever goes on cuts as if the page before had been read: the title is more than what stands there."""
    parsed = [
        ParsedPage(2, " ", headings=(Heading(1, 1, "2.1"),)),
        ParsedPage(2, "0000"),
        ParsedPage(2, "a", headings=(Heading(0, 1, "2.0"),)),
    ]
    pages = _placed(parsed)
    [chunk] = _chunks(pages, _CHUNKERS["characters"], window_characters=1)
    passages = Passages.after(chunk, _CHUNKERS["characters"], _words, headings=[Heading(1, 1, "2.1")])
    assert [*passages.feed(pages[1]), *passages.feed(pages[2]), *passages.finish()] == []


def test_headings_nest_over_windows() -> None:
    """A chunk knows all headings above it, however long ago they came."""
    body = "Words that fill the passage. " * 30
    pages = [
        Page(1, 0, f"Part\n{body}", headings=(Heading(0, 1, "Part"),)),
        Page(2, 5 + len(body), f"Chapter\n{body}", headings=(Heading(0, 2, "Chapter"),)),
        Page(3, 13 + 2 * len(body), f"Part two\n{body}", headings=(Heading(0, 1, "Part two"),)),
    ]
    chunks = _chunks(pages, _CHUNKERS["sentences"], window_characters=64)
    paths = list(dict.fromkeys(chunk.heading_path for chunk in chunks))
    assert paths == [("Part",), ("Part", "Chapter"), ("Part two",)]


def test_chunks_are_given_as_soon_as_they_are_final() -> None:
    """Long before the end of the text."""
    passages = Passages(_CHUNKERS["sentences"], _words, window_characters=100)
    text = "Four words stand here. " * 100
    assert len(passages.feed(Page(1, 0, text))) > 40
    assert passages.finish()
    assert passages.finish() == []


def test_a_page_that_does_not_follow_is_refused() -> None:
    """Offsets would be wrong from there on."""
    passages = Passages(_CHUNKERS["sentences"], _words)
    passages.feed(Page(1, 0, "one\f"))
    with pytest.raises(ValueError, match="begins at 5"):
        passages.feed(Page(2, 5, "two"))


def test_memory_does_not_grow_with_the_text() -> None:
    """Three megabytes of text pass through less than one."""

    def pages() -> Iterator[Page]:
        text = "Some words make a sentence, and a sentence goes on. " * 200 + "\f"
        for number in range(1, 3_000_000 // len(text)):
            yield Page(number, (number - 1) * len(text), text, headings=(Heading(0, 1, "Title"),))

    chunker = SentenceChunker(max_tokens=200, overlap_tokens=20, count_tokens=_words)
    passages = Passages(chunker, _words)
    tracemalloc.start()
    try:
        count = sum(len(passages.feed(page)) for page in pages())
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert count > 2_000
    assert peak < 1_000_000
