"""Blocks of text, put together into the parts of one page."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from citewell.model import Heading, ParsedPage

__all__ = ["Block", "pages_of"]

_PART_CHARACTERS: Final = 65_536
_LONGEST_TITLE: Final = 200
_UNFIT: Final = re.compile("[\x00\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Block:
    """A paragraph, heading, list item, row of a table or preformatted text.

    level: of a heading, from 1; 0 for other text. tight: it begins on the line after the block before it, not
    after a blank line.
    """

    text: str
    level: int = 0
    tight: bool = False


def pages_of(blocks: Iterable[Block], *, number: int = 1, total: int = 1) -> Iterator[ParsedPage]:
    """One page in parts of about 64 K characters that end with blocks; a longer block is cut at white space.

    Without any text there is one part, which is empty.
    """
    part = _Part(number, total)
    for block in blocks:
        text = _UNFIT.sub("\ufffd", block.text).strip("\n")
        if not text.strip():
            continue
        if part.texts:
            part.append("\n" if block.tight else "\n\n")
        level = block.level
        for piece in _pieces(text):
            if part.length + len(piece) > _PART_CHARACTERS and part.texts:
                yield part.taken()
            if level:
                part.headings.append(Heading(part.length, level, _title(text)))
                level = 0
            part.append(piece)
    yield part.taken()


class _Part:
    """What is gathered of a page and not yet passed on."""

    def __init__(self, number: int, total: int) -> None:
        self._number = number
        self._total = total
        self.texts: list[str] = []
        self.headings: list[Heading] = []
        self.length = 0

    def append(self, text: str) -> None:
        self.texts.append(text)
        self.length += len(text)

    def taken(self) -> ParsedPage:
        """The part; what comes next begins a new one."""
        page = ParsedPage(
            self._number, "".join(self.texts), headings=tuple(self.headings), pages_total=self._total
        )
        self.texts, self.headings, self.length = [], [], 0
        return page


def _pieces(text: str) -> Iterator[str]:
    start = 0
    while len(text) - start > _PART_CHARACTERS:
        end = start + _PART_CHARACTERS
        space = max(text.rfind("\n", start + 1, end), text.rfind(" ", start + 1, end)) + 1
        end = space if space > start + _PART_CHARACTERS // 2 else end
        yield text[start:end]
        start = end
    yield text[start:]


def _title(text: str) -> str:
    return " ".join(text.split())[:_LONGEST_TITLE]
