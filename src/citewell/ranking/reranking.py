"""The ranking after a reranker has seen the first of it."""

from __future__ import annotations

from collections.abc import Sequence
from math import exp

from citewell.model import Explanation, Hit

__all__ = ["reranked", "sigmoid"]


def reranked(hits: Sequence[Hit], scores: Sequence[float]) -> tuple[Hit, ...]:
    """The hits that have a score by it, equal ones in the order in which they came; then the others.

    hits: best first. scores: of the first of them, in [0, 1], which become their relevance. That of the
    others is their former one times the lowest of the scores: nobody has looked at them.
    """
    judged = [
        hit.ranked(score, Explanation(hit.explanation.dense, hit.explanation.lexical, score))
        for hit, score in zip(hits, scores, strict=False)
    ]
    lowest = min(scores, default=1.0)
    others = (hit.ranked(lowest * hit.score, hit.explanation) for hit in hits[len(scores) :])
    return (*sorted(judged, key=lambda hit: -hit.score), *others)


def sigmoid(logit: float) -> float:
    """What a model's logit says, in [0, 1]."""
    if logit < 0:
        return exp(max(logit, -700.0)) / (1 + exp(max(logit, -700.0)))
    return 1 / (1 + exp(-logit))
