"""Finding a quote in a text, whatever white space, case and typography it was written with."""

from __future__ import annotations

import unicodedata
from typing import Final

from citewell.lexical import words
from citewell.lexical.stopwords import STOP_WORDS
from citewell.lexical.words import is_unspaced
from citewell.model import Span

__all__ = ["NormalText", "best_sentence"]

_SAME: Final = str.maketrans(
    {
        **dict.fromkeys("‘’‚‛′´`‹›", "'"),
        **dict.fromkeys("“”„‟″«»", '"'),
        **dict.fromkeys("‐‑‒–—―−", "-"),
    }
)
#: Soft hyphens and joiners: written or not as one likes.
_IGNORED: Final = frozenset("\u00ad\u200b\u200c\u200d\u2060\ufeff")
#: What a model adds at the ends of a quote, or leaves out there.
_ENDS: Final = " .,;:…'\""
_COMMON: Final = frozenset().union(*STOP_WORDS.values())
_SENTENCE_END: Final = frozenset(".!?。!?\n")


class NormalText:
    """A text in which quotes are looked for: NFKC, without case, each run of white space one space."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._normal, self._origins = _normalised(text)

    def find(self, quote: str) -> Span | None:
        """Where the quote stands in the text, the first time, in whole words; None if it does not.

        Full stops, commas, ellipses and quotation marks at the ends of the quote do not count.
        """
        normal, _ = _normalised(quote)
        for wanted in dict.fromkeys((normal.strip(), normal.strip(_ENDS))):
            if any(sign.isalnum() for sign in wanted) and (span := self._find_words(wanted)):
                return span
        return None

    def _find_words(self, wanted: str) -> Span | None:
        start = self._normal.find(wanted)
        while start >= 0:
            end = start + len(wanted)
            if _is_boundary(self._normal, start) and _is_boundary(self._normal, end):
                return Span(self._origins[start], self._origins[end - 1] + 1)
            start = self._normal.find(wanted, start + 1)
        return None


def best_sentence(text: str, statement: str) -> Span | None:
    """The sentence or line of `text` that shares most words with the statement; None if none does."""
    wanted = set(words(statement)) - _COMMON
    best, most = None, 0
    for span in _sentences(text):
        shared = len(wanted.intersection(words(span.of(text))))
        if shared > most:
            best, most = span, shared
    return best


def _sentences(text: str) -> list[Span]:
    found: list[Span] = []
    start = 0
    for at, sign in enumerate(text):
        is_end = sign in _SENTENCE_END and (at + 1 == len(text) or sign == "\n" or not text[at + 1].isalnum())
        if is_end or at + 1 == len(text):
            part = text[start : at + 1]
            if part.strip():
                found.append(Span(start + len(part) - len(part.lstrip()), start + len(part.rstrip())))
            start = at + 1
    return found


def _is_boundary(text: str, at: int) -> bool:
    if at == 0 or at == len(text):
        return True
    before, after = text[at - 1], text[at]
    if not (before.isalnum() and after.isalnum()):
        return True
    return is_unspaced(before) or is_unspaced(after)


def _normalised(text: str) -> tuple[str, list[int]]:
    """The text as it is compared, and for each of its characters the offset of what it is made of."""
    signs: list[str] = []
    origins: list[int] = []
    for at, sign in enumerate(text):
        if sign in _IGNORED:
            continue
        if sign.isspace():
            if signs and signs[-1] == " ":
                continue
            made = " "
        elif sign.isascii():
            made = sign.lower().translate(_SAME)
        else:
            # Before NFKC, which makes a space and a mark of some of them.
            made = unicodedata.normalize("NFKC", sign.translate(_SAME)).casefold().translate(_SAME)
        signs.extend(made)
        origins.extend([at] * len(made))
    return "".join(signs), origins
