"""Whether the boxes of a passage cover its words, as PyMuPDF itself finds them on the page."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pymupdf

from citewell.model import Box, PageBox

__all__ = ["PrintedWord", "coverage", "printed_words"]

# Most of PyMuPDF has no types.
_pymupdf: Any = pymupdf
#: Of the page's width and height: PyMuPDF rounds, and a glyph may stand out of its line by a hair.
_TOLERANCE = 0.004


@dataclass(frozen=True, slots=True)
class PrintedWord:
    """A word and the middle of its place, as fractions of the page as it is shown."""

    text: str
    x: float
    y: float


def printed_words(document: Any, number: int) -> list[PrintedWord]:
    """The words that PyMuPDF finds on the page with this number (from 1), within what is shown of it."""
    page = document[number - 1]
    found = []
    for left, top, right, bottom, text, *_ in page.get_text("words", flags=_pymupdf.TEXT_MEDIABOX_CLIP):
        box = _pymupdf.Rect(left, top, right, bottom) * page.rotation_matrix
        x = (box.x0 + box.x1) / 2 / page.rect.width
        y = (box.y0 + box.y1) / 2 / page.rect.height
        if 0 <= x <= 1 and 0 <= y <= 1:
            found.append(PrintedWord(text, x, y))
    return found


def coverage(text: str, boxes: Sequence[PageBox], words: Sequence[PrintedWord]) -> tuple[int, int]:
    """Of the words of a passage's part on a page: how many lie within its boxes, and how many there are.

    A word that stands so many times in the text must stand so many times within the boxes; words that PyMuPDF
    cuts otherwise than the text does are left out.
    """
    wanted = Counter(_tokens(text))
    there = Counter(token for word in words for token in _tokens(word.text))
    inside = Counter(
        token
        for word in words
        if _is_inside(word, [found.box for found in boxes])
        for token in _tokens(word.text)
    )
    known = {token: min(count, there[token]) for token, count in wanted.items() if token in there}
    return sum(min(inside[token], count) for token, count in known.items()), sum(known.values())


def _is_inside(word: PrintedWord, boxes: Sequence[Box]) -> bool:
    return any(
        box.left - _TOLERANCE <= word.x <= box.right + _TOLERANCE
        and box.top - _TOLERANCE <= word.y <= box.bottom + _TOLERANCE
        for box in boxes
    )


def _tokens(text: str) -> list[str]:
    """Ligatures taken apart."""
    return re.findall(r"\w+", unicodedata.normalize("NFKC", text))
