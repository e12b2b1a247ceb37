"""From a ranking to the hits that are given: reranked, without copies, and diverse if that is asked for."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Final

from citewell.errors import InvalidInput, RerankerRejected, RerankerUnavailable
from citewell.lexical import WordEncoder
from citewell.model import Degradation, Hit, Mode, SearchOptions
from citewell.ports import LexicalEncoder, Reranker
from citewell.ranking import Distinct, diversified, reranked
from citewell.usecases.rankings import ReadHits

__all__ = ["MAX_RERANK_DEPTH", "RerankStage", "SelectHits", "Selected"]

MAX_RERANK_DEPTH: Final = 50

#: Read beyond those that are wanted: copies rank side by side, so the last one's are mostly among them.
_SPARE: Final = 2
#: So many different options.
_REMEMBERED: Final = 256
#: How many times as many as are wanted diversity has to choose from.
_CHOICE: Final = 4

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class RerankStage:
    """What reranking needs. depth: how many hits are judged."""

    reranker: Reranker
    depth: int = 20
    timeout_seconds: float = 5.0

    def __post_init__(self) -> None:
        if not 1 <= self.depth <= MAX_RERANK_DEPTH:
            raise InvalidInput(f"reranking goes {self.depth} deep; it must be from 1 to {MAX_RERANK_DEPTH}")


@dataclass(frozen=True, slots=True)
class Selected:
    """Hits, best first, and how they were chosen.

    short: copies took so many places of the ranking that a longer one may bring more.
    """

    hits: tuple[Hit, ...]
    short: bool
    reranked: int = 0
    rerank_ms: float = 0.0
    degradations: tuple[Degradation, ...] = ()


@dataclass(frozen=True, slots=True)
class _Judged:
    """The first hits after reranking. lowest: the least score that was given, 1 if none was."""

    hits: Sequence[Hit]
    count: int = 0
    lowest: float = 1.0
    milliseconds: float = 0.0
    degradations: tuple[Degradation, ...] = ()


class SelectHits:
    """Judges the first hits once more, merges copies, and chooses. Reads no more of a ranking than it needs.

    encoder: tells which words passages share, for diversity.
    """

    def __init__(self, *, encoder: LexicalEncoder | None = None, rerank: RerankStage | None = None) -> None:
        self._encoder = encoder or WordEncoder()
        self._stage = rerank
        #: Most questions come with options that have come before.
        self._settled = lru_cache(_REMEMBERED)(self._settle)

    def settled(self, options: SearchOptions) -> SearchOptions:
        """With `rerank` true or false. Raises InvalidInput if it is true and there is no reranker.

        Usually what is fused is reranked: who asks for one leg alone asks for its scores.
        """
        return self._settled(options)

    def _settle(self, options: SearchOptions) -> SearchOptions:
        if options.rerank and self._stage is None:
            raise InvalidInput("`rerank` needs a reranker, and there is none: see APP_RERANK_BACKEND")
        if options.rerank is None:
            usual = self._stage is not None and options.mode is Mode.HYBRID
            return replace(options, rerank=usual)
        return options

    def reads(self, *, top_k: int, options: SearchOptions) -> int:
        """How many hits it reads first."""
        depth = self._stage.depth if self._stage and options.rerank else 0
        return max(_wanted(top_k, options) + _SPARE * options.collapse, depth)

    async def __call__(
        self, question: str, read: ReadHits, *, top_k: int, options: SearchOptions
    ) -> Selected:
        """Up to `top_k` hits of the ranking; the options are settled.

        Where the reranker is away, refuses or takes too long the order stays, and `degradations` says so.
        """
        count = self.reads(top_k=top_k, options=options)
        judged = await self._judged(question, await read(0, count), options)
        hits, short = list(judged.hits), False
        if options.collapse:
            hits, short = await _distinct(judged, read, count=count, options=options, top_k=top_k)
        if options.min_score:
            hits = [hit for hit in hits if hit.score >= options.min_score]
        if options.diversity and len(hits) > 1:
            hits = await asyncio.to_thread(self._diversified, hits, options.diversity, top_k)
        return Selected(tuple(hits[:top_k]), short, judged.count, judged.milliseconds, judged.degradations)

    async def _judged(self, question: str, hits: Sequence[Hit], options: SearchOptions) -> _Judged:
        stage = self._stage
        if stage is None or not options.rerank or not hits:
            return _Judged(hits)
        began = time.perf_counter()
        try:
            async with asyncio.timeout(stage.timeout_seconds):
                scores = await stage.reranker.score(question, hits[: stage.depth])
        except (RerankerUnavailable, RerankerRejected, TimeoutError) as error:
            _log.warning("searching without the reranker: %s: %s", type(error).__name__, error)
            missing = (Degradation.of("reranker", error),)
            return _Judged(hits, milliseconds=_since(began), degradations=missing)
        return _Judged(
            reranked(hits, scores), len(scores), min(scores, default=1.0), milliseconds=_since(began)
        )

    def _diversified(self, hits: Sequence[Hit], diversity: float, top_k: int) -> list[Hit]:
        terms = [self._encoder.passage(hit.chunk.text) for hit in hits]
        return list(diversified(hits, terms, diversity=diversity, k=top_k))


async def _distinct(
    judged: _Judged, read: ReadHits, *, count: int, options: SearchOptions, top_k: int
) -> tuple[list[Hit], bool]:
    """Without copies, and whether there are too few for them; reads on until there are enough."""
    distinct, seen, wanted = Distinct(judged.hits), len(judged.hits), _wanted(top_k, options)
    lowest_score = judged.hits[-1].score if judged.hits else 0.0
    while seen == count and len(distinct) < wanted and lowest_score >= options.min_score:
        more = await read(seen, 2 * seen)
        for hit in more:
            # Nobody has judged them: they stay below those that were.
            distinct.add(hit._replace(relevance=judged.lowest * hit.score))
            lowest_score = judged.lowest * hit.score
        count, seen = 2 * seen, seen + len(more)
    short = len(distinct) < min(top_k, seen) and lowest_score >= options.min_score
    return list(distinct.hits), short


def _wanted(top_k: int, options: SearchOptions) -> int:
    return top_k * _CHOICE if options.diversity else top_k


def _since(began: float) -> float:
    return 1000 * (time.perf_counter() - began)
