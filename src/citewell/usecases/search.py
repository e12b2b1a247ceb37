"""From a question to the chunks that answer it."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from citewell.errors import DimensionMismatch, EmbedderUnavailable, EmbeddingRejected, InvalidInput
from citewell.model import (
    MAX_CANDIDATES,
    Degradation,
    Found,
    Mode,
    Scope,
    SearchOptions,
    SearchTrace,
    Vector,
)
from citewell.ports import DocumentStore, Embedder, LexicalEncoder, LexicalStore, PassageStore, VectorStore
from citewell.usecases.expand import expanded
from citewell.usecases.rankings import FusedRanking, HitsGone, MakeRanking, NearestRanking, SearchDefaults
from citewell.usecases.select import RerankStage, Selected, SelectHits

__all__ = ["MAX_QUESTION_CHARACTERS", "MAX_TOP_K", "LexicalLeg", "Search"]

MAX_QUESTION_CHARACTERS: Final = 8_000
MAX_TOP_K: Final = 100

_SHORT_QUESTION: Final = 1_000

_log = logging.getLogger(__name__)

_USUAL: Final = SearchOptions()
_USUAL_DEFAULTS: Final = SearchDefaults()

#: A document that was found may be replaced or deleted before its texts are read: then all is searched anew,
#: so that no reply is of two moments. The last time goes with what is left.
_TRIES: Final = 3


@dataclass(frozen=True, slots=True)
class LexicalLeg:
    """What searching by words needs."""

    store: LexicalStore
    encoder: LexicalEncoder


class Search:
    """Embeds the question and analyses its words, takes the candidates of both legs, ranks them, and selects.

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
        defaults: SearchDefaults = _USUAL_DEFAULTS,
        rerank: RerankStage | None = None,
    ) -> None:
        self._embedder = embedder
        self._vectors = vectors
        self._documents = documents
        self._lexical = lexical
        self._passages = passages
        self._defaults = defaults
        self._select = SelectHits(encoder=lexical.encoder if lexical else None, rerank=rerank)

    async def __call__(
        self, question: str, *, scope: Scope, top_k: int = 5, options: SearchOptions = _USUAL
    ) -> Found:
        """Up to `top_k` hits, best first. Raises InvalidInput, and DocumentNotFound for an unknown id.

        Where the embedder is away, refuses the question or gives no vector of the space, the words alone are
        searched, and it says so; without a lexical leg what the embedder raises is raised. Where the reranker
        is away the order stays, and it says so.
        """
        check_question(question, top_k=top_k)
        if options.expand and self._passages is None:
            raise InvalidInput("this search has no passages: expand must be 0")
        options = self._select.settled(options)
        if self._lexical is None and options.mode is not Mode.DENSE:
            options = replace(options, mode=Mode.DENSE)
        least = self._select.reads(top_k=top_k, options=options)
        began = time.perf_counter()
        vector, missing = await self._vector(question, options.mode)
        if missing and options.mode is Mode.DENSE:
            options = replace(options, mode=Mode.LEXICAL)
        embedded = time.perf_counter()
        if self._lexical is None or (options.mode is Mode.DENSE and vector and scope.filter is None):
            make: MakeRanking = NearestRanking(self._vectors, vector or (), scope=scope)
            k = least
        else:
            words: Sequence[Sequence[int]] = ()
            k = least
            if options.mode is not Mode.DENSE:
                words = await self._words(question, self._lexical.encoder)
                k = max(top_k, options.candidates or self._defaults.candidates_within(scope))
            make = FusedRanking(
                self._lexical.store, vector, words, scope=scope, options=options, defaults=self._defaults
            )
        selected, trace = await self._selected(question, make, k=k, top_k=top_k, options=options)
        hits = selected.hits
        if not hits:
            # Only now, so that a question that finds something pays nothing for the check.
            for document_id in scope.document_ids or ():
                await self._documents.get(document_id)
        if options.expand and self._passages is not None:
            hits = await expanded(hits, self._passages, neighbours=options.expand)
        trace = trace._replace(
            embed_ms=1000 * (embedded - began),
            find_ms=1000 * (time.perf_counter() - embedded) - selected.rerank_ms,
            reranked=selected.reranked,
            rerank_ms=selected.rerank_ms,
        )
        return Found(hits, trace, (*missing, *selected.degradations))

    async def _selected(
        self, question: str, make: MakeRanking, *, k: int, top_k: int, options: SearchOptions
    ) -> tuple[Selected, SearchTrace]:
        """Of the best `k` of each leg, and of more where copies leave too few of them."""
        tries = 1
        while True:
            ranking = await make(k, strict=tries < _TRIES)
            try:
                selected = await self._select(question, ranking.read, top_k=top_k, options=options)
            except HitsGone:
                tries += 1
                continue
            if not selected.short or ranking.is_all or k >= MAX_CANDIDATES:
                return selected, ranking.trace
            k = min(4 * k, MAX_CANDIDATES)

    @staticmethod
    async def _words(question: str, encoder: LexicalEncoder) -> Sequence[Sequence[int]]:
        # To ask another thread takes longer than to analyse a usual question.
        if len(question) <= _SHORT_QUESTION:
            return encoder.question(question)
        return await asyncio.to_thread(encoder.question, question)

    async def _vector(self, question: str, mode: Mode) -> tuple[Vector | None, tuple[Degradation, ...]]:
        if mode is Mode.LEXICAL:
            return None, ()
        try:
            [vector] = await self._embedder.embed([question], role="question")
        except (EmbedderUnavailable, EmbeddingRejected, DimensionMismatch) as error:
            if self._lexical is None:
                raise
            _log.warning("searching by words alone: %s: %s", type(error).__name__, error)
            return None, (Degradation.of("embedder", error),)
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
