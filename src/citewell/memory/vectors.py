"""VectorStore in memory: exact search by brute force."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from operator import mul
from typing import Any

from citewell.chunking import in_context
from citewell.errors import DimensionMismatch
from citewell.filtering import matches
from citewell.memory.lexical import WordStatistics
from citewell.memory.state import MemoryDatabase, Tables
from citewell.model import (
    Candidate,
    Candidates,
    Chunk,
    ChunkRef,
    DocumentId,
    EmbeddedChunk,
    EmbeddingSpace,
    Hit,
    Publication,
    RevisionId,
    Scope,
    SearchPlan,
    Vector,
)
from citewell.ports import LexicalEncoder

__all__ = ["MemoryVectorStore"]


class MemoryVectorStore:
    """The reference VectorStore and LexicalStore: what it finds is right by construction."""

    def __init__(self, database: MemoryDatabase, space: EmbeddingSpace) -> None:
        self._database = database
        self._space = space

    async def stage(self, publication: Publication, chunks: Sequence[EmbeddedChunk]) -> None:
        revision_id = publication.revision_id
        for embedded in chunks:
            self._check(embedded.vector)
        async with self._database.tables() as tables:
            tables.check_revision(revision_id)
            tables.staged.update({(revision_id, embedded.chunk.index): embedded for embedded in chunks})

    async def staged(self, revision_id: RevisionId) -> Chunk | None:
        async with self._database.tables() as tables:
            last: Chunk | None = None
            while embedded := tables.staged.get((revision_id, 0 if last is None else last.index + 1)):
                last = embedded.chunk
            return last

    async def publish(self, publication: Publication) -> None:
        async with self._database.tables() as tables:
            staged = _take_staged(tables, publication.revision_id)
            live = tables.live.get(publication.document_id)
            if not staged and live is not None and live[0].revision_id == publication.revision_id:
                return
            tables.live[publication.document_id] = (publication, staged)
            self._found_anew(tables, publication)

    async def search(self, vector: Vector, *, k: int, scope: Scope) -> Sequence[Hit]:
        self._check(vector)
        async with self._database.tables() as tables:
            hits = [
                _hit(publication, embedded, similarity=_similarity(embedded.vector, vector))
                for publication, chunks in _in_scope(tables, scope)
                for embedded in chunks
            ]
        return sorted(hits, key=lambda hit: (-hit.similarity, hit.ref))[:k]

    async def candidates(
        self, vector: Vector | None, words: Sequence[Sequence[int]], *, k: int, scope: Scope
    ) -> Candidates:
        if vector is not None:
            self._check(vector)
        async with self._database.tables() as tables:
            live = [(p, chunk) for p, chunks in _in_scope(tables, scope) for chunk in chunks]
            unfiltered = replace(scope, filter=None)
            collections = {publication.collection for publication, _ in _in_scope(tables, unfiltered)}
            counted = [
                chunk.terms
                for publication, chunks in tables.live.values()
                if publication.collection in collections
                for chunk in chunks
            ]
        statistics = WordStatistics(words, counted)
        only_rare = scope.document_ids is None and scope.filter is None
        scored = [
            Candidate(
                publication.document_id,
                publication.revision_id,
                embedded.chunk.index,
                None if vector is None else _similarity(embedded.vector, vector),
                statistics.score(embedded.terms) or None,
            )
            for publication, embedded in live
        ]
        matching = [
            candidate
            for candidate, (_, embedded) in zip(scored, live, strict=True)
            if not only_rare or statistics.has_rare(embedded.terms)
        ]
        return Candidates(
            _best_of_both(scored, matching, k=k),
            statistics.highest_score if live else 0.0,
            SearchPlan(exact=True, matched=len(live)),
        )

    async def nearest(self, vector: Vector, *, k: int, scope: Scope, exact: bool) -> Candidates:  # noqa: ARG002
        """See the port. There is no index."""
        return await self.candidates(vector, (), k=k, scope=scope)

    async def sample(self, collection: str | None, *, limit: int) -> Sequence[str]:
        async with self._database.tables() as tables:
            texts = [e.chunk.text for _, chunks in _in_scope(tables, Scope(collection)) for e in chunks]
        return random.sample(texts, k=min(limit, len(texts)))

    async def hits(self, candidates: Sequence[Candidate]) -> Sequence[Hit | None]:
        async with self._database.tables() as tables:
            return [_hit_of(candidate, tables) for candidate in candidates]

    async def encode(self, encoder: LexicalEncoder) -> int:
        async with self._database.tables() as tables:
            for document_id, (publication, chunks) in tables.live.items():
                if any(embedded.terms is None for embedded in chunks):
                    encoded = tuple(
                        replace(e, terms=encoder.passage(_in_context(publication, e.chunk))) for e in chunks
                    )
                    tables.live[document_id] = (publication, encoded)
                    self._found_anew(tables, publication)
                    return len(encoded)
            return 0

    async def chunks(self, document_id: DocumentId, *, after: int = -1, limit: int) -> Sequence[Chunk]:
        async with self._database.tables() as tables:
            _, live = tables.live.get(document_id, (None, ()))
            return [embedded.chunk for embedded in live if embedded.chunk.index > after][:limit]

    async def index(self, *, limit: int, spare: int = 0) -> int:  # noqa: ARG002
        """0: there is no index."""
        return 0

    async def discard(self, revision_id: RevisionId) -> None:
        async with self._database.tables() as tables:
            _take_staged(tables, revision_id)

    async def delete(self, document_id: DocumentId) -> None:
        async with self._database.tables() as tables:
            publication, _ = tables.live.pop(document_id, (None, ()))
            if publication is not None:
                self._found_anew(tables, publication)
            for revision_id in [r for r, row in tables.revisions.items() if row.document_id == document_id]:
                _take_staged(tables, revision_id)

    def _found_anew(self, tables: Tables, publication: Publication) -> None:
        self._database.found_anew(tables, publication.document_id, collection=publication.collection)

    def _check(self, vector: Vector) -> None:
        if len(vector) != self._space.dimensions:
            raise DimensionMismatch(f"a vector of {len(vector)} dimensions does not fit {self._space}")


def _in_context(publication: Publication, chunk: Chunk) -> str:
    return in_context(chunk.text, name=publication.document_name, heading_path=chunk.heading_path)


def _take_staged(tables: Tables, revision_id: RevisionId) -> tuple[EmbeddedChunk, ...]:
    keys = sorted(key for key in tables.staged if key[0] == revision_id)
    return tuple(tables.staged.pop(key) for key in keys)


def _in_scope(tables: Tables, scope: Scope) -> Iterator[tuple[Publication, tuple[EmbeddedChunk, ...]]]:
    for document_id, (publication, chunks) in tables.live.items():
        if scope.document_ids is not None and document_id not in scope.document_ids:
            continue
        if scope.collection is not None and publication.collection != scope.collection:
            continue
        if scope.filter is not None and not matches(scope.filter, _metadata(tables, publication)):
            continue
        yield publication, chunks


def _metadata(tables: Tables, publication: Publication) -> Mapping[str, Any]:
    """That of the live revision."""
    row = tables.revisions.get(publication.revision_id)
    return {} if row is None else row.metadata


def _hit(publication: Publication, embedded: EmbeddedChunk, *, similarity: float) -> Hit:
    return Hit(
        document_id=publication.document_id,
        document_name=publication.document_name,
        collection=publication.collection,
        sha256=publication.sha256,
        chunk=embedded.chunk,
        similarity=similarity,
    )


def _hit_of(candidate: Candidate, tables: Tables) -> Hit | None:
    publication, chunks = tables.live.get(candidate.document_id, (None, ()))
    if publication is None or publication.revision_id != candidate.revision_id:
        return None
    similarity = -1.0 if candidate.similarity is None else candidate.similarity
    wanted = (each for each in chunks if each.chunk.index == candidate.chunk_index)
    return next((_hit(publication, each, similarity=similarity) for each in wanted), None)


def _best_of_both(
    scored: Sequence[Candidate], matching: Sequence[Candidate], *, k: int
) -> tuple[Candidate, ...]:
    """The k nearest and the k best by BM25, each with the scores of the legs that it is among the best of."""
    near = _top((c for c in scored if c.similarity is not None), lambda c: c.similarity or 0.0, k=k)
    telling = _top((c for c in matching if c.bm25), lambda c: c.bm25 or 0.0, k=k)
    items = [c._replace(bm25=c.bm25 if ref in telling else None) for ref, c in near.items()]
    items += [c._replace(similarity=None) for ref, c in telling.items() if ref not in near]
    return tuple(items)


def _top(
    candidates: Iterator[Candidate], score: Callable[[Candidate], float], *, k: int
) -> dict[ChunkRef, Candidate]:
    best = sorted(candidates, key=lambda candidate: (-score(candidate), candidate.ref))[:k]
    return {candidate.ref: candidate for candidate in best}


def _similarity(one: Vector, other: Vector) -> float:
    """The cosine of unit vectors; -1 for a vector of zeros, which is similar to nothing."""
    return sum(map(mul, one, other)) if any(one) and any(other) else -1.0
