"""BM25 in memory: every chunk is looked at."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from struct import pack, unpack

from citewell.lexical import highest_weight, inverse_document_frequency, rarest, term_weights

__all__ = ["WordStatistics"]


class WordStatistics:
    """What the words of a question are worth among some chunks.

    words: for each the terms that it may be. chunks: the terms of each chunk, None for one without.
    """

    def __init__(self, words: Sequence[Sequence[int]], chunks: Iterable[Mapping[int, int] | None]) -> None:
        total, frequencies = 0, [0] * len(words)
        for terms in chunks:
            total += 1
            for position, word in enumerate(words):
                frequencies[position] += sum(term in (terms or ()) for term in word)
        idfs = [inverse_document_frequency(count, total=total) for count in frequencies]
        self._idf = {term: idf for word, idf in zip(words, idfs, strict=True) for term in word}
        self._rare = {term for position in rarest(frequencies) for term in words[position]}
        self.highest_score = sum(idfs) * highest_weight()

    def score(self, terms: Mapping[int, int] | None) -> float:
        """The BM25 of a chunk; 0 if none of the words is in it."""
        return sum(
            self._idf[term] * _single_precision(weight)
            for term, weight in term_weights(terms or {}).items()
            if term in self._idf
        )

    def has_rare(self, terms: Mapping[int, int] | None) -> bool:
        """Whether one of the rarest words is in a chunk."""
        return not self._rare.isdisjoint(terms or ())


def _single_precision(number: float) -> float:
    """As a database keeps it, so that equal scores are equal there and here."""
    rounded: float = unpack("f", pack("f", number))[0]
    return rounded
