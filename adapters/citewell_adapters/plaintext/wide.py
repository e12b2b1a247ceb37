"""UTF-16 and UTF-32 without a byte order mark."""

from __future__ import annotations

import codecs
import re
import unicodedata
from typing import Final

__all__ = ["wide_encoding"]

# What a text has often, and the same text read with its bytes swapped has hardly ever.
_FREQUENT: Final = re.compile("[ \n\r。,、،।]")
# Neither characters nor, save for a few, part of texts: control, surrogate, private use, unassigned.
_UNFIT: Final = frozenset({"Cc", "Cs", "Co", "Cn"})
_LAYOUT: Final = frozenset("\t\n\r\f\b\x1b")
_MOST_UNFIT: Final = 0.01
_PRINTABLE: Final = bytes([9, 10, 13, *range(32, 127)])
# Bytes of single characters with a NUL among them make Chinese of a kind if they are read in pairs.
_MOST_PRINTABLE: Final = 0.9
_FEWEST_NULS: Final = 0.35


def wide_encoding(head: bytes) -> str | None:
    """`utf-32-le`, `utf-32-be`, `utf-16-le` or `utf-16-be` if `head`, which has NULs, is text in it."""
    for pair in (("utf-32-le", "utf-32-be"), ("utf-16-le", "utf-16-be")):
        fit = {encoding: text for encoding in pair if (text := _text(head, encoding))}
        if fit and (pair[0].startswith("utf-32") or not _looks_narrow(head)):
            return max(fit, key=lambda encoding: len(_FREQUENT.findall(fit[encoding])))
    return None


def _text(head: bytes, encoding: str) -> str:
    """The text, empty if `head` is none in this encoding."""
    try:
        # Not to the end: the head may stop within a character.
        text = codecs.getincrementaldecoder(encoding)().decode(head)
    except UnicodeDecodeError:
        return ""
    unfit = sum(unicodedata.category(character) in _UNFIT and character not in _LAYOUT for character in text)
    return text if "\0" not in text and unfit <= _MOST_UNFIT * len(text) else ""


def _looks_narrow(head: bytes) -> bool:
    nuls = head.count(0)
    printable = len(head) - len(head.translate(None, _PRINTABLE))
    mostly_printable = nuls < _FEWEST_NULS * len(head) and printable > _MOST_PRINTABLE * (len(head) - nuls)
    return mostly_printable or (not head.isascii() and _is_utf_8(head))


def _is_utf_8(head: bytes) -> bool:
    try:
        codecs.getincrementaldecoder("utf-8")().decode(head)
    except UnicodeDecodeError:
        return False
    return True
