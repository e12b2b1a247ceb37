"""Maximal marginal relevance, as in Carbonell and Goldstein 1998: good passages that differ."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import log, sqrt

from citewell.model import Hit

__all__ = ["diversified"]


def diversified(
    hits: Sequence[Hit], terms: Sequence[Mapping[int, int]], *, diversity: float, k: int
) -> tuple[Hit, ...]:
    """`k` of the hits, in the order in which they are chosen, the best one first.

    Each time the hit is taken whose relevance, stretched to 0-1 over the hits, times (1 - diversity), less
    diversity times its similarity to the most similar hit that was taken, is highest; of equal ones the
    first. terms: how often each term is in each hit. The similarity is the cosine of their vectors, a term's
    weight being (1 + ln count) x ln(1 + hits / hits with it).
    """
    vectors = _vectors(terms)
    relevance = _stretched([hit.score for hit in hits])
    nearest = [0.0] * len(hits)
    left = list(range(len(hits)))
    chosen: list[int] = []
    while left and len(chosen) < k:
        best = max(left, key=lambda i: ((1 - diversity) * relevance[i] - diversity * nearest[i], -i))
        left.remove(best)
        chosen.append(best)
        for i in left:
            nearest[i] = max(nearest[i], _cosine(vectors[i], vectors[best]))
    return tuple(hits[i] for i in chosen)


def _vectors(terms: Sequence[Mapping[int, int]]) -> list[dict[int, float]]:
    having: dict[int, int] = {}
    for counts in terms:
        for term in counts:
            having[term] = having.get(term, 0) + 1
    weighted = [
        {term: (1 + log(count)) * log(1 + len(terms) / having[term]) for term, count in counts.items()}
        for counts in terms
    ]
    lengths = [sqrt(sum(weight * weight for weight in vector.values())) or 1.0 for vector in weighted]
    return [
        {term: weight / length for term, weight in vector.items()}
        for vector, length in zip(weighted, lengths, strict=True)
    ]


def _cosine(one: Mapping[int, float], other: Mapping[int, float]) -> float:
    if len(other) < len(one):
        one, other = other, one
    return sum(weight * other[term] for term, weight in one.items() if term in other)


def _stretched(scores: Sequence[float]) -> list[float]:
    low, high = min(scores, default=0.0), max(scores, default=0.0)
    return [(score - low) / (high - low) if high > low else 1.0 for score in scores]
