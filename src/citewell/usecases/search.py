"""From a question to the chunks that answer it."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from citewell.errors import EmbedderUnavailable, InvalidInput
from citewell.model import (
    Candidate,
    Candidates,
    Found,
    Hit,
    Mode,
    Scope,
    SearchOptions,
    SearchTrace,
    Vector,
)
from citewell.ports import DocumentStore, Embedder, LexicalEncoder, LexicalStore, VectorStore
from citewell.ranking import rank, weigh

__all__ = ["MAX_QUESTION_CHARACTERS", "MAX_TOP_K", "LexicalLeg", "Search", "SearchDefaults"]

MAX_QUESTION_CHARACTERS: Final = 8_000
MAX_TOP_K: Final = 100

_log = logging.getLogger(__name__)

_USUAL: Final = SearchOptions()


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
    """Embeds the question and analyses its words, takes the candidates of both legs, and ranks them.

    Without a lexical leg every search is dense.
    """

    def __init__(
        self,
        *,
        embedder: Embedder,
        vectors: VectorStore,
        documents: DocumentStore,
        lexical: LexicalLeg | None = None,
        defaults: SearchDefaults = SearchDefaults(),
    ) -> None:
        self._embedder = embedder
        self._vectors = vectors
        self._documents = documents
        self._lexical = lexical
        self._defaults = defaults

    async def __call__(
        self, question: str, *, scope: Scope, top_k: int = 5, options: SearchOptions = _USUAL
    ) -> Found:
        """Up to `top_k` hits, best first. Raises InvalidInput, and DocumentNotFound for an unknown id.

        Where the embedder is away a hybrid search goes by the words alone, and says so; a dense one raises
        EmbedderUnavailable.
        """
        check_question(question, top_k=top_k)
        if self._lexical is None and options.mode is not Mode.DENSE:
            options = replace(options, mode=Mode.DENSE)
        found = await self._found(question, scope=scope, top_k=top_k, options=options)
        if not found.hits:
            # Only now, so that a question that finds something pays nothing for the check.
            for document_id in scope.document_ids or ():
                await self._documents.get(document_id)
        hits = tuple(hit for hit in found.hits if hit.score >= options.min_score)[:top_k]
        return replace(found, hits=hits)

    async def _found(self, question: str, *, scope: Scope, top_k: int, options: SearchOptions) -> Found:
        began = time.perf_counter()
        vector, degraded = await self._vector(question, options.mode)
        embedded = time.perf_counter()
        if options.mode is Mode.DENSE and vector is not None:
            hits = await self._vectors.search(vector, k=top_k, scope=scope)
            candidates = _of_dense(hits)
        else:
            k = max(top_k, options.candidates or self._defaults.candidates)
            candidates = await self._candidates(question, vector, k=k, scope=scope)
        weight = weigh(candidates, asked=options.vector_weight, usual=self._defaults.vector_weight)
        trace = SearchTrace(
            dense_seen=sum(candidate.similarity is not None for candidate in candidates.items),
            lexical_seen=sum(candidate.bm25 is not None for candidate in candidates.items),
            vector_weight=weight,
            embed_ms=1000 * (embedded - began),
            find_ms=1000 * (time.perf_counter() - embedded),
        )
        ranked = rank(candidates, mode=options.mode, fusion=options.fusion, vector_weight=weight)
        return Found(ranked, trace, degraded)

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

    async def _candidates(self, question: str, vector: Vector | None, *, k: int, scope: Scope) -> Candidates:
        if self._lexical is None:
            raise RuntimeError("a search by words needs a lexical leg")
        words = await asyncio.to_thread(self._lexical.encoder.question, question)
        return await self._lexical.store.candidates(vector, words, k=k, scope=scope)


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


def _of_dense(hits: Sequence[Hit]) -> Candidates:
    return Candidates(tuple(Candidate(hit, hit.similarity, None) for hit in hits), 0.0)
