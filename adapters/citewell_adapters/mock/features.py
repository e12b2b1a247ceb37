"""Feature hashing: which dimensions the words of a text light up, and how strongly.

Signed feature hashing as in Weinberger et al. 2009: a feature's hash gives one dimension and a sign, so that
collisions cancel out on average. All weights are whole numbers: every machine adds them up to the same sum.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Iterable, Iterator
from functools import lru_cache
from hashlib import blake2b
from typing import Final

from citewell.lexical import PLAIN
from citewell_adapters.mock.common_words import COMMON_WORDS

__all__ = ["Features", "term_features", "terms"]

#: The dimensions of one term and its signed weight on each.
Features = tuple[tuple[int, int], ...]

# Scripts that are written without spaces: ideographs and kana, Thai and Lao, Burmese, Khmer.
_UNSPACED: Final = (
    r"\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
    r"\U00020000-\U0003ffff"
)
# What `\w` leaves out of words: combining marks, of Hebrew, Arabic and the Indic scripts above all.
_MARKS: Final = (
    r"\u0300-\u036f\u0483-\u0487\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7\u064b-\u065f\u0670"
    r"\u06d6-\u06ed\u0900-\u0963\u0966-\u0dff\u0f71-\u0f84"
)
_PLAIN_WORDS: Final = re.compile(r"[a-z0-9]+")
_TOKENS: Final = re.compile(rf"(?P<unspaced>[{_UNSPACED}]+)|(?:(?![_{_UNSPACED}])[\w{_MARKS}])+")

_WORD_WEIGHT: Final = 1000
_SHORT_WEIGHTS: Final = {1: 700, 2: 700, 3: 900}
_COMMON_WEIGHT: Final = 400
_SHARE_OF_TRIGRAMS: Final = 0.6
_LONGEST_WORD: Final = 40


def terms(text: str) -> Iterable[str]:
    """The words of `text`, normalised; of scripts without spaces, each two neighbouring characters."""
    if text.isascii():
        return _PLAIN_WORDS.findall(text.lower())
    normal = unicodedata.normalize("NFKC", text).casefold()
    return _PLAIN_WORDS.findall(normal) if PLAIN.fullmatch(normal) else _other_terms(normal)


def _other_terms(normal: str) -> Iterator[str]:
    for match in _TOKENS.finditer(normal):
        token = match.group()
        if match["unspaced"] is None or len(token) == 1:
            yield token
        else:
            yield from (token[start : start + 2] for start in range(len(token) - 1))


def term_features(term: str, *, dimensions: int) -> Features:
    """The term itself on one dimension, and its trigrams, which related words share, on some more."""
    weight = _weight(term)
    features = [_feature(_number(f"word {term}"), weight, dimensions)]
    trigrams = _trigrams(term)
    share = round(weight * _SHARE_OF_TRIGRAMS / math.sqrt(len(trigrams))) if trigrams else 0
    features += [_feature(_trigram_number(trigram), share, dimensions) for trigram in trigrams]
    return tuple(features)


def _weight(term: str) -> int:
    if term in COMMON_WORDS:
        return _COMMON_WEIGHT
    if term[0] >= "\u0e00":  # two characters of these scripts are a word, not a short one
        return _WORD_WEIGHT
    return _SHORT_WEIGHTS.get(len(term), _WORD_WEIGHT)


def _trigrams(term: str) -> list[str]:
    if len(term) < 4:
        return []
    padded = f"<{term[:_LONGEST_WORD]}>"
    return [padded[start : start + 3] for start in range(len(padded) - 2)]


def _feature(number: int, weight: int, dimensions: int) -> tuple[int, int]:
    return (number >> 1) % dimensions, weight if number & 1 else -weight


def _number(name: str) -> int:
    digest = blake2b(name.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "little")


@lru_cache(1 << 14)
def _trigram_number(trigram: str) -> int:
    return _number(f"part {trigram}")
