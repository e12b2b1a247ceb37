"""Rankings of chunks, whose texts are read for those alone that are looked at."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from citewell.model import Explanation, Hit, LegScore, Ranked, Scope, SearchOptions, SearchTrace, Vector
from citewell.ports import LexicalStore, VectorStore
from citewell.ranking import rank, weigh

__all__ = [
    "FusedRanking",
    "HitsGone",
    "MakeRanking",
    "NearestRanking",
    "Ranking",
    "ReadHits",
    "SearchDefaults",
]

#: The hits of a ranking from one place to below another, fewer where it ends before. Raises HitsGone.
ReadHits = Callable[[int, int], Awaitable[Sequence[Hit]]]


class HitsGone(Exception):
    """A document that was found was replaced or deleted before its texts were read."""


@dataclass(frozen=True, slots=True)
class SearchDefaults:
    """What holds where a search does not say otherwise. candidates: of each leg, without a filter."""

    vector_weight: float = 0.4
    candidates: int = 100

    def candidates_within(self, scope: Scope) -> int:
        """Half as many where a filter has passed over the others: each costs more to find then."""
        return self.candidates if scope.filter is None else max(1, self.candidates // 2)


@dataclass(frozen=True, slots=True)
class Ranking:
    """Chunks, best first. is_all: whether a longer ranking would hold no others."""

    read: ReadHits
    trace: SearchTrace
    is_all: bool


class MakeRanking(Protocol):
    """Finds and ranks the best `k` of each leg. Unless strict, hits that are gone are left out."""

    async def __call__(self, k: int, *, strict: bool) -> Ranking: ...


class NearestRanking:
    """What the vectors alone find, texts and all, in one round trip."""

    def __init__(self, vectors: VectorStore, vector: Vector, *, scope: Scope) -> None:
        self._vectors = vectors
        self._vector = vector
        self._scope = scope

    async def __call__(self, k: int, *, strict: bool) -> Ranking:  # noqa: ARG002 - nothing is read later
        hits = [
            hit.ranked(None, Explanation(LegScore(place, hit.similarity, 0.0)))
            for place, hit in enumerate(
                await self._vectors.search(self._vector, k=k, scope=self._scope), start=1
            )
        ]

        async def read(start: int, stop: int) -> Sequence[Hit]:
            return hits[start:stop]

        return Ranking(read, SearchTrace(dense_seen=len(hits)), is_all=len(hits) < k)


class FusedRanking:
    """What both legs bring, or the words alone. vector: None to go by the words."""

    def __init__(
        self,
        store: LexicalStore,
        vector: Vector | None,
        words: Sequence[Sequence[int]],
        *,
        scope: Scope,
        options: SearchOptions,
        defaults: SearchDefaults,
    ) -> None:
        self._store = store
        self._vector = vector
        self._words = words
        self._scope = scope
        self._options = options
        self._defaults = defaults

    async def __call__(self, k: int, *, strict: bool) -> Ranking:
        options = self._options
        candidates = await self._store.candidates(self._vector, self._words, k=k, scope=self._scope)
        weight = weigh(candidates, asked=options.vector_weight, usual=self._defaults.vector_weight)
        ranked = rank(candidates, mode=options.mode, fusion=options.fusion, vector_weight=weight)

        async def read(start: int, stop: int) -> Sequence[Hit]:
            return await self._read(ranked[start:stop], strict=strict)

        count = len(candidates.items)
        dense_seen = count - [candidate.similarity for candidate in candidates.items].count(None)
        lexical_seen = count - [candidate.bm25 for candidate in candidates.items].count(None)
        trace = SearchTrace(
            dense_seen=dense_seen, lexical_seen=lexical_seen, vector_weight=weight, plan=candidates.plan
        )
        return Ranking(read, trace, is_all=max(dense_seen, lexical_seen) < k)

    async def _read(self, ranked: Sequence[Ranked], *, strict: bool) -> Sequence[Hit]:
        if not ranked:
            return []
        hits = await self._store.hits([one.candidate for one in ranked])
        if strict and None in hits:
            raise HitsGone
        return [
            hit.ranked(one.relevance, one.explanation)
            for one, hit in zip(ranked, hits, strict=True)
            if hit is not None
        ]
