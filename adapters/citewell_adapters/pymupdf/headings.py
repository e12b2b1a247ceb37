"""The headings of a PDF: from its outline where it has one, else from the size and weight of the type."""

from __future__ import annotations

import math
import re
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import accumulate
from typing import Final, Protocol

from citewell.model import Heading
from citewell_adapters.pymupdf.document import OutlineEntry
from citewell_adapters.pymupdf.printed import PrintedBlock, PrintedLine, PrintedPage

__all__ = ["FontHeadings", "HeadingFinder", "OutlineHeadings"]

_LONGEST_TITLE: Final = 200
_MOST_LINES: Final = 3
_LONGEST_NUMBER: Final = 8
# From this ratio to the size of the body's type, a heading has this level.
_LEVELS: Final = ((1.75, 1), (1.35, 2), (1.12, 3))
_BOLD_LEVEL: Final = 4
_LONGEST_BOLD: Final = 100
_SHORTEST_BODY: Final = 80
_DIGITS: Final = "0123456789"
_NOT_A_LETTER: Final = re.compile(r"[\W_]+")
_ITEM: Final = re.compile(r"[•‣◦▪●○■·–—*-]\s")
_UNFIT: Final = re.compile("[\x00\ud800-\udfff]")


class HeadingFinder(Protocol):
    """Finds the headings of one document's pages."""

    def on(self, page: PrintedPage, *, index: int) -> tuple[Heading, ...]:
        """The page's headings in order; `index` counts pages from 0."""
        ...


class OutlineHeadings:
    """Finds the outline's entries on their pages: by title, else by the height they point to."""

    def __init__(self, entries: Mapping[int, Sequence[OutlineEntry]]) -> None:
        self._entries = entries

    def on(self, page: PrintedPage, *, index: int) -> tuple[Heading, ...]:
        entries = self._entries.get(index, ())
        if not entries:
            return ()
        titles = _Titles(page)
        found = [Heading(titles.place(entry), entry.level, _title(entry.title)) for entry in entries]
        return tuple(sorted(found, key=lambda heading: heading.start))


class FontHeadings:
    """Finds short blocks, but no tables, in larger type than the body's, or in bold above a paragraph.

    The body's type is the one that most characters have of the sample's pages. What stands on one of the two
    pages before, as at the head of page after page, is left out: to find what `on` finds on a page, show it
    these two first.
    """

    def __init__(self, sample: Iterable[PrintedPage]) -> None:
        characters_by_size: Counter[float] = Counter()
        for page in sample:
            for line in page.lines:
                characters_by_size[_rounded(line.size)] += len(line.text)
        commonest = sorted(characters_by_size.items(), key=lambda item: (-item[1], item[0]))
        self._body = commonest[0][0] if commonest else None
        self._last_seen: dict[str, int] = {}

    def on(self, page: PrintedPage, *, index: int) -> tuple[Heading, ...]:
        if self._body is None:
            return ()
        self._last_seen = {title: last for title, last in self._last_seen.items() if index - last <= 2}
        headings = list(_in_larger_type(page.blocks, body=self._body))
        return tuple(heading for heading in headings if not self._repeated(heading.title, index))

    def _repeated(self, title: str, index: int) -> bool:
        repeated = title in self._last_seen
        self._last_seen[title] = index
        return repeated


def _in_larger_type(blocks: Sequence[PrintedBlock], *, body: float) -> Iterator[Heading]:
    for block, following in zip(blocks, [*blocks[1:], None], strict=False):
        if block.table:
            continue
        lines = [line for line in block.lines[: _MOST_LINES + 1] if line.size >= _LEVELS[-1][0] * body]
        lines = lines if lines == list(block.lines[: len(lines)]) else []
        title = " ".join(line.text for line in lines)
        if 0 < len(lines) <= _MOST_LINES and _could_be_title(title, longest=_LONGEST_TITLE):
            ratio = lines[0].size / body
            level = next((level for least, level in _LEVELS if ratio >= least), _LEVELS[-1][1])
            yield Heading(lines[0].start, level, _title(title))
        elif not lines and _is_bold_title(block, following, body=body):
            text = " ".join(line.text for line in block.lines)
            yield Heading(block.lines[0].start, _BOLD_LEVEL, _title(text))


def _is_bold_title(block: PrintedBlock, following: PrintedBlock | None, *, body: float) -> bool:
    """Whether it is a line or two in bold above a paragraph: labels in tables and forms are no titles."""
    if following is None or len(block.lines) > 2 or not all(line.bold for line in block.lines):
        return False
    text = " ".join(line.text for line in block.lines)
    paragraph = following.lines[0]
    return (
        block.lines[0].size >= 0.95 * body
        and not text.endswith((".", ",", ";", ":"))
        and _could_be_title(text, longest=_LONGEST_BOLD)
        and not paragraph.bold
        and paragraph.top > block.lines[-1].top
        and sum(len(line.text) for line in following.lines) >= _SHORTEST_BODY
    )


def _could_be_title(text: str, *, longest: int) -> bool:
    letters = sum(character.isalpha() for character in text)
    return len(text) <= longest and letters >= 2 and not _ITEM.match(text)


class _Titles:
    """The letters of a page's lines in one string, in which titles are looked for."""

    def __init__(self, page: PrintedPage) -> None:
        self._lines = list(page.lines)
        letters = [_letters(line.text) for line in self._lines]
        self._starts = list(accumulate(map(len, letters), initial=0))
        self._ends = frozenset(self._starts)
        self._letters = "".join(letters)

    def place(self, entry: OutlineEntry) -> int:
        """Where the page says what the outline's entry says, as an offset into its text.

        If in several places, the one nearest to the height that the entry points to; if in none, the line
        nearest to it; if it does not say, the beginning of the page.
        """
        wanted = _letters(entry.title)
        named = self._lines_with(wanted) or self._lines_with(wanted.lstrip(_DIGITS))
        if not math.isfinite(entry.top):
            return named[0].start if named else 0
        near = named or [line for line in self._lines if line.bottom > entry.top]
        return min(near, key=lambda line: (abs(line.top - entry.top), line.start)).start if near else 0

    def _lines_with(self, wanted: str) -> list[PrintedLine]:
        """The lines on which the title begins, perhaps after a number, and at the end of which it may end."""
        found = []
        begin = self._letters.find(wanted) if wanted else -1
        while begin >= 0:
            line = bisect_right(self._starts, begin) - 1
            number_length = begin - self._starts[line]
            if begin + len(wanted) in self._ends and number_length <= min(_LONGEST_NUMBER, len(wanted)):
                found.append(self._lines[line])
            begin = self._letters.find(wanted, begin + 1)
        return found


def _letters(text: str) -> str:
    return _NOT_A_LETTER.sub("", text.casefold())


def _title(text: str) -> str:
    return _UNFIT.sub("\ufffd", " ".join(text.split()))[:_LONGEST_TITLE]


def _rounded(size: float) -> float:
    return round(size * 2) / 2
