"""Fusing the dense and the lexical leg.

Convex: each leg's scores are stretched to 0-1 over its candidates (min-max) and added by weight, as in Bruch,
Gai and Ingber 2023. RRF: 1 / (60 + rank), added by weight, as in Cormack, Clarke and Büttcher 2009. A chunk
that a leg did not bring gets nothing from it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from citewell.model import Candidate, Candidates, ChunkRef, Explanation, Fusion, LegScore, Mode, Ranked

__all__ = ["rank"]

_RRF_K: Final = 60


def rank(
    candidates: Candidates, *, mode: Mode, fusion: Fusion = Fusion.CONVEX, vector_weight: float
) -> tuple[Ranked, ...]:
    """All candidates, best first; equal ones by ChunkRef.

    What both legs rank in one order stays in that order. Relevance, in [0, 1], by mode: dense,
    (1 + cosine) / 2; lexical, BM25 as a share of the highest that the question could reach; hybrid, the fused
    score, which is relative to the other candidates.
    """
    dense = _leg({c.ref: c.similarity for c in candidates.items if c.similarity is not None})
    lexical = _leg({c.ref: c.bm25 for c in candidates.items if c.bm25 is not None})
    if mode is Mode.HYBRID:
        weight = vector_weight if dense and lexical else float(bool(dense))
        dense, lexical = (
            _contributing(dense, share=weight, fusion=fusion),
            _contributing(lexical, share=1 - weight, fusion=fusion),
        )
    ranked = [
        _ranked(candidate, mode=mode, highest_bm25=candidates.highest_bm25, dense=dense, lexical=lexical)
        for candidate in candidates.items
    ]
    # Of equal scores the one that the legs together rank higher: a leg's last candidate is worth no more
    # than one that it did not bring, but it was brought.
    last = len(ranked) + 1
    return tuple(sorted(ranked, key=lambda one: (-one.relevance, _ranks(one, last=last), one.candidate.ref)))


def _leg(scores: Mapping[ChunkRef, float]) -> dict[ChunkRef, LegScore]:
    """By rank: best first, equal scores by ChunkRef."""
    ordered = sorted(scores, key=lambda ref: (-scores[ref], ref))
    return {ref: LegScore(rank, scores[ref], 0.0) for rank, ref in enumerate(ordered, start=1)}


def _contributing(
    leg: Mapping[ChunkRef, LegScore], *, share: float, fusion: Fusion
) -> dict[ChunkRef, LegScore]:
    if not leg:
        return {}
    scores = [score.score for score in leg.values()]
    low, high = min(scores), max(scores)

    def normal(score: LegScore) -> float:
        if fusion is Fusion.RRF:
            return (_RRF_K + 1) / (_RRF_K + score.rank)
        return (score.score - low) / (high - low) if high > low else 1.0

    return {ref: replace(score, contribution=share * normal(score)) for ref, score in leg.items()}


def _ranked(
    candidate: Candidate,
    *,
    mode: Mode,
    highest_bm25: float,
    dense: Mapping[ChunkRef, LegScore],
    lexical: Mapping[ChunkRef, LegScore],
) -> Ranked:
    ref = candidate.ref
    explanation = Explanation(dense.get(ref), lexical.get(ref))
    if mode is Mode.DENSE:
        relevance = (1 + (candidate.similarity or 0.0)) / 2
    elif mode is Mode.LEXICAL:
        relevance = (candidate.bm25 or 0.0) / highest_bm25 if highest_bm25 else 0.0
    else:
        legs = (explanation.dense, explanation.lexical)
        relevance = sum(leg.contribution for leg in legs if leg is not None)
    return Ranked(candidate, min(1.0, max(0.0, relevance)), explanation)


def _ranks(one: Ranked, *, last: int) -> int:
    legs = (one.explanation.dense, one.explanation.lexical)
    return sum(last if leg is None else leg.rank for leg in legs)
