"""What must not be torn apart when a word is cut."""

from __future__ import annotations

import unicodedata
from typing import Final

__all__ = ["between_characters"]

_JOINER: Final = "\u200d"
_SKIN_TONES: Final = range(0x1F3FB, 0x1F400)
_REGIONAL: Final = range(0x1F1E6, 0x1F200)
_TAGS: Final = range(0xE0020, 0xE0080)
_HANGUL_PARTS: Final = range(0x1160, 0x1200)
_LONGEST: Final = 64


def between_characters(text: str, position: int) -> int:
    """`position`, or the next place before it where no character as people see it is torn apart.

    Keeps combining marks, joined emoji, flags, Hangul parts and surrogate pairs whole. It is `position` after
    all where that would leave nothing before it, or goes back further than any real character is long.
    """
    for place in range(position, max(0, position - _LONGEST), -1):
        if not _joined(text, place):
            return place
    return position


def _joined(text: str, place: int) -> bool:
    if place >= len(text):
        return False
    before, after = text[place - 1], text[place]
    code = ord(after)
    if unicodedata.category(after).startswith("M") or after == _JOINER or before == _JOINER:
        return True
    if code in _REGIONAL:
        return _regionals_before(text, place) % 2 == 1
    return code in _SKIN_TONES or code in _TAGS or code in _HANGUL_PARTS or 0xDC00 <= code <= 0xDFFF


def _regionals_before(text: str, place: int) -> int:
    count = 0
    while count < min(place, _LONGEST) and ord(text[place - 1 - count]) in _REGIONAL:
        count += 1
    return count
