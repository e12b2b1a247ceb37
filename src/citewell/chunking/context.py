"""What a passage stands in: the document's title and the headings above it.

It is shown to the embedder and to the analysis of words, in front of the passage, and to nobody else.
"""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_right
from collections.abc import Sequence
from functools import lru_cache
from itertools import accumulate
from typing import Final

from citewell.ports import TokenCounter

__all__ = ["context_of", "in_context", "in_context_within", "shortened", "title_of"]

#: Longer ones would say more of where a passage stands than of what it says.
_MAX_CHARACTERS: Final = 240
_LONGEST_TITLE: Final = 120
_EXTENSION: Final = re.compile(r"\.[A-Za-z][A-Za-z0-9]{0,7}$")
_SEPARATORS: Final = re.compile(r"[\s_+~=,;()\[\]{}]+|%20|--+|(?<=\w)[-.](?=\w)")
#: What tells nothing in a name: UUIDs, hashes, and numbers longer than a date's.
_UUID: Final = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_HASH: Final = re.compile(r"(?=.*\d)(?=.*[a-f])[0-9a-f]{8,}|[0-9a-f]{20,}|\d{9,}", re.IGNORECASE)
_LETTER: Final = re.compile(r"[^\W\d_]")
_WORD: Final = re.compile(r"[^\W\d_]{2}")
_WORDS: Final = re.compile(r"\S+")
_ITEM: Final = re.compile(r"\s*(?:$|[•‣◦▪●○■·*+–—-]\s)")


@lru_cache(64)  # all passages of a document ask for it
def title_of(name: str) -> str:
    """What a document's name says of it: the stem, words instead of separators; empty if it says nothing.

    `AMCOR_2022_10K.pdf` is `AMCOR 2022 10K`. Hashes and long numbers are left out. Numbers alone say nothing,
    nor does a lone number with a letter: `4983.txt`, `p17.txt`.
    """
    stem = _EXTENSION.sub("", unicodedata.normalize("NFC", name).rsplit("/", 1)[-1])
    words = [word for word in _SEPARATORS.split(_UUID.sub(" ", stem)) if word and not _HASH.fullmatch(word)]
    says = any(map(_WORD.search, words)) or (len(words) > 1 and any(map(_LETTER.search, words)))
    return " ".join(words) if says else ""


def context_of(name: str, heading_path: Sequence[str], text: str) -> str:
    """The context of a passage `text` of the document `name`: at most 240 characters, maybe none.

    A line each: the title, then the headings from the outermost inwards, without those with which the passage
    begins and what is rather an item of a list. The outer headings give way where not all fit.
    """
    beginning = text[:_MAX_CHARACTERS]
    title = title_of(name)[:_LONGEST_TITLE].rstrip()
    headings = [each for each in heading_path if each not in beginning and not _ITEM.match(each)]
    room = _MAX_CHARACTERS - len(title)
    lengths = list(accumulate(len(heading) + 1 for heading in reversed(headings)))
    kept = headings[len(headings) - bisect_right(lengths, room) :]
    return "\n".join(filter(None, [title, *kept]))


def in_context(text: str, *, name: str, heading_path: Sequence[str]) -> str:
    """The context of a passage, a blank line, and the passage: what its words are taken from."""
    context = context_of(name, heading_path, text)
    return f"{context}\n\n{text}" if context else text


def in_context_within(
    max_tokens: int, text: str, *, name: str, heading_path: Sequence[str], count_tokens: TokenCounter
) -> str:
    """As `in_context`, in at most `max_tokens` if the passage itself is: what is embedded.

    The context loses its last words until it fits.
    """
    whole = in_context(text, name=name, heading_path=heading_path)
    return shortened(whole, text, max_tokens=max_tokens, count_tokens=count_tokens)


def shortened(whole: str, text: str, *, max_tokens: int, count_tokens: TokenCounter) -> str:
    """What `in_context_within` gives; whole: what `in_context` gave of the passage `text`."""
    if count_tokens(whole) <= max_tokens:
        return whole
    context = whole[: len(whole) - len(text)]
    ends = [word.end() for word in _WORDS.finditer(context)]

    def cost(end: int) -> int:
        return count_tokens(f"{context[:end]}\n\n{text}")

    kept = bisect_right(ends, max_tokens, key=cost)
    return f"{context[: ends[kept - 1]]}\n\n{text}" if kept else text
