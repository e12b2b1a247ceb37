"""Puts the pages of a parser one after the other: where each begins in the revision's text."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from citewell.model import Page, ParsedPage

__all__ = ["PAGE_SEPARATOR", "PageLayout"]

#: Ends the text of every page but the last. It is white space, so a sentence goes on over it.
PAGE_SEPARATOR: Final = "\f"


class PageLayout:
    """Turns ParsedPages into Pages, each as soon as it is known how its text ends.

    The revision's text is the concatenation of the Pages' texts. Between pages of different numbers stands a
    form feed, which is the last character of the former page; parts of one page follow without a gap. Each
    ParsedPage becomes one Page, so whoever has n Pages goes on with the ParsedPages after the first n.

    start: where the first page begins: where the last one that was laid out before ended.
    """

    def __init__(self, *, start: int = 0) -> None:
        self._start = start
        self._held: ParsedPage | None = None

    def feed(self, page: ParsedPage) -> list[Page]:
        """The pages that are complete now, none or one.

        Raises ValueError if page numbers go back, or if one of several parts of a page is empty.
        """
        held, self._held = self._held, page
        if held is None:
            return []
        if page.number < held.number:
            raise ValueError(f"page {page.number} comes after page {held.number}")
        if page.number > held.number:
            return [self._placed(replace(held, text=held.text + PAGE_SEPARATOR))]
        if not page.text or not held.text:
            raise ValueError(f"a part of page {page.number} is empty")
        return [self._placed(held)]

    def finish(self) -> list[Page]:
        """The last page, once; none if none was fed."""
        held, self._held = self._held, None
        return [] if held is None else [self._placed(held)]

    def _placed(self, page: ParsedPage) -> Page:
        start = self._start
        self._start += len(page.text)
        return Page(page.number, start, page.text, page.lines, page.headings, page.problem)
