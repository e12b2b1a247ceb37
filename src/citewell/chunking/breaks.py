"""Where a text may be cut: at the ends of its lines, sentences, paragraphs and words.

Lists, tables and code are blocks: a cut before one is better than a cut in it, one between its items or rows
better than one within an item; and what introduces something belongs to it. A break is judged by what stands
before it and by the first character that is not white space after it, and by nothing further on. So text that
is appended later neither takes away nor moves a break with a word behind it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final, NamedTuple

from citewell.chunking.abbreviations import ABBREVIATIONS, BEFORE_NUMBERS
from citewell.chunking.blocks import Blocks, Strength
from citewell.remembering import Remembered

__all__ = ["Break", "Strength", "breaks", "last_mark", "word_ends", "word_starts"]


class Break(NamedTuple):
    """A place for a cut: the text before it ends at `end`, the text behind it begins at `resume`.

    Between the two is white space alone, or nothing.
    """

    end: int
    resume: int
    strength: Strength


# These end a sentence if white space follows …
_STOPS: Final = ".!?…؟۔։።፧‼⁇⁈⁉។៕"
# … and these whatever follows, in scripts that write sentences without a space between them.
_WIDE_STOPS: Final = "。！？｡．।॥။"
_CLOSERS: Final = r""""'”’»›)\]}」』】〉》）］｝〕〗*_`"""
_LINE_BREAKS: Final = r"\n\r\v\f\x1c-\x1e\x85\u2028\u2029"
_CLAUSE_MARKS: Final = "、，；："

# A sentence's stop with its closing quotes, or a line break, and all white space that follows. One set of
# characters stands in front, by which the engine skips whatever cannot begin a match.
_EVENT: Final = re.compile(
    rf"[{_STOPS}{_WIDE_STOPS}{_LINE_BREAKS}]"
    rf"(?:(?<![{_LINE_BREAKS}])([{_STOPS}{_WIDE_STOPS}]*+[{_CLOSERS}]*+(?:\[\d{{1,3}}\])*+))?+\s*+"
)
_LINE_BREAK: Final = re.compile(rf"[{_LINE_BREAKS}]")
_OPENERS: Final = "([{\"'“‘«‹„¿¡*_"
_WORD_END: Final = re.compile(rf"(?<=\S)(?=\s)|(?<=[{_CLAUSE_MARKS}])(?=\S)")
_WORD_START: Final = re.compile(rf"(?<=\s)(?=\S)|(?<=[{_CLAUSE_MARKS}])(?=\S)")
_LONGEST_WORD: Final = 24
_LONGEST_SHORT_FORM: Final = 3


def breaks(text: str) -> Iterator[Break]:
    """The breaks of `text` in order, from WORD to PARAGRAPH; `text` begins with a mark, not white space.

    Only places with a mark behind them are breaks: the end of `text` is none.
    """
    blocks = Blocks(text)
    for event in _EVENT.finditer(text):
        start, resume = event.span()
        if resume == len(text):
            return
        stop_end = event.end(1)
        if stop_end == resume and text[start] not in _WIDE_STOPS:
            continue
        space = text[stop_end if stop_end >= 0 else start : resume]
        at_line_end = space == "\n" or _LINE_BREAK.search(space) is not None
        ends_sentence = stop_end >= 0 and _ends_sentence(text, start, stop_end, resume)
        if at_line_end:
            end = stop_end if stop_end >= 0 else last_mark(text, start)
            yield Break(end, resume, blocks.line_end(end, resume, space, ends_sentence=ends_sentence))
        elif ends_sentence and (strength := blocks.sentence_end(resume)) is not None:
            yield Break(stop_end, resume, strength)


def last_mark(text: str, position: int) -> int:
    """The end of the text before `position` without the white space at its end."""
    while position and text[position - 1].isspace():
        position -= 1
    return position


def word_ends(text: str, *, up_to: int) -> list[int]:
    """Where words or clauses of `text` end, in order, as far as `up_to`; the end of `text` is not one."""
    return [match.start() for match in _WORD_END.finditer(text, 0, up_to + 1)]


def word_starts(text: str, *, after: int, before: int) -> list[int]:
    """Where words or clauses of `text` begin, in order, between `after` and `before`, without the two."""
    return [match.start() for match in _WORD_START.finditer(text, after + 1, before)]


def _ends_sentence(text: str, start: int, stop_end: int, resume: int) -> bool:
    """Whether the stop at `start`, with what closes it up to `stop_end`, ends a sentence before `resume`."""
    mark, following = text[start], text[resume]
    if mark in _WIDE_STOPS:
        return not (mark == "．" and following.isdigit())
    if following in ",;:":
        return False
    if stop_end > start + 1:
        return not following.islower()
    if mark != ".":
        return True
    if start == 0 or text[start - 1].isspace():
        return False
    word = text[max(0, start - _LONGEST_WORD) : start].rsplit(None, 1)[-1]
    return _FULL_STOPS[word + following]


def _full_stop_ends(around: str) -> bool:
    """Whether a word and a full stop end a sentence, if the next one begins with the last character."""
    word, following = around[:-1].lstrip(_OPENERS), around[-1]
    lowered = word.lower()
    if not word or lowered in ABBREVIATIONS or (following.isdigit() and lowered in BEFORE_NUMBERS):
        return False
    if following.islower() and len(word) <= _LONGEST_SHORT_FORM:
        return False
    if word.isdigit():
        return len(word) > 2  # not the 3 of `3. Oktober`
    if "." in word:  # not `U.S`, `e.g` or `Ph.D`
        return not all(part.isalpha() and len(part) <= _LONGEST_SHORT_FORM for part in word.split("."))
    return len(word) > 1 or not word.isupper()  # not the initial of `J. Smith`


_FULL_STOPS: Final = Remembered(_full_stop_ends, most=1 << 12)
