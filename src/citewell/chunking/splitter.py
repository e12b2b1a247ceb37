"""Splitting by headings, paragraphs and sentences into passages of bounded size."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from citewell.chunking.breaks import Strength
from citewell.chunking.cuts import Cutter, Limits
from citewell.chunking.headings import HeadingPlaces
from citewell.errors import InvalidInput
from citewell.model import Heading, Span
from citewell.ports import TokenCounter

__all__ = ["CHARACTERS_PER_TOKEN", "SentenceChunker"]

#: No passage has more characters than this for each token it may have: to some tokenizers a word of any
#: length is one token.
CHARACTERS_PER_TOKEN: Final = 16
_MARK: Final = re.compile(r"\S")


class SentenceChunker:
    """A Chunker that follows the structure of the text.

    Passages end before headings, else at paragraphs, sentences, lines, words, and within a word only where a
    single word is too long; never right behind a heading. Lists, tables and code are cut only where no
    paragraph or sentence before them ends a passage that is full enough, and then between items, rows or
    lines. What introduces something stays with it: a paragraph that ends with a colon, a title's line.
    A passage costs at most `max_tokens` as `count_tokens` counts its text, and has at most 16 times as many
    characters; a single character that costs more is a passage all the same. It begins with the last whole
    sentences of the one before, up to `overlap_tokens`, or where that one ended within a sentence, with its
    last lines or words; after a cut before a heading it repeats nothing.
    """

    def __init__(self, *, max_tokens: int, overlap_tokens: int, count_tokens: TokenCounter) -> None:
        """Raises InvalidInput unless 0 <= overlap_tokens <= max_tokens / 2 and max_tokens is positive."""
        if max_tokens < 1 or not 0 <= overlap_tokens <= max_tokens // 2:
            raise InvalidInput(
                f"a passage has at least 1 token and repeats at most half of them, not {max_tokens} "
                f"with an overlap of {overlap_tokens}"
            )
        self._limits = Limits(
            tokens=max_tokens,
            characters=CHARACTERS_PER_TOKEN * max_tokens,
            overlap_tokens=overlap_tokens,
            overlap_characters=CHARACTERS_PER_TOKEN * overlap_tokens,
        )
        self._count = count_tokens
        self._joint = _fixed_cost(count_tokens)

    def split(self, text: str, *, headings: Sequence[Heading] = ()) -> Sequence[Span]:
        """As Chunker.split."""
        first = _MARK.search(text)
        if first is None:
            return ()
        cutter = Cutter(
            text,
            headings=HeadingPlaces(text, headings),
            limits=self._limits,
            count_tokens=self._count,
            joint=self._joint,
        )
        cut = cutter.cut(first.start())
        spans = [Span(cut.start, cut.end)]
        while cut.strength is not Strength.END:
            cut = cutter.next(cut)
            spans.append(Span(cut.start, cut.end))
        return tuple(spans)


def _fixed_cost(count_tokens: TokenCounter) -> int:
    """What the counter adds to every text, such as for a begin and an end mark; a passage bears it once."""
    sentence = "This is a sentence of nine words, or so."
    one, nine = count_tokens(sentence), count_tokens(" ".join([sentence] * 9))
    return max(0, (9 * one - nine) // 8)
