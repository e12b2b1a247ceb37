"""Cutting a text into the words that are searched for."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from itertools import chain, pairwise
from typing import Final

from citewell.remembering import Remembered

__all__ = ["PLAIN", "UNSPACED", "WORD_SIGN", "is_unspaced", "words"]

#: Longer ones are cut: nobody asks for them by all their letters.
_MAX_CHARACTERS: Final = 64


def _marks() -> str:
    """For a character class: the signs that are part of a word and that `\\w` leaves out, as in Hindi."""
    found = [code for code in range(0x300, 0x10000) if unicodedata.category(chr(code)).startswith("M")]
    known = set(found)
    starts = [code for code in found if code - 1 not in known]
    ends = [code for code in found if code + 1 not in known]
    return "".join(f"{chr(start)}-{chr(end)}" for start, end in zip(starts, ends, strict=True))


#: For a character class: scripts without spaces between words: Thai, Lao, Myanmar, Khmer, kana, Han, Hangul.
UNSPACED: Final = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u1100-\u11ff\u3005-\u3007\u3041-\u30ff\u31f0-\u31ff"
    "\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff\U00020000-\U0003ffff"
)
#: A letter, a digit, or a mark on one.
WORD_SIGN: Final = rf"[\w{_marks()}]"

#: Soft hyphens, joiners, and the signs of Arabic that are written or not as one likes.
_IGNORED: Final = re.compile("[\u00ad\u0640\u064b-\u065f\u0670\u200b-\u200f\u2060\ufeff]")
#: A word, or several that are tied without a space: `error_code_42`, `HTTP/2`, `AB-12/3`, `c++`.
_TIED: Final = re.compile(rf"{WORD_SIGN}+(?:[-./'’:@&,]{WORD_SIGN}+)*(?:\+\+|\#(?!{WORD_SIGN}))?")
#: All of a text without a letter or a mark beyond ASCII: typographic quotes and dashes are none.
PLAIN: Final = re.compile("[\x00-\xa9\xab-\xb1\xb4\xb6-\xb8\xbb\xbf\u2010-\u2027\u2030-\u203e]*")
#: The same as _TIED for such a text, in half the time.
_TIED_PLAIN: Final = re.compile(r"[a-z0-9_]+(?:[-./'’:@&,][a-z0-9_]+)*(?:\+\+|\#(?![a-z0-9_]))?")
_TIES: Final = re.compile(r"[-./'’:@&,+#_]+")
_NUMBER: Final = re.compile(r"\d+(?:[.,]\d+)*")
_THOUSANDS: Final = re.compile(r"\d{1,3}(?:,\d{3})+(?:\.\d+)?")
#: What is tied so is one thing and is found as a whole too; words with hyphens or slashes alone are several.
_WHOLE: Final = re.compile(r"[\d_@&.+#]")
_RUNS: Final = re.compile(rf"[{UNSPACED}]+|[^{UNSPACED}]+")
_IS_UNSPACED: Final = re.compile(rf"[{UNSPACED}]")


def words(text: str) -> Iterator[str]:
    """The words in order: NFKC, without case, numbers and identifiers whole and in parts.

    Where a script puts no spaces between words, each two neighbouring characters are a word.
    """
    if text.isascii():
        normal, is_plain = text.lower(), True
    else:
        normal = _IGNORED.sub("", unicodedata.normalize("NFKC", text).casefold())
        is_plain = PLAIN.fullmatch(normal) is not None
    tied = _TIED_PLAIN if is_plain else _TIED
    return chain.from_iterable(map(_WORDS_OF.__getitem__, tied.findall(normal)))


def is_unspaced(word: str) -> bool:
    """Whether the word is of a script without spaces between words."""
    return _IS_UNSPACED.match(word) is not None


def _words_of(tied: str) -> tuple[str, ...]:
    return tuple(word[:_MAX_CHARACTERS] for word in _parts(tied))


def _parts(tied: str) -> Iterator[str]:
    if _NUMBER.fullmatch(tied):
        yield tied.replace(",", "") if _THOUSANDS.fullmatch(tied) else tied
        return
    parts = [part for part in _TIES.split(tied) if part]
    for part in parts:
        yield from _runs(part)
    whole = tied.strip("_")
    if whole not in {"", *parts} and _WHOLE.search(whole):
        yield whole


def _runs(part: str) -> Iterator[str]:
    for run in _RUNS.findall(part):
        if len(run) == 1 or not is_unspaced(run):
            yield run
        else:
            yield from (one + other for one, other in pairwise(run))


_WORDS_OF: Final = Remembered(_words_of)
