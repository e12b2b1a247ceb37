"""From a question to the chunks that answer it."""

from __future__ import annotations

import asyncio
import logging
import time
from dataclasses import dataclass, replace
from typing import Final

from citewell.errors import EmbedderUnavailable, InvalidInput
from citewell.model import (
    Explanation,
    Found,
    Hit,
    LegScore,
    Mode,
    Ranked,
    Scope,
    SearchOptions,
    SearchTrace,
    Vector,
)
from citewell.ports import DocumentStore, Embedder, LexicalEncoder, LexicalStore, PassageStore, VectorStore
from citewell.ranking import rank, weigh
from citewell.usecases.expand import expanded

__all__ = ["MAX_QUESTION_CHARACTERS", "MAX_TOP_K", "LexicalLeg", "Search", "SearchDefaults"]

MAX_QUESTION_CHARACTERS: Final = 8_000
MAX_TOP_K: Final = 100

_log = logging.getLogger(__name__)

_USUAL: Final = SearchOptions()

#: A document that was found may be replaced or deleted before its texts are read: then all is searched anew,
#: so that no reply is of two moments.
_TRIES: Final = 3


@dataclass(frozen=True, slots=True)
class LexicalLeg:
    """What searching by words needs."""

    store: LexicalStore
    encoder: LexicalEncoder


@dataclass(frozen=True, slots=True)
class SearchDefaults:
    """What holds where a search does not say otherwise."""

    vector_weight: float = 0.4
    candidates: int = 100


class Search:
    """Embeds the question and analyses its words, takes the candidates of both legs, and ranks
    them.

    Without a lexical leg every search is dense; without passages none can be expanded.
    """

    def __init__(
        self,
        *,
        embedder: Embedder,
        vectors: VectorStore,
        documents: DocumentStore,
        lexical: LexicalLeg | None = None,
        passages: PassageStore | None = None,
        defaults: SearchDefaults = SearchDefaults(),
    ) -> None:
        self._embedder = embedder
        self._vectors = vectors
        self._documents = documents
        self._lexical = lexical
        self._passages = passages
        self._defaults = defaults

    async def __call__(
        self, question: str, *, scope: Scope, top_k: int = 5, options: SearchOptions = _USUAL
    ) -> Found:
        """Up to `top_k` hits, best first. Raises InvalidInput, and DocumentNotFound for an unknown id.

        Where the embedder is away a hybrid search goes by the words alone, and says so; a dense one raises
        EmbedderUnavailable.
        """
        check_question(question, top_k=top_k)
        if options.expand and self._passages is None:
            raise InvalidInput("this search has no passages: expand must be 0")
        if self._lexical is None and options.mode is not Mode.DENSE:
            options = replace(options, mode=Mode.DENSE)
        began = time.perf_counter()
        vector, degraded = await self._vector(question, options.mode)
        embedded = time.perf_counter()
        if self._lexical is None or (options.mode is Mode.DENSE and vector is not None):
            found = await self._nearest(vector or (), scope=scope, top_k=top_k, options=options)
        else:
            leg = self._lexical
            found = await self._by_candidates(
                leg, question, vector, scope=scope, top_k=top_k, options=options
            )
        if not found.hits:
            # Only now, so that a question that finds something pays nothing for the check.
            for document_id in scope.document_ids or ():
                await self._documents.get(document_id)
        if options.expand and self._passages is not None:
            hits = await expanded(found.hits, self._passages, neighbours=options.expand)
            found = replace(found, hits=hits)
        trace = replace(
            found.trace,
            embed_ms=1000 * (embedded - began),
            find_ms=1000 * (time.perf_counter() - embedded),
        )
        return replace(found, trace=trace, degraded=degraded)

    async def _nearest(self, vector: Vector, *, scope: Scope, top_k: int, options: SearchOptions) -> Found:
        """What the vectors alone find, in one round trip."""
        hits = await self._vectors.search(vector, k=top_k, scope=scope)
        explained = (
            replace(hit, explanation=Explanation(dense=LegScore(rank, hit.similarity, 0.0)))
            for rank, hit in enumerate(hits, start=1)
        )
        return Found(
            tuple(hit for hit in explained if hit.score >= options.min_score),
            SearchTrace(dense_seen=len(hits)),
        )

    async def _by_candidates(
        self,
        leg: LexicalLeg,
        question: str,
        vector: Vector | None,
        *,
        scope: Scope,
        top_k: int,
        options: SearchOptions,
    ) -> Found:
        """The best of what both legs bring; their texts are read for those alone."""
        words = await asyncio.to_thread(leg.encoder.question, question)
        k = max(top_k, options.candidates or self._defaults.candidates)
        for _ in range(_TRIES):
            candidates = await leg.store.candidates(vector, words, k=k, scope=scope)
            weight = weigh(candidates, asked=options.vector_weight, usual=self._defaults.vector_weight)
            ranked = rank(candidates, mode=options.mode, fusion=options.fusion, vector_weight=weight)
            best = [one for one in ranked if one.relevance >= options.min_score][:top_k]
            hits = await leg.store.hits([one.candidate for one in best])
            if None not in hits:
                break
        return Found(
            tuple(_worth(one, hit) for one, hit in zip(best, hits, strict=True) if hit is not None),
            SearchTrace(
                dense_seen=sum(candidate.similarity is not None for candidate in candidates.items),
                lexical_seen=sum(candidate.bm25 is not None for candidate in candidates.items),
                vector_weight=weight,
            ),
        )

    async def _vector(self, question: str, mode: Mode) -> tuple[Vector | None, tuple[str, ...]]:
        if mode is Mode.LEXICAL:
            return None, ()
        try:
            [vector] = await self._embedder.embed([question], role="question")
        except EmbedderUnavailable as error:
            if mode is Mode.DENSE:
                raise
            _log.warning("searching by words alone: %s", error)
            return None, ("embedder",)
        return vector, ()


def check_question(question: str, *, top_k: int) -> None:
    """Raises InvalidInput for an empty or over-long question and for `top_k` out of range."""
    if not question.strip():
        raise InvalidInput("the question is empty")
    if len(question) > MAX_QUESTION_CHARACTERS:
        raise InvalidInput(f"the question is longer than {MAX_QUESTION_CHARACTERS} characters")
    if "\0" in question:
        raise InvalidInput("the question contains a NUL character")
    if not 1 <= top_k <= MAX_TOP_K:
        raise InvalidInput(f"top_k is {top_k}; it must be from 1 to {MAX_TOP_K}")


def _worth(one: Ranked, hit: Hit) -> Hit:
    return replace(hit, relevance=one.relevance, explanation=one.explanation)
