"""What is printed on a page: blocks of lines with boxes and type sizes, and their text in reading order."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from citewell.model import Box, Line, Span

__all__ = ["Bounds", "PrintedBlock", "PrintedLine", "PrintedPage", "lay_out"]

_UNFIT: Final = re.compile("[\x00\ud800-\udfff]")


@dataclass(slots=True)
class PrintedLine:
    """A line: its place in points on the page as it is shown, its type, and once laid out, its span."""

    text: str
    left: float
    top: float
    right: float
    bottom: float
    size: float
    bold: bool
    start: int = 0


@dataclass(frozen=True, slots=True)
class PrintedBlock:
    """Lines that stand together: a paragraph, a heading, a table.

    table: its rows of cells, each of which holds some of the lines, in order; empty if it is none.
    """

    lines: Sequence[PrintedLine]
    table: Sequence[Sequence[Sequence[PrintedLine]]] = ()


@dataclass(frozen=True, slots=True)
class Bounds:
    """A rectangle on the page in points; the origin is the top left of the page as it is shown."""

    left: float
    top: float
    right: float
    bottom: float


@dataclass(frozen=True, slots=True)
class PrintedPage:
    """A page: lines on lines of their own, a table's rows as in Markdown, a blank line between blocks."""

    text: str
    blocks: Sequence[PrintedBlock]
    bounds: Bounds

    @property
    def lines(self) -> Iterator[PrintedLine]:
        """The lines of all blocks in reading order."""
        for block in self.blocks:
            yield from block.lines

    def boxed_lines(self) -> tuple[Line, ...]:
        """The lines with their spans in the text and their boxes as fractions of the page."""
        bounds = self.bounds
        across, down = _inverse(bounds.right - bounds.left), _inverse(bounds.bottom - bounds.top)
        return tuple(
            Line(
                Span(line.start, line.start + len(line.text)),
                Box(
                    _clipped((line.left - bounds.left) * across),
                    _clipped((line.top - bounds.top) * down),
                    _clipped((line.right - bounds.left) * across),
                    _clipped((line.bottom - bounds.top) * down),
                ),
            )
            for line in self.lines
        )


def lay_out(blocks: Sequence[PrintedBlock], bounds: Bounds) -> PrintedPage:
    """The page with these blocks in this order; tells each line where in the text it begins."""
    blocks = [block for block in blocks if block.lines]
    text = _Text()
    for block in blocks:
        if text.length:
            text.add("\n\n")
        if block.table:
            text.add_table(block.table)
        else:
            text.add_lines(block.lines, between="\n")
    return PrintedPage(_UNFIT.sub("\ufffd", "".join(text.pieces)), blocks, bounds)


class _Text:
    """A text that grows, and how long it is."""

    def __init__(self) -> None:
        self.pieces: list[str] = []
        self.length = 0

    def add(self, piece: str) -> None:
        self.pieces.append(piece)
        self.length += len(piece)

    def add_lines(self, lines: Sequence[PrintedLine], *, between: str) -> None:
        for place, line in enumerate(lines):
            if place:
                self.add(between)
            line.start = self.length
            self.add(line.text)

    def add_table(self, rows: Sequence[Sequence[Sequence[PrintedLine]]]) -> None:
        for number, row in enumerate(rows):
            if number:
                self.add("\n")
            self.add("| ")
            for place, cell in enumerate(row):
                if place:
                    self.add(" | ")
                self.add_lines(cell, between=" ")
            self.add(" |")
            if number == 0:
                self.add("\n|" + " --- |" * len(row))


def _inverse(length: float) -> float:
    return 1 / length if length > 0 and math.isfinite(length) else 0.0


def _clipped(fraction: float) -> float:
    if 0.0 <= fraction <= 1.0:
        return fraction
    return 1.0 if fraction > 1.0 else 0.0
