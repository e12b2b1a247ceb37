"""What the lines of a text belong to, lists, tables, code or prose, and what a cut at their ends is worth."""

from __future__ import annotations

import re
from enum import Enum, IntEnum
from typing import Final

__all__ = ["Blocks", "Strength"]


class Strength(IntEnum):
    """How good a place is for a cut: the higher, the better."""

    WORD = 0
    LINE = 1
    PART = 2  # a sentence in an item, a line of code
    ITEM = 3  # of a list, a row, a paragraph of code
    SENTENCE = 4
    PARAGRAPH = 5
    HEADING = 6
    END = 7


class _Kind(Enum):
    PROSE = 0
    LIST = 1
    TABLE = 2
    CODE = 3


_BLANK_LINE: Final = re.compile(r"\n[^\n]*\n|\r\r|\u2029")
# The beginning of a line that is one thing: a list's item, a table's row, a comment, a line of code.
_ITEM: Final = re.compile(
    r"[^\S\n]*+(?:[-*+•‣◦▪●○■–—·]\s|\(?\d{1,3}[.)]\s|\(?[A-Za-z][.)]\s|[|#}]|//|/\*|>>>\s|\$\s|@\w)"
    r"|(?:[ ]{4}|\t)[^\n]*?(?:[={};]|\w\()"
)
_ROW: Final = re.compile(r"[^\S\n]*+(?:\||[^\n|]+ \| )")
_FENCE: Final = re.compile(r"[ ]{0,3}(?:```+|~~~+)([^\n`]*)")
_BULLETS: Final = "-*+•‣◦▪●○■–—·"
#: What may begin the next item of a list; a letter may as well, but begins more often something else.
_NEXT_ITEM: Final = frozenset(f"{_BULLETS}(0123456789")
_MARKER: Final = re.compile(rf"[^\S\n]*+(?:[{_BULLETS}]|\(?\d{{1,3}}[.)]|\(?[A-Za-z][.)])\s*")
#: What stands behind the letter of an item, `a)` or `b.`; the empty one is the end of the text.
_ENUMERATING: Final = (".", ")", "")
_COLONS: Final = frozenset(":：")
#: A paragraph of one line without a stop that is longer than this is no title.
_LONGEST_TITLE: Final = 100


