"""Where the headings of a text begin, and how far their titles reach."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from typing import Final

from citewell.model import Heading

__all__ = ["HeadingPlaces"]

_MARK: Final = re.compile(r"\S")


class HeadingPlaces:
    """The headings of a text by their first marks; white space at a heading's start is passed over."""

    def __init__(self, text: str, headings: Sequence[Heading]) -> None:
        self._starts: list[int] = []
        #: About where the titles of the headings end, by their places.
        self.title_ends: dict[int, int] = {}
        self._ends_at_start: dict[int, int] = {}
        for heading in headings:
            mark = _MARK.search(text, heading.start)
            if mark is None:
                break
            place, end = mark.start(), mark.start() + len(heading.title)
            if place not in self.title_ends:
                self._starts.append(place)
            self.title_ends[place] = max(end, self.title_ends.get(place, 0))
            if place == heading.start:
                self._ends_at_start[place] = max(end, self._ends_at_start.get(place, 0))

    def between(self, start: int, end: int) -> Sequence[int]:
        """The places of those that begin after `start` and before `end`."""
        return self._starts[bisect_right(self._starts, start) : bisect_left(self._starts, end)]

    def title_end_at_start(self, start: int) -> int:
        """About where the title ends with which a passage begins at `start`; 0 if there is none.

        A heading with white space before its mark does not count: whoever cuts anew from the start of that
        passage does not know of it.
        """
        return self._ends_at_start.get(start, 0)
