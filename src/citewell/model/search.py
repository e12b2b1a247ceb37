"""What a search takes and finds."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, NamedTuple

from citewell.errors import InvalidInput
from citewell.filtering import Filter
from citewell.model.chunks import Chunk, Passage
from citewell.model.degradation import Degradation, names_of
from citewell.model.names import ChunkRef, Citation, DocumentId, RevisionId, checked_collection
from citewell.model.pages import Span

__all__ = [
    "MAX_CANDIDATES",
    "MAX_EXPAND",
    "Candidate",
    "Candidates",
    "Explanation",
    "Found",
    "Fusion",
    "Hit",
    "LegScore",
    "Mode",
    "Place",
    "Ranked",
    "Scope",
    "SearchOptions",
    "SearchPlan",
    "SearchTrace",
]

MAX_CANDIDATES: Final = 1_000
MAX_EXPAND: Final = 10


@dataclass(frozen=True, slots=True)
class Scope:
    """Where to search: in some documents, in one collection, in what a filter over the metadata lets through.

    What is given has to hold all at once. None is no restriction.
    """

    collection: str | None = None
    document_ids: tuple[DocumentId, ...] | None = None
    filter: Filter | None = None

    def __post_init__(self) -> None:
        if self.collection is not None:
            checked_collection(self.collection)


class Mode(StrEnum):
    """How is searched: by meaning, by words, or by both."""

    HYBRID = "hybrid"
    DENSE = "dense"
    LEXICAL = "lexical"


class Fusion(StrEnum):
    """How two rankings become one: by their normalised scores, or by their ranks alone."""

    CONVEX = "convex"
    RRF = "rrf"


@dataclass(frozen=True, slots=True)
class SearchOptions:
    """How to search. vector_weight: the share of the vectors in a fused score, None for the usual one.

    candidates: how many chunks each leg brings, None for the usual number. min_score: hits below it are left
    out. rerank: whether the first hits are judged once more, None for what is usual. diversity: from 0, the
    best ones, to 1, those that differ most. collapse: whether copies of a text are one hit.
    """

    mode: Mode = Mode.HYBRID
    fusion: Fusion = Fusion.CONVEX
    vector_weight: float | None = None
    candidates: int | None = None
    min_score: float = 0.0
    rerank: bool | None = None
    diversity: float = 0.0
    collapse: bool = True
    expand: int = 0

    def __post_init__(self) -> None:
        if self.vector_weight is not None and not 0 <= self.vector_weight <= 1:
            raise InvalidInput(f"vector_weight is {self.vector_weight}; it must be from 0 to 1")
        if self.candidates is not None and not 1 <= self.candidates <= MAX_CANDIDATES:
            raise InvalidInput(f"candidates is {self.candidates}; it must be from 1 to {MAX_CANDIDATES}")
        if not 0 <= self.min_score <= 1:
            raise InvalidInput(f"min_score is {self.min_score}; it must be from 0 to 1")
        if not 0 <= self.diversity <= 1:
            raise InvalidInput(f"diversity is {self.diversity}; it must be from 0 to 1")
        if not 0 <= self.expand <= MAX_EXPAND:
            raise InvalidInput(f"expand is {self.expand}; it must be from 0 to {MAX_EXPAND}")


class LegScore(NamedTuple):
    """What one leg says of a hit: its rank there, from 1, its raw score, and its part of the fused score."""

    rank: int
    score: float
    contribution: float


class Explanation(NamedTuple):
    """Why a hit is where it is; None for a leg that did not bring it, or a reranker that did not see it.

    rerank: what the reranker says of it, in [0, 1].
    """

    dense: LegScore | None = None
    lexical: LegScore | None = None
    rerank: float | None = None


@dataclass(frozen=True, slots=True)
class Place:
    """Where a passage stands. first_page, last_page: page numbers of the first and last character."""

    document_id: DocumentId
    document_name: str
    collection: str
    chunk_index: int
    span: Span
    first_page: int
    last_page: int


class Hit(NamedTuple):
    """A chunk that was found.

    similarity: cosine of question and chunk, in [-1, 1]; -1 if that was not asked for.
    relevance: what it is worth in the ranking that it is part of, in [0, 1]; None for the similarity alone.
    also_in: where else the same text stands, best first.
    passage: the chunk with its neighbours, if they were asked for.
    """

    document_id: DocumentId
    document_name: str
    collection: str
    sha256: str
    chunk: Chunk
    similarity: float
    relevance: float | None = None
    explanation: Explanation = Explanation()
    also_in: tuple[Place, ...] = ()
    passage: Passage | None = None

    @property
    def citation(self) -> Citation:
        return Citation(self.document_id, self.sha256, self.chunk.index)

    @property
    def ref(self) -> ChunkRef:
        return ChunkRef(self.document_id, self.chunk.index)

    @property
    def place(self) -> Place:
        chunk = self.chunk
        return Place(
            document_id=self.document_id,
            document_name=self.document_name,
            collection=self.collection,
            chunk_index=chunk.index,
            span=chunk.span,
            first_page=chunk.first_page,
            last_page=chunk.last_page,
        )

    def ranked(self, relevance: float | None, explanation: Explanation) -> Hit:
        """The hit with these. `_replace` takes three times as long, and each hit is ranked."""
        return Hit(
            self.document_id,
            self.document_name,
            self.collection,
            self.sha256,
            self.chunk,
            self.similarity,
            relevance,
            explanation,
            self.also_in,
            self.passage,
        )

    @property
    def score(self) -> float:
        """The relevance, or else (1 + similarity) / 2; in [0, 1]."""
        if self.relevance is not None:
            return self.relevance
        return min(1.0, max(0.0, (1.0 + self.similarity) / 2.0))


class Candidate(NamedTuple):
    """A chunk that a leg brought. similarity, bm25: None if it is not among the best of that leg."""

    document_id: DocumentId
    revision_id: RevisionId
    chunk_index: int
    similarity: float | None
    bm25: float | None

    @property
    def ref(self) -> ChunkRef:
        return ChunkRef(self.document_id, self.chunk_index)


@dataclass(frozen=True, slots=True)
class SearchPlan:
    """How the nearest were looked for.

    exact: all chunks of the scope were read; else the index gave them, and topped_up tells that it gave too
    few, so that all were read after all. matched: how many chunks the scope was taken to have, None if that
    was not known, or only that they are many.
    """

    exact: bool
    topped_up: bool = False
    matched: int | None = None


@dataclass(frozen=True, slots=True)
class Candidates:
    """What both legs bring to a question. highest_bm25: what no chunk can reach, 0 if there is no word.

    plan: None if a store does not tell it.
    """

    items: tuple[Candidate, ...]
    highest_bm25: float
    plan: SearchPlan | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Ranked:
    """A candidate and what it is worth: its relevance, in [0, 1], and why."""

    candidate: Candidate
    relevance: float
    explanation: Explanation


class SearchTrace(NamedTuple):
    """How a search went. dense_seen, lexical_seen: candidates of each leg; vector_weight: as it was applied.

    reranked: how many hits the reranker judged. plan: None where it is not known. Times in milliseconds:
    embedding the question, finding the candidates, and reranking.
    """

    dense_seen: int = 0
    lexical_seen: int = 0
    vector_weight: float = 1.0
    embed_ms: float = 0.0
    find_ms: float = 0.0
    reranked: int = 0
    rerank_ms: float = 0.0
    plan: SearchPlan | None = None


_NO_TRACE: Final = SearchTrace()


@dataclass(frozen=True, slots=True)
class Found:
    """Hits, best first, how they were found, and what should have contributed and could not."""

    hits: tuple[Hit, ...]
    trace: SearchTrace = _NO_TRACE
    degradations: tuple[Degradation, ...] = ()

    @property
    def degraded(self) -> tuple[str, ...]:
        """The names of what could not contribute."""
        return names_of(self.degradations)