class Blocks:
    """Walks over the ends of lines and sentences of one text, in their order."""

    def __init__(self, text: str) -> None:
        self._text = text
        # Most texts have neither, and are not asked for them line by line.
        self._has_rows = "|" in text
        self._has_fences = "`" in text or "~" in text
        self._is_plain = not self._has_rows and not self._has_fences
        self._kind = _Kind.PROSE
        self._line_start = 0
        self._paragraph_start = 0
        self._is_item: bool | None = None

    def sentence_end(self, resume: int) -> Strength | None:
        """What a cut before `resume` is worth, after a sentence within a line; None if it is no place."""
        if self._kind is _Kind.CODE or self._item(resume):
            return None
        return Strength.SENTENCE if self._kind is _Kind.PROSE else Strength.PART

    def line_end(self, end: int, resume: int, space: str, *, ends_sentence: bool) -> Strength:
        """What a cut at the end of a line is worth: at `end`, before `resume`, `space` between the two."""
        if space == "\n" and self._is_plain_prose():
            # Most lines end so. It is what the other way would say, in a third of the time.
            self._is_item, self._line_start = None, resume
            begins_item = self._text[resume] in _BULLETS
            goes_on = self._text[end - 1] in _COLONS or not (ends_sentence or begins_item)
            return Strength.LINE if goes_on else Strength.SENTENCE
        return self._any_line_end(end, resume, space, ends_sentence=ends_sentence)

    def _any_line_end(self, end: int, resume: int, space: str, *, ends_sentence: bool) -> Strength:
        text, following = self._text, self._text[resume]
        blank = space != "\n" and _BLANK_LINE.search(space) is not None
        line_start, item = self._line_start, self._item(end)
        kind, was_code = self._kind_of_line(end, blank=blank, item=item), self._kind is _Kind.CODE
        in_code = kind is _Kind.CODE
        goes_on = (kind is _Kind.LIST and following in _NEXT_ITEM) or (
            kind is _Kind.TABLE and following == "|"
        )
        if in_code or was_code:
            strength = Strength.ITEM if blank else Strength.PART
            if not in_code and blank:
                strength = Strength.PARAGRAPH
        elif self._may_be_marked(line_start) and _MARKER.fullmatch(text, line_start, end):
            strength = Strength.WORD  # a mark without its item
        elif goes_on:
            strength = Strength.ITEM
        elif self._introduces(end, following, blank=blank, ends_sentence=ends_sentence):
            strength = Strength.LINE
        elif blank:
            strength = Strength.PARAGRAPH
        elif item:
            strength = Strength.ITEM
        elif ends_sentence:
            strength = Strength.SENTENCE if kind is _Kind.PROSE else Strength.PART
        elif following in _BULLETS or following == "|":
            strength = Strength.SENTENCE
        else:
            strength = Strength.LINE
        self._next_line(kind, resume, blank=blank, goes_on=goes_on)
        return strength

    def _item(self, end: int) -> bool:
        """Whether the current line begins an item or is a row or a line of code."""
        if self._is_item is None:
            at = self._line_start
            self._is_item = self._is_row(end) or (
                self._may_be_marked(at) and _ITEM.match(self._text, at, end + 1) is not None
            )
        return self._is_item

    def _is_plain_prose(self) -> bool:
        """Whether the current line is of prose in a text without tables and code, and begins with a word."""
        return self._is_plain and self._kind is _Kind.PROSE and not self._may_be_marked(self._line_start)

    def _is_row(self, end: int) -> bool:
        return self._has_rows and _ROW.match(self._text, self._line_start, end) is not None

    def _may_be_marked(self, line_start: int) -> bool:
        """Whether the line may match _ITEM or _MARKER: not where it begins with a word, as most lines do."""
        beginning = self._text[line_start : line_start + 2]
        return not (beginning[:1].isalpha() and beginning[1:] not in _ENUMERATING)

    def _kind_of_line(self, end: int, *, blank: bool, item: bool) -> _Kind:
        """What the line that ends at `end` leaves open."""
        fence = _FENCE.match(self._text, self._line_start, end) if self._has_fences else None
        if self._kind is _Kind.CODE:
            return _Kind.PROSE if fence and not fence[1].strip() else _Kind.CODE
        if fence and (fence[1].strip() or not blank):
            return _Kind.CODE  # else the end of code whose beginning is in another passage
        if item:
            return _Kind.TABLE if self._is_row(end) else _Kind.LIST
        return _Kind.LIST if self._kind is _Kind.LIST else _Kind.PROSE

    def _introduces(self, end: int, following: str, *, blank: bool, ends_sentence: bool) -> bool:
        """Whether what ends here belongs to what follows: it ends with a colon, or it is a title."""
        if self._text[end - 1] in _COLONS:
            return True
        if ends_sentence or not blank or self._is_item:
            return False
        is_line = self._paragraph_start == self._line_start
        return following == "|" or (is_line and end - self._line_start <= _LONGEST_TITLE)

    def _next_line(self, kind: _Kind, resume: int, *, blank: bool, goes_on: bool) -> None:
        if kind is not _Kind.CODE and not goes_on and (blank or kind is _Kind.TABLE):
            kind = _Kind.PROSE
        self._kind, self._is_item = kind, None
        self._line_start = resume
        if self._text[resume - 1] != "\n":
            line_start = self._text.rfind("\n", 0, resume) + 1
            if not self._text[line_start:resume].strip():
                self._line_start = line_start
        if blank:
            self._paragraph_start = self._line_start
