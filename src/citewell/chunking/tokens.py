"""Estimates what a text costs a language model, without the model's own vocabulary."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

from citewell.remembering import Remembered

__all__ = ["approximate_tokens", "prefix_within"]

# In a word each match is one token of the estimate: byte-pair vocabularies hold frequent words whole and cut
# the others into pieces of some four letters, fewer in other alphabets, and of less than one character in the
# rest.
_PIECES: Final = re.compile(
    r"[A-Z]?[a-z]{1,5}"
    r"|[A-Z]{1,2}|[0-9]{1,2}"
    r"|[\u0370-\u052f]{1,2}"  # Greek and Cyrillic
    r"|."
)
# Between words: a single space costs nothing. The same as `\s{2,16}|\n`, in half the time.
_SPACES: Final = re.compile(r"\s(?:\s{1,15}|(?<=\n))")
# South and South-East Asian scripts cost about two tokens a character, ideographs and emoji one and a half.
_TWO_TOKENS: Final = re.compile(r"[\u0900-\u1fff]")
_ONE_AND_A_HALF: Final = re.compile(r"[\u2e80-\uffff\U00010000-\U0010ffff]")
# Of passages, for as long as a window of text is cut into them; other texts come but once.
_SHORTEST_REMEMBERED: Final = 256
_LONGEST_REMEMBERED: Final = 2_048
_MOST_REMEMBERED: Final = 512


def _pieces(word: str) -> int:
    return len(_PIECES.findall(word))


_WORDS: Final = Remembered(_pieces, most=1 << 14)


def approximate_tokens(text: str) -> int:
    """About how many tokens byte-pair models make of `text`; for most texts a little more than they do.

    A TokenCounter: 0 for the empty text, never less for a longer text than for its prefix.
    """
    # A passage is counted when it is cut, and again when it has become a chunk.
    return _remembered(text) if _SHORTEST_REMEMBERED <= len(text) <= _LONGEST_REMEMBERED else _tokens(text)


def _tokens(text: str) -> int:
    words = text.split()
    tokens = sum(map(_WORDS.__getitem__, words))
    # Of this length there is one character of white space between any two words, and none around them.
    is_single = len(" ".join(words)) == len(text)
    tokens += text.count("\n") if is_single else len(_SPACES.findall(text))
    if not text.isascii():
        tokens += len(_TWO_TOKENS.findall(text)) + (len(_ONE_AND_A_HALF.findall(text)) + 1) // 2
    return tokens


_remembered = lru_cache(_MOST_REMEMBERED)(_tokens)


def prefix_within(text: str, max_tokens: int) -> str:
    """The longest prefix of `text` that costs at most `max_tokens` by `approximate_tokens`."""
    # No character costs more than two tokens, and no token of the estimate spans more than 17 characters.
    if 2 * len(text) <= max_tokens or approximate_tokens(text) <= max_tokens:
        return text
    low, high = 0, min(len(text), 17 * (max_tokens + 1))
    while low < high:
        middle = (low + high + 1) // 2
        if approximate_tokens(text[:middle]) <= max_tokens:
            low = middle
        else:
            high = middle - 1
    return text[:low]
