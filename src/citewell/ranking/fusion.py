"""Fusing the dense and the lexical leg.

Convex: each leg's scores are stretched to 0-1 over its candidates (min-max) and added by weight, as in Bruch,
Gai and Ingber 2023. RRF: 1 / (60 + rank), added by weight, as in Cormack, Clarke and Büttcher 2009. A chunk
that a leg did not bring gets nothing from it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from operator import add
from typing import Final, overload

from citewell.model import Candidate, Candidates, Explanation, Fusion, LegScore, Mode, Ranked

__all__ = ["rank"]

_RRF_K: Final = 60


def rank(
    candidates: Candidates, *, mode: Mode, fusion: Fusion = Fusion.CONVEX, vector_weight: float
) -> Sequence[Ranked]:
    """All candidates, best first; equal ones by ChunkRef.

    What both legs rank in one order stays in that order. Relevance, in [0, 1], by mode: dense,
    (1 + cosine) / 2; lexical, BM25 as a share of the highest that the question could reach; hybrid, the fused
    score, which is relative to the other candidates.
    """
    items = candidates.items
    # What is sorted after this keeps it where scores are equal. To compare numbers takes a tenth of the time
    # that ids take.
    by_ref = sorted(range(len(items)), key=lambda i: (items[i].document_id.int, items[i].chunk_index))
    dense = _leg([each.similarity for each in items], by_ref)
    lexical = _leg([each.bm25 for each in items], by_ref)
    if mode is Mode.HYBRID:
        weight = vector_weight if dense.best_first and lexical.best_first else float(bool(dense.best_first))
        dense.contribute(share=weight, fusion=fusion)
        lexical.contribute(share=1 - weight, fusion=fusion)
    relevances = _relevances(mode, dense, lexical, highest_bm25=candidates.highest_bm25)
    # Of equal scores the one that the legs together rank higher: a leg's last candidate is worth no more
    # than one that it did not bring, but it was brought.
    last = len(items) + 1
    ranks = [(one or last) + (other or last) for one, other in zip(dense.ranks, lexical.ranks, strict=True)]
    order = sorted(sorted(by_ref, key=ranks.__getitem__), key=relevances.__getitem__, reverse=True)
    return _Ranking(items, order, relevances, dense, lexical)


@dataclass(slots=True)
class _Leg:
    """What a leg says of each candidate, in their order. ranks: from 1, 0 for one that it did not bring."""

    scores: Sequence[float | None]
    best_first: Sequence[int]
    ranks: Sequence[int]
    contributions: list[float]

    def contribute(self, *, share: float, fusion: Fusion) -> None:
        """Set what each adds to the fused score."""
        if not self.best_first:
            return
        if fusion is Fusion.RRF:
            for i in self.best_first:
                self.contributions[i] = share * (_RRF_K + 1) / (_RRF_K + self.ranks[i])
            return
        high, low = self._score(self.best_first[0]), self._score(self.best_first[-1])
        spread = high - low
        for i in self.best_first:
            self.contributions[i] = share * ((self.scores[i] or 0.0) - low) / spread if spread > 0 else share

    def score(self, i: int) -> LegScore | None:
        """Of candidate `i`, None if it did not bring it."""
        rank = self.ranks[i]
        return LegScore(rank, self._score(i), self.contributions[i]) if rank else None

    def _score(self, i: int) -> float:
        return self.scores[i] or 0.0


class _Ranking(Sequence[Ranked]):
    """Candidates in their order. Most are never looked at, so what is said of one is made when it is."""

    def __init__(
        self,
        items: Sequence[Candidate],
        order: Sequence[int],
        relevances: Sequence[float],
        dense: _Leg,
        lexical: _Leg,
    ) -> None:
        self._items = items
        self._order = order
        self._relevances = relevances
        self._dense = dense
        self._lexical = lexical

    def __len__(self) -> int:
        return len(self._order)

    @overload
    def __getitem__(self, place: int) -> Ranked: ...
    @overload
    def __getitem__(self, place: slice) -> Sequence[Ranked]: ...

    def __getitem__(self, place: int | slice) -> Ranked | Sequence[Ranked]:
        if isinstance(place, slice):
            return tuple(map(self._ranked, self._order[place]))
        return self._ranked(self._order[place])

    def _ranked(self, i: int) -> Ranked:
        explanation = Explanation(self._dense.score(i), self._lexical.score(i))
        return Ranked(self._items[i], self._relevances[i], explanation)


def _leg(scores: Sequence[float | None], by_ref: Sequence[int]) -> _Leg:
    """By rank: best first, equal scores by ChunkRef."""
    found = [score or 0.0 for score in scores]
    brought = [i for i in by_ref if scores[i] is not None]
    best_first = sorted(brought, key=found.__getitem__, reverse=True)
    ranks = [0] * len(scores)
    for rank, i in enumerate(best_first, start=1):
        ranks[i] = rank
    return _Leg(scores, best_first, ranks, [0.0] * len(scores))


def _relevances(mode: Mode, dense: _Leg, lexical: _Leg, *, highest_bm25: float) -> Sequence[float]:
    if mode is Mode.DENSE:
        relevances = [(1 + (score or 0.0)) / 2 for score in dense.scores]
    elif mode is Mode.LEXICAL:
        relevances = [(score or 0.0) / highest_bm25 if highest_bm25 else 0.0 for score in lexical.scores]
    else:
        relevances = list(map(add, dense.contributions, lexical.contributions))
    return [min(1.0, max(0.0, relevance)) for relevance in relevances]
