"""Cuts a revision of any length into chunks, window by window, in bounded memory."""

from __future__ import annotations

from bisect import bisect_right
from collections import deque
from collections.abc import Sequence
from dataclasses import replace
from typing import Final, Self

from citewell.chunking.boxes import LineBoxes
from citewell.model import Chunk, Heading, Page, Span
from citewell.ports import Chunker, TokenCounter

__all__ = ["Passages"]

_WINDOW_CHARACTERS: Final = 65_536
#: The first window is short, so that there are chunks to work on soon; each is twice the one before.
_FIRST_WINDOW_CHARACTERS: Final = 8_192


class Passages:
    """Takes the pages of one revision in order and gives its chunks, the same as if cut all at once.

    It rests on two promises of the Chunker: appended text changes the last passage alone, so all others of a
    window are final; and cutting anew from the start of any passage gives it and those after it, so the next
    window begins where the last final passage did. Memory is bounded by the window, or by a few passages if
    the chunker makes longer ones.
    """

    def __init__(
        self, chunker: Chunker, count_tokens: TokenCounter, *, window_characters: int = _WINDOW_CHARACTERS
    ) -> None:
        self._chunker = chunker
        self._count_tokens = count_tokens
        self._longest_window = window_characters
        self._window = self._next_cut = min(_FIRST_WINDOW_CHARACTERS, window_characters)
        self._pieces: list[str] = []
        self._start = 0  # of the kept text, in the revision's
        self._end = 0
        self._headings: list[Heading] = []  # those within the kept text
        self._ahead: deque[Heading] = deque()  # those that no chunk has reached yet
        self._path: list[Heading] = []
        self._lines = LineBoxes()
        self._page_starts: list[int] = []
        self._page_numbers: list[int] = []
        self._known_up_to = -1  # headings up to here are known from before
        self._index = 0
        self._last_start = -1  # of the last chunk that was given

    @classmethod
    def after(
        cls, chunk: Chunk, chunker: Chunker, count_tokens: TokenCounter, *, headings: Sequence[Heading]
    ) -> Self:
        """Goes on behind `chunk` as if it had given that one and all before it.

        headings: those up to the chunk's start, it included, with offsets into the revision's text; one may
        stand at the end of the page before. The pages to feed are those from the one on in which the chunk
        begins.
        """
        passages = cls(chunker, count_tokens)
        passages._start = passages._end = passages._last_start = chunk.span.start
        passages._index = chunk.index + 1
        passages._ahead.extend(headings)
        # One at the chunk's start may stand on the page before, which is not fed again.
        passages._headings += [heading for heading in headings if heading.start == chunk.span.start]
        passages._known_up_to = chunk.span.start
        return passages

    def feed(self, page: Page) -> list[Chunk]:
        """The chunks that are final now. Raises ValueError unless `page` begins where the last one ended."""
        whole = page
        if page.start < self._end < page.span.end and not self._pieces:
            page = _part_from(page, self._end)
        if page.start != self._end:
            raise ValueError(f"a page begins at {page.start}, the text before it ends at {self._end}")
        self._pieces.append(page.text)
        self._end += len(page.text)
        self._lines.add(whole)
        self._page_starts.append(page.start)
        self._page_numbers.append(page.number)
        headings = [Heading(page.start + one.start, one.level, one.title) for one in page.headings]
        self._headings += headings
        self._ahead += [heading for heading in headings if heading.start > self._known_up_to]
        if self._end - self._start < self._next_cut:
            return []
        return self._cut(final=False)

    def finish(self) -> list[Chunk]:
        """The chunks that are left; nothing can be fed after it."""
        return self._cut(final=True)

    def _cut(self, *, final: bool) -> list[Chunk]:
        text = "".join(self._pieces)
        headings = [Heading(one.start - self._start, one.level, one.title) for one in self._headings]
        spans = self._chunker.split(text, headings=headings)
        ready = [Span(self._start + span.start, self._start + span.end) for span in spans]
        if not final:
            ready = ready[:-1]
        chunks = [self._chunk(text, span) for span in ready if span.start > self._last_start]
        if ready:
            self._last_start = ready[-1].start
            self._forget_before(text, ready[-1].start)
        else:
            self._pieces = [text]
        self._window = min(2 * self._window, self._longest_window)
        self._next_cut = max(self._window, 2 * (self._end - self._start))
        return chunks

    def _chunk(self, text: str, span: Span) -> Chunk:
        passage = text[span.start - self._start : span.end - self._start]
        chunk = Chunk(
            index=self._index,
            span=span,
            text=passage,
            first_page=self._page_at(span.start),
            last_page=self._page_at(span.end - 1),
            heading_path=self._path_at(span.start),
            token_count=self._count_tokens(passage),
            boxes=self._lines.within(span),
        )
        self._index += 1
        return chunk

    def _page_at(self, offset: int) -> int:
        return self._page_numbers[bisect_right(self._page_starts, offset) - 1]

    def _path_at(self, offset: int) -> tuple[str, ...]:
        """The titles of the headings that `offset` stands under; offsets only grow from call to call."""
        while self._ahead and self._ahead[0].start <= offset:
            heading = self._ahead.popleft()
            while self._path and self._path[-1].level >= heading.level:
                self._path.pop()
            self._path.append(heading)
        return tuple(heading.title for heading in self._path)

    def _forget_before(self, text: str, start: int) -> None:
        self._pieces = [text[start - self._start :]]
        first_page = bisect_right(self._page_starts, start) - 1
        del self._page_starts[:first_page], self._page_numbers[:first_page]
        self._headings = [heading for heading in self._headings if heading.start >= start]
        self._lines.forget_before(start)
        self._start = start


def _part_from(page: Page, start: int) -> Page:
    """What stands on the page from this offset of the revision's text on; lines are left out."""
    skipped = start - page.start
    headings = tuple(
        replace(heading, start=heading.start - skipped)
        for heading in page.headings
        if heading.start >= skipped
    )
    return Page(page.number, start, page.text[skipped:], headings=headings)
