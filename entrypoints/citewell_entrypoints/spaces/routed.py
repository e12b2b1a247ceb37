"""The ports of a space, in front of whichever space is served."""

from __future__ import annotations

from collections.abc import Sequence
from types import TracebackType
from typing import Self

from citewell.model import (
    Candidate,
    Candidates,
    Chunk,
    DocumentId,
    EmbeddedChunk,
    EmbeddingSpace,
    Heading,
    Hit,
    Publication,
    RevisionId,
    Scope,
    Span,
    Vector,
)
from citewell.ports import EmbeddingRole, LexicalEncoder
from citewell_entrypoints.spaces.serving import ServedSpaces

__all__ = ["RoutedChunker", "RoutedEmbedder", "RoutedVectors"]


class RoutedEmbedder:
    """The Embedder port. Opening it opens the spaces."""

    def __init__(self, spaces: ServedSpaces) -> None:
        self._spaces = spaces

    async def __aenter__(self) -> Self:
        await self._spaces.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._spaces.__aexit__(kind, error, trace)

    @property
    def space(self) -> EmbeddingSpace:
        """See the port."""
        return self._spaces.now().embedder.space

    @property
    def max_tokens(self) -> int:
        """See the port."""
        return self._spaces.now().embedder.max_tokens

    def count_tokens(self, text: str) -> int:
        """See the port."""
        return self._spaces.now().count_tokens(text)

    async def embed(self, texts: Sequence[str], *, role: EmbeddingRole) -> Sequence[Vector]:
        """See the port. A single question may be remembered, or embedded together with others."""

        async def work() -> Sequence[Vector]:
            served = self._spaces.now()
            if role == "question" and len(texts) == 1:
                return [await served.questions(texts[0])]
            return await served.embedder.embed(texts, role=role)

        return await self._spaces.steady(work)


class RoutedChunker:
    """The Chunker port."""

    def __init__(self, spaces: ServedSpaces) -> None:
        self._spaces = spaces

    def split(self, text: str, *, headings: Sequence[Heading] = ()) -> Sequence[Span]:
        """See the port."""
        return self._spaces.now().chunker.split(text, headings=headings)


class RoutedVectors:
    """The VectorStore, LexicalStore and IndexedStore ports.

    A vector belongs into the steady work that it was made in.
    """

    def __init__(self, spaces: ServedSpaces) -> None:
        self._spaces = spaces

    async def stage(self, publication: Publication, chunks: Sequence[EmbeddedChunk]) -> None:
        await self._spaces.steady(lambda: self._spaces.now().vectors.stage(publication, chunks))

    async def staged(self, revision_id: RevisionId) -> Chunk | None:
        return await self._spaces.steady(lambda: self._spaces.now().vectors.staged(revision_id))

    async def publish(self, publication: Publication) -> None:
        await self._spaces.steady(lambda: self._spaces.now().vectors.publish(publication))

    async def search(self, vector: Vector, *, k: int, scope: Scope) -> Sequence[Hit]:
        return await self._spaces.steady(lambda: self._spaces.now().vectors.search(vector, k=k, scope=scope))

    async def candidates(
        self, vector: Vector | None, words: Sequence[Sequence[int]], *, k: int, scope: Scope
    ) -> Candidates:
        return await self._spaces.steady(
            lambda: self._spaces.now().vectors.candidates(vector, words, k=k, scope=scope)
        )

    async def nearest(self, vector: Vector, *, k: int, scope: Scope, exact: bool) -> Candidates:
        return await self._spaces.steady(
            lambda: self._spaces.now().vectors.nearest(vector, k=k, scope=scope, exact=exact)
        )

    async def sample(self, collection: str | None, *, limit: int) -> Sequence[str]:
        return await self._spaces.steady(lambda: self._spaces.now().vectors.sample(collection, limit=limit))

    async def hits(self, candidates: Sequence[Candidate]) -> Sequence[Hit | None]:
        return await self._spaces.steady(lambda: self._spaces.now().vectors.hits(candidates))

    async def encode(self, encoder: LexicalEncoder) -> int:
        return await self._spaces.steady(lambda: self._spaces.now().vectors.encode(encoder))

    async def chunks(self, document_id: DocumentId, *, after: int = -1, limit: int) -> Sequence[Chunk]:
        return await self._spaces.steady(
            lambda: self._spaces.now().vectors.chunks(document_id, after=after, limit=limit)
        )

    async def index(self, *, limit: int, spare: int = 0) -> int:
        return await self._spaces.steady(lambda: self._spaces.now().vectors.index(limit=limit, spare=spare))

    async def discard(self, revision_id: RevisionId) -> None:
        await self._spaces.steady(lambda: self._spaces.now().vectors.discard(revision_id))

    async def delete(self, document_id: DocumentId) -> None:
        await self._spaces.steady(lambda: self._spaces.now().vectors.delete(document_id))
