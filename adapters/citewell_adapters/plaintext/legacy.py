"""Encodings from before Unicode, told by the letters that they make of a text's bytes."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Final

__all__ = ["WINDOWS_1252", "guess_legacy"]

#: What texts that are not Unicode are mostly in; it gives a character to nearly every byte.
WINDOWS_1252: Final = "cp1252"

_WESTERN: Final = (
    "äöüß",  # German
    "éèêëàâçîïôùûœæ",  # French
    "áéíóúüñ",  # Spanish
    "ãõáéíóúâêôàç",  # Portuguese
    "àèéìòù",  # Italian
    "åäöæøé",  # Danish, Finnish, Norwegian, Swedish
    "ðþæáéíóúýö",  # Icelandic
    "éèëïöü",  # Dutch, English
)
_CENTRAL: Final = (
    "ąćęłńóśźż",  # Polish
    "áčďéěíňóřšťúůýž",  # Czech
    "áäčďéíĺľňóôŕšťúýž",  # Slovak
    "áéíóöőúüű",  # Hungarian
    "ăâîşţ",  # Romanian
    "čćđšž",  # Bosnian, Croatian, Slovenian
)
_TURKISH: Final = ("çğıöşüâî",)
_BALTIC: Final = ("ąčęėįšųūž", "āčēģīķļņšūž", "äöüõšž")
# These encodings differ in a few letters: each with the letters of the languages that are written in it.
_LATIN: Final[Mapping[str, Sequence[str]]] = {
    WINDOWS_1252: _WESTERN,
    "cp1250": _CENTRAL,
    "iso8859_2": _CENTRAL,
    "cp1254": _TURKISH,
    "cp1257": _BALTIC,
    "cp850": _WESTERN,
    "mac_roman": _WESTERN,
}
_SINGLE_BYTE: Final = (
    "cp1251",
    "koi8_r",
    "koi8_u",
    "iso8859_5",
    "cp866",
    "cp1253",
    "iso8859_7",
    "cp1255",
    "cp1256",
    "iso8859_6",
    "cp874",
)
_MULTIBYTE: Final = ("cp932", "euc_jp", "gb18030", "big5", "cp949")
_LONGEST_CHARACTER: Final = 4
_TIE: Final = 0.01
_BEYOND_ASCII: Final = re.compile(r"[^\x00-\x7f]")
_PUNCTUATION: Final = frozenset("“”„‘’‚«»‹›–—…€£¥§©®™°·•¿¡\xa0\xad²³½¼¾±×µ†‡¶")
_WITHIN_A_WORD: Final = re.compile(r"(?<=[^\W\d_])[^\w\s\x00-\x7f’\xad·](?=[^\W\d_])")


def guess_legacy(sample: bytes) -> str:
    """The encoding of text that is not UTF-8: Windows-1252 where nothing fits better.

    The sample, of which some 16 KB are plenty, begins with a whole character; it may end within one.
    """
    for cut in range(_LONGEST_CHARACTER):
        found = _detected(sample[: len(sample) - cut])
        if found in _MULTIBYTE:
            return found
    found = _detected(sample)
    if found is None:
        return WINDOWS_1252
    return _latin(sample, found) if found in _LATIN else found


def _detected(sample: bytes) -> str | None:
    try:
        from charset_normalizer import from_bytes
    except ImportError:  # the core alone is installed
        return None
    best = from_bytes(sample, cp_isolation=[*_LATIN, *_SINGLE_BYTE, *_MULTIBYTE]).best()
    return best.encoding if best else None


def _latin(sample: bytes, found: str) -> str:
    """The one whose letters all are of one language; of several Windows-1252, or what the detector found."""
    fitness = {
        encoding: _fitness(sample.decode(encoding, "replace"), _LATIN[encoding]) for encoding in _LATIN
    }
    best = max(fitness.values())
    fit = [encoding for encoding, value in fitness.items() if value >= best - _TIE]
    return found if found in fit and fit[0] != WINDOWS_1252 else fit[0]


def _fitness(text: str, alphabets: Sequence[str]) -> float:
    """From -1 to 1: the share of characters beyond ASCII that are letters of one language, less odd ones."""
    counts = Counter(_BEYOND_ASCII.findall(text.lower()))
    known = max(sum(counts[letter] for letter in alphabet) for alphabet in alphabets)
    neutral = sum(counts[character] for character in _PUNCTUATION)
    odd = counts.total() - known - neutral + 2 * len(_WITHIN_A_WORD.findall(text))
    return (known - odd) / max(1, counts.total())
