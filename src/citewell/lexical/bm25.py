"""BM25 as in Robertson and Zaragoza 2009, eq. 3.15, cut in two: the passage's weights and the question's.

The score of a passage is the sum over the question's words of idf(word) x weight(word in the passage). The
passage's part is stored, so it must not depend on what else is stored: lengths are normalised by a fixed
AVERAGE_LENGTH. Where the true average is half or double, this is BM25 with k1 0.75 and b 0.6, or k1 2.1 and
b 0.86: inside the range in which the two are tuned anyway.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import log
from typing import Final

__all__ = [
    "AVERAGE_LENGTH",
    "MAX_RARE_CHUNKS",
    "highest_weight",
    "inverse_document_frequency",
    "rarest",
    "term_weights",
]

_K1: Final = 1.2
_B: Final = 0.75

#: The length of a common passage, in terms without stop words.
AVERAGE_LENGTH: Final = 100.0

#: Passages are looked for by the rarest words of a question, up to so many passages in sum.
MAX_RARE_CHUNKS: Final = 3_000


def term_weights(terms: Mapping[int, int]) -> dict[int, float]:
    """What each term weighs in a passage in which the terms occur so often: in (0, 2.2)."""
    length = sum(terms.values())
    norm = _K1 * (1 - _B + _B * length / AVERAGE_LENGTH)
    return {term: count * (_K1 + 1) / (count + norm) for term, count in terms.items()}


def highest_weight() -> float:
    """What no term's weight reaches."""
    return _K1 + 1


def inverse_document_frequency(chunks: int, *, total: int) -> float:
    """What a word is worth that `chunks` of `total` passages contain; never negative."""
    return log(1 + (max(total - chunks, 0) + 0.5) / (chunks + 0.5))


def rarest(frequencies: Sequence[int]) -> list[int]:
    """The positions of the rarest words that occur at all, up to MAX_RARE_CHUNKS in sum, but at least one.

    Equally rare words in their order.
    """
    chosen: list[int] = []
    total = 0
    for position in sorted(range(len(frequencies)), key=lambda position: (frequencies[position], position)):
        if not frequencies[position]:
            continue
        total += frequencies[position]
        if chosen and total > MAX_RARE_CHUNKS:
            break
        chosen.append(position)
    return chosen
