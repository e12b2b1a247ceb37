"""What holds chunks and finds them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from citewell.model import (
    Candidate,
    Candidates,
    Chunk,
    Citation,
    DocumentId,
    EmbeddedChunk,
    Hit,
    Passage,
    Publication,
    RevisionId,
    Scope,
    Vector,
)
from citewell.ports.texts import LexicalEncoder

__all__ = [
    "IndexedStore",
    "LexicalStore",
    "PassageStore",
    "Reranker",
    "VectorStore",
]


class VectorStore(Protocol):
    """Holds chunks with their vectors: staged first, then published, then searched.

    A store serves one embedding space. Opening one over data of another space raises SpaceMismatch.
    """

    async def stage(self, publication: Publication, chunks: Sequence[EmbeddedChunk]) -> None:
        """Keep these chunks for a later `publish`; nothing of them can be found yet.

        Whoever reads or finds them gets all that they were, the boxes on their pages too.
        Staging a chunk index again replaces what was staged under it. A vector of other dimensions raises
        DimensionMismatch and stages nothing of the call. A store that knows of revisions raises StaleLease if
        this one is gone.
        """
        ...

    async def staged(self, revision_id: RevisionId) -> Chunk | None:
        """The last of the chunks staged from index 0 on without a gap, None if there is none."""
        ...

    async def publish(self, publication: Publication) -> None:
        """Make the staged chunks of the revision its document's live chunks, all at once.

        What was live of the document before is gone in the same moment. Nothing stays staged. Publishing a
        revision that is live already and has nothing staged changes nothing.
        """
        ...

    async def search(self, vector: Vector, *, k: int, scope: Scope) -> Sequence[Hit]:
        """The `k` live chunks of the scope nearest to `vector` by cosine, or all if there are fewer.

        Best first; equal scores by ChunkRef. A vector of zeros, which has no direction, has similarity -1 to
        all. A vector of other dimensions raises DimensionMismatch. A scope that names nothing known finds
        nothing. A filter lets documents through by the metadata that came with what is live of them, as
        `citewell.filtering.matches` says, and never costs results.
        """
        ...

    async def chunks(self, document_id: DocumentId, *, after: int = -1, limit: int) -> Sequence[Chunk]:
        """Up to `limit` live chunks of the document by index, those past index `after`."""
        ...

    async def index(self, *, limit: int, spare: int = 0) -> int:
        """Put up to `limit` live chunks that wait for it into the index, if more than `spare` wait; how many.

        A store may publish first and index later. No search finds more or less for it, before, meanwhile or
        after. 0 if none waits that nobody else is at, so always in a store that does not index later. Calls
        may overlap.
        """
        ...

    async def discard(self, revision_id: RevisionId) -> None:
        """Forget what is staged for the revision; nothing staged is no error."""
        ...

    async def delete(self, document_id: DocumentId) -> None:
        """Forget every chunk of the document, live or staged; a missing id is no error."""
        ...


class LexicalStore(Protocol):
    """The other side of a VectorStore: finds the same live chunks by their terms, and by both at once."""

    async def candidates(
        self, vector: Vector | None, words: Sequence[Sequence[int]], *, k: int, scope: Scope
    ) -> Candidates:
        """The `k` live chunks nearest to `vector`, and the `k` best by BM25, of one and the same moment.

        Without a vector only the latter. Of the nearest the VectorStore's `search` says what they are. BM25
        is `citewell.lexical`'s; its document frequencies and totals are those of the live chunks of the
        scope's collections, those of the documents where it names some. A word is in a chunk that has one of
        its terms. Unless the scope names documents, only chunks with one of the question's `rarest` words
        need be found, and others where a filter lets less than 10 of those through; without a vector, less
        than `k`. A chunk without any of the words is not found. Best first, by similarity and then by
        BM25, equal ones by ChunkRef. Chunks that were staged without terms have none. While many chunks
        wait for the index, frequencies and totals may be those without most of the waiting ones.
        """
        ...

    async def hits(self, candidates: Sequence[Candidate]) -> Sequence[Hit | None]:
        """The chunks of the candidates, in their order; None for one that is live no more.

        A hit's similarity is that of the candidate, -1 if it has none.
        """
        ...

    async def encode(self, encoder: LexicalEncoder) -> int:
        """Give chunks of one live revision their terms, if they were staged without; how many chunks.

        They are those of the chunk in its context: `citewell.chunking.in_context`. 0 if there is none that
        nobody else is at. Calls may overlap.
        """
        ...


class PassageStore(Protocol):
    """Reads stretches of live text: what a VectorStore and a PageStore hold of revisions, together."""

    async def around(self, citations: Sequence[Citation], *, neighbours: int) -> Sequence[Passage | None]:
        """For each cited chunk, in the order of the citations, it and up to so many before and after it.

        The text is all of the revision's from the first chunk's start to the last one's end, the white space
        between chunks too; the boxes are those of the lines in it, each once, in order. None where there is
        no such chunk, where it is not live in this revision (any more), or where its text is not there.
        """
        ...


class Reranker(Protocol):
    """Judges how well passages answer a question, more closely than a search over all of them can."""

    async def score(self, question: str, hits: Sequence[Hit]) -> Sequence[float]:
        """One score per hit, in the order of the hits, each in [0, 1]; higher is better.

        No hits give no scores. In whatever order they come, each hit gets the same score (up to 0.001), and
        so it does when it is asked again. Calls may overlap. Raises RerankerUnavailable where a later try may
        succeed, RerankerRejected where it cannot.
        """
        ...


class IndexedStore(Protocol):
    """The index of a VectorStore, to be held against an exact search."""

    async def nearest(self, vector: Vector, *, k: int, scope: Scope, exact: bool) -> Candidates:
        """The chunks that `search` finds, without their texts and with the plan.

        exact: every vector of the scope is read, however many there are, so none is missed.
        """
        ...

    async def sample(self, collection: str | None, *, limit: int) -> Sequence[str]:
        """The texts of up to `limit` live chunks of the collection, or of all, each drawn by chance, once."""
        ...
