"""Copies of a passage: the same text, or nearly the same.

The same: equal but for case, white space and punctuation. Nearly the same: of the runs of three words that
either has, both have at least NEAR (the Jaccard index of their shingles, as in Broder 1997), and all numbers
are equal: two years of one report differ in little else.
"""

from __future__ import annotations

import re
import unicodedata
from array import array
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from heapq import nsmallest
from typing import Final

from citewell.lexical import UNSPACED, WORD_SIGN
from citewell.model import Hit

__all__ = ["NEAR", "Distinct"]

#: So a passage of a hundred words may differ in two or three of them, or have a sentence more.
NEAR: Final = 0.85

#: Copies of a shorter text are told by being the same alone.
_FEWEST_SHINGLES: Final = 8

_WORDS: Final = re.compile(rf"{WORD_SIGN}+")
_PLAIN_WORDS: Final = re.compile(r"\w+", re.ASCII)
_UNSPACED: Final = re.compile(rf"[{UNSPACED}]")
_UNSPACED_OR_RUN: Final = re.compile(rf"[{UNSPACED}]|[^{UNSPACED}]+")
_HAS_DIGIT: Final = re.compile(r"\d")
#: A word with a digit in it, among words with a space between them.
_NUMBERS: Final = re.compile(r"[^\s\d]*\d\S*")
#: How many shingles are looked at first.
_SKETCH: Final = 8


@dataclass(frozen=True, slots=True)
class _Print:
    """What is compared of a text. whole: its words, for texts that are the same.

    sketch: the least of its shingles. Texts that share as many as NEAR have none of these in common once in
    millions of times (Broder 1997), and others nearly always, so that most pairs cost next to nothing.
    """

    whole: str
    shingles: array[int]
    sketch: frozenset[int]
    numbers: tuple[str, ...]


class Distinct:
    """Hits of which none is a copy of another, in the order in which they were added."""

    def __init__(self, hits: Iterable[Hit] = ()) -> None:
        self._kept: list[Hit] = []
        self._copies: list[list[Hit]] = []
        self._prints: list[_Print] = []
        self._by_text: dict[str, int] = {}
        self._sketched: set[int] = set()
        for hit in hits:
            self.add(hit)

    def __len__(self) -> int:
        return len(self._kept)

    def add(self, hit: Hit) -> bool:
        """Keep the hit, or count it as a copy of one that is kept; whether it is kept."""
        own = _print_of(hit.chunk.text)
        kept = self._by_text.get(own.whole)
        if kept is None:
            if not self._sketched.isdisjoint(own.sketch):
                kept = next((i for i, other in enumerate(self._prints) if _nearly_same(own, other)), None)
            if kept is None:
                self._by_text[own.whole] = len(self._kept)
                self._kept.append(hit)
                self._copies.append([])
                self._prints.append(own)
                self._sketched |= own.sketch
                return True
            self._by_text[own.whole] = kept
        self._copies[kept].append(hit)
        return False

    @property
    def hits(self) -> tuple[Hit, ...]:
        """The kept ones, each with the places of its copies."""
        return tuple(
            hit._replace(also_in=(*hit.also_in, *(copy.place for copy in copies))) if copies else hit
            for hit, copies in zip(self._kept, self._copies, strict=True)
        )


def _words(text: str) -> list[str]:
    """Without case and punctuation; single characters where a script puts no spaces between words."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    if folded.isascii():
        return _PLAIN_WORDS.findall(folded)
    found = _WORDS.findall(folded)
    if not _UNSPACED.search(folded):
        return found
    return [part for word in found for part in _UNSPACED_OR_RUN.findall(word)]


# The same passages are found again and again. An entry takes some 4 kB.
@lru_cache(2_048)
def _print_of(text: str) -> _Print:
    words = _words(text)
    whole = " ".join(words)
    shingles = set(map(hash, zip(words, words[1:], words[2:], strict=False)))
    numbers = sorted(_NUMBERS.findall(whole)) if _HAS_DIGIT.search(whole) else ()
    return _Print(whole, array("q", shingles), frozenset(nsmallest(_SKETCH, shingles)), tuple(numbers))


def _nearly_same(one: _Print, other: _Print) -> bool:
    if one.sketch.isdisjoint(other.sketch) or one.numbers != other.numbers:
        return False
    fewer, more = sorted((len(one.shingles), len(other.shingles)))
    if fewer < _FEWEST_SHINGLES or fewer < NEAR * more:
        return False
    shared = len(set(one.shingles).intersection(other.shingles))
    return shared >= NEAR * (fewer + more - shared)
