"""Where a passage stands on its pages: the boxes of its lines."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from typing import Final

from citewell.model import Box, Page, PageBox, Span

__all__ = ["BOX_UNITS", "LineBoxes", "boxes_within"]

#: Boxes of passages are told in so many parts of the page's width and height: four hundredths of a millimetre
#: on a sheet of paper.
BOX_UNITS: Final = 20_000
#: Places on a page are rounded to this first, so that what a store has rounded to single precision gives the
#: same box as what came from the parser.
_FINE_UNITS: Final = 100_000
_FINE_PER_UNIT: Final = _FINE_UNITS // BOX_UNITS


class LineBoxes:
    """The lines of one revision's pages, in order, by their places in its text."""

    def __init__(self) -> None:
        self._starts: list[int] = []
        self._ends: list[int] = []
        self._boxes: list[PageBox] = []

    def add(self, page: Page) -> None:
        """The lines of the next page."""
        start, number = page.start, page.number
        spans = [line.span for line in page.lines]
        self._starts += [start + span.start for span in spans]
        self._ends += [start + span.end for span in spans]
        self._boxes += [PageBox(number, _outwards(line.box)) for line in page.lines]

    def within(self, span: Span) -> tuple[PageBox, ...]:
        """The boxes of the lines that share characters with the span, rounded outwards to BOX_UNITS."""
        first = bisect_right(self._ends, span.start)
        last = bisect_left(self._starts, span.end)
        return tuple(
            box
            for box, start, end in zip(
                self._boxes[first:last], self._starts[first:last], self._ends[first:last], strict=True
            )
            if start < end
        )

    def forget_before(self, offset: int) -> None:
        """Drop the lines that end at or before this offset of the text."""
        count = bisect_right(self._ends, offset)
        del self._starts[:count], self._ends[:count], self._boxes[:count]


def boxes_within(pages: Iterable[Page], span: Span) -> tuple[PageBox, ...]:
    """The boxes of the lines of these pages, in order, that share characters with the span."""
    lines = LineBoxes()
    for page in pages:
        lines.add(page)
    return lines.within(span)


def _outwards(box: Box) -> Box:
    # Adding a half and cutting off rounds what is not negative, in half the time of `round`.
    left = int(box.left * _FINE_UNITS + 0.5) // _FINE_PER_UNIT
    top = int(box.top * _FINE_UNITS + 0.5) // _FINE_PER_UNIT
    right = -(-int(box.right * _FINE_UNITS + 0.5) // _FINE_PER_UNIT)
    bottom = -(-int(box.bottom * _FINE_UNITS + 0.5) // _FINE_PER_UNIT)
    if left < 0 or top < 0 or right > BOX_UNITS or bottom > BOX_UNITS:
        left, top, right, bottom = max(0, left), max(0, top), min(BOX_UNITS, right), min(BOX_UNITS, bottom)
    return Box(left / BOX_UNITS, top / BOX_UNITS, right / BOX_UNITS, bottom / BOX_UNITS)
