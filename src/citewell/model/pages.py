"""Texts and pages, before they are cut."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = [
    "Box",
    "Extent",
    "Heading",
    "Line",
    "Page",
    "PageBox",
    "ParsedPage",
    "Span",
]


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """A half-open range of character offsets (code points): `text[start:end]`."""

    start: int
    end: int

    def __post_init__(self) -> None:
        if not 0 <= self.start <= self.end:
            raise ValueError(f"not a span: {self.start}..{self.end}")

    def __len__(self) -> int:
        return self.end - self.start

    def of(self, text: str) -> str:
        """The part of `text` at this span."""
        return text[self.start : self.end]


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle on a page, in fractions of its width and height (0-1); the origin is the top left."""

    left: float
    top: float
    right: float
    bottom: float


@dataclass(frozen=True, slots=True)
class PageBox:
    """A box and the number of the page that it is on."""

    page: int
    box: Box


@dataclass(frozen=True, slots=True)
class Line:
    """A printed line: its span in the page's text and its box on the page."""

    span: Span
    box: Box


@dataclass(frozen=True, slots=True)
class Heading:
    """A heading: where it begins (characters into the page's or the revision's text), level from 1, title."""

    start: int
    level: int
    title: str


@dataclass(frozen=True, slots=True)
class ParsedPage:
    """What a parser reads of one page; spans and offsets count from the page's own first character.

    A format without pages is one page numbered 1; where that is long, it comes in several parts that carry
    the same number and whose texts follow each other without a gap. `pages_total` is the number of pages of
    the whole document where the parser knows it, else None. problem: a sentence on why the page could not be
    read, empty if it could.
    """

    number: int
    text: str
    lines: tuple[Line, ...] = ()
    headings: tuple[Heading, ...] = ()
    pages_total: int | None = None
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Page:
    """A page (or a part of one) in its revision: `start` is its offset in the revision's text.

    The revision's text is the concatenation of its pages' texts in order. Lines and headings keep offsets
    relative to the page. problem: why it could not be read, empty if it could.
    """

    number: int
    start: int
    text: str
    lines: tuple[Line, ...] = ()
    headings: tuple[Heading, ...] = ()
    problem: str = ""

    @property
    def span(self) -> Span:
        """The page's span in the revision's text."""
        return Span(self.start, self.start + len(self.text))


@dataclass(frozen=True, slots=True)
class Extent:
    """How much of a revision's text is kept: so many pages, which end at this offset of the text."""

    pages: int = 0
    end: int = 0
