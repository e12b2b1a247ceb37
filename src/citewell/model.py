"""The values of the domain: immutable, validated where they are made, free of any technology."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Final, NewType
from uuid import UUID

from citewell.errors import InvalidInput

__all__ = [
    "DEFAULT_COLLECTION",
    "MAX_CANDIDATES",
    "Answer",
    "Backlog",
    "Blob",
    "Box",
    "Candidate",
    "Candidates",
    "Chunk",
    "ChunkRef",
    "Content",
    "Delta",
    "Document",
    "DocumentEvent",
    "DocumentId",
    "EmbeddedChunk",
    "EmbeddingSpace",
    "Explanation",
    "Extent",
    "Failure",
    "Found",
    "Fusion",
    "Heading",
    "Hit",
    "JobId",
    "Lease",
    "LegScore",
    "Line",
    "Message",
    "Mode",
    "Page",
    "ParsedPage",
    "Progress",
    "Publication",
    "RevisionId",
    "Scope",
    "SearchOptions",
    "SearchTrace",
    "Span",
    "Stage",
    "Status",
    "Submission",
    "Submitted",
    "Vector",
    "checked_collection",
]

DocumentId = NewType("DocumentId", UUID)
JobId = NewType("JobId", UUID)
#: Given by the document store; opaque, never reused.
RevisionId = NewType("RevisionId", int)
#: One point of an embedding space: as many floats as it has dimensions, L2-normalised.
Vector = Sequence[float]

DEFAULT_COLLECTION: Final = "default"
MAX_CANDIDATES: Final = 1_000
_COLLECTION: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


def checked_collection(name: str) -> str:
    """The name itself; InvalidInput unless it is 1-64 of letters, digits, `.`, `_`, `-`, no sign first."""
    if not _COLLECTION.fullmatch(name):
        raise InvalidInput(
            f"{name[:80]!r} is no name for a collection: use 1 to 64 letters, digits, '.', '_' or '-', "
            "beginning with a letter or digit"
        )
    return name


class Status(StrEnum):
    """Where a document is in its life; READY, FAILED and CANCELLED are ends."""

    QUEUED = "queued"
    PROCESSING = "processing"
    READY = "ready"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def is_end(self) -> bool:
        """Whether nothing more happens by itself."""
        return self in (Status.READY, Status.FAILED, Status.CANCELLED)


class Stage(StrEnum):
    """What a PROCESSING document goes through."""

    PARSING = "parsing"
    CHUNKING = "chunking"
    EMBEDDING = "embedding"
    PUBLISHING = "publishing"


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """A half-open range of character offsets (code points): `text[start:end]`."""

    start: int
    end: int

    def __post_init__(self) -> None:
        if not 0 <= self.start <= self.end:
            raise ValueError(f"not a span: {self.start}..{self.end}")

    def __len__(self) -> int:
        return self.end - self.start

    def of(self, text: str) -> str:
        """The part of `text` at this span."""
        return text[self.start : self.end]


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle on a page, in fractions of its width and height (0-1); the origin is the top left."""

    left: float
    top: float
    right: float
    bottom: float


@dataclass(frozen=True, slots=True)
class Line:
    """A printed line: its span in the page's text and its box on the page."""

    span: Span
    box: Box


@dataclass(frozen=True, slots=True)
class Heading:
    """A heading: where it begins (characters into the page's or the revision's text), level from 1, title."""

    start: int
    level: int
    title: str


@dataclass(frozen=True, slots=True)
class ParsedPage:
    """What a parser reads of one page; spans and offsets count from the page's own first character.

    A format without pages is one page numbered 1; where that is long, it comes in several parts that carry
    the same number and whose texts follow each other without a gap. `pages_total` is the number of pages of
    the whole document where the parser knows it, else None. problem: a sentence on why the page could not be
    read, empty if it could.
    """

    number: int
    text: str
    lines: tuple[Line, ...] = ()
    headings: tuple[Heading, ...] = ()
    pages_total: int | None = None
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Page:
    """A page (or a part of one) in its revision: `start` is its offset in the revision's text.

    The revision's text is the concatenation of its pages' texts in order. Lines and headings keep offsets
    relative to the page. problem: why it could not be read, empty if it could.
    """

    number: int
    start: int
    text: str
    lines: tuple[Line, ...] = ()
    headings: tuple[Heading, ...] = ()
    problem: str = ""

    @property
    def span(self) -> Span:
        """The page's span in the revision's text."""
        return Span(self.start, self.start + len(self.text))


@dataclass(frozen=True, slots=True)
class Extent:
    """How much of a revision's text is kept: so many pages, which end at this offset of the text."""

    pages: int = 0
    end: int = 0


@dataclass(frozen=True, slots=True)
class Chunk:
    """A passage of a revision: `text` is exactly the revision's text at `span`.

    index: from 0, without gaps. first_page, last_page: page numbers of the first and last character.
    heading_path: titles from the outermost heading inwards. token_count: as the embedder counts.
    """

    index: int
    span: Span
    text: str
    first_page: int
    last_page: int
    heading_path: tuple[str, ...]
    token_count: int


@dataclass(frozen=True, slots=True)
class EmbeddedChunk:
    """A chunk, its vector, and how often each term is in it; None if it has not been analysed."""

    chunk: Chunk
    vector: Vector
    terms: Mapping[int, int] | None = None


@dataclass(frozen=True, slots=True)
class EmbeddingSpace:
    """One embedding model and its dimensions; vectors of different spaces are never compared."""

    model: str
    dimensions: int

    def __post_init__(self) -> None:
        if not self.model or not 1 <= self.dimensions <= 4000:
            raise InvalidInput("an embedding space has a model's name and 1 to 4000 dimensions")

    def __str__(self) -> str:
        return f"{self.model} ({self.dimensions} dimensions)"


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a document is FAILED: a stable code and a sentence for people."""

    code: str
    message: str


@dataclass(frozen=True, slots=True)
class Progress:
    """Pages and chunks done, of how many; a total is None until it is known."""

    pages_done: int = 0
    pages_total: int | None = None
    chunks_done: int = 0
    chunks_total: int | None = None


@dataclass(frozen=True, slots=True)
class Blob:
    """Bytes that were received but not kept yet: where they wait, their SHA-256 (hex) and their number."""

    upload: str
    sha256: str
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Content:
    """Received bytes whose type was recognised; `unlocked`: a copy that opens without the password."""

    blob: Blob
    media_type: str
    unlocked: Blob | None = None

    @property
    def blobs(self) -> tuple[Blob, ...]:
        """All that was received."""
        return (self.blob,) if self.unlocked is None else (self.blob, self.unlocked)


@dataclass(frozen=True, slots=True)
class Submission:
    """A document to be: what is recorded before its ingestion is announced. `metadata`: a JSON object.

    document_id: the document that these bytes create or replace; None for a document of its own.
    collection: None for that of the document, or the default one for a new document.
    unlocked_sha256: the copy to read instead of encrypted bytes. idempotency_key: by which a repeated request
    is known; empty if there is none.
    """

    name: str
    collection: str | None
    media_type: str
    sha256: str
    size_bytes: int
    metadata: Mapping[str, Any] = field(default_factory=dict)
    request_id: str = ""
    document_id: DocumentId | None = None
    unlocked_sha256: str | None = None
    idempotency_key: str = ""

    def __post_init__(self) -> None:
        if self.collection is not None:
            checked_collection(self.collection)

    @property
    def fingerprint(self) -> str:
        """Equal for requests that ask for the same: a SHA-256 (hex) of all but the key and the request."""
        # Only here: every reader of files imports this module, and OpenSSL would cost each some megabytes.
        from hashlib import sha256

        document = str(self.document_id or "")
        asked = [document, self.collection, self.name, self.sha256, dict(self.metadata)]
        return sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Document:
    """What was uploaded, and how far it has come. Times are aware, in UTC.

    name, metadata, sha256, size_bytes, media_type: of the newest revision. revision_id: the live revision,
    None until one is published. page_count, chunk_count: of the newest revision, None until known.
    unreadable_pages: the numbers of its pages that could not be read, known once it is READY.
    """

    id: DocumentId
    name: str
    collection: str
    media_type: str
    size_bytes: int
    sha256: str
    metadata: Mapping[str, Any]
    status: Status
    stage: Stage | None
    progress: Progress
    attempts: int
    error: Failure | None
    page_count: int | None
    chunk_count: int | None
    created_at: datetime
    updated_at: datetime
    revision_id: RevisionId | None
    unreadable_pages: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class DocumentEvent:
    """What a document was from some moment on; ids grow from event to event."""

    id: int
    status: Status
    stage: Stage | None
    progress: Progress
    attempts: int
    error: Failure | None
    at: datetime

    @property
    def is_end(self) -> bool:
        """Whether nothing more happens by itself."""
        return self.status.is_end


@dataclass(frozen=True, slots=True)
class Submitted:
    """The document that holds the submitted bytes; `job_id` is the job to announce, None if there is none.

    created: False if there was the document already. superseded: a revision that will never be live, of which
    nothing is to stay. degraded: what should have contributed and could not, by name (`queue`).
    """

    document: Document
    job_id: JobId | None
    created: bool
    superseded: RevisionId | None = None
    degraded: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Backlog:
    """What waits or is in work: documents, and the bytes of their uploads."""

    documents: int
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Publication:
    """A revision that is to become its document's live one, with what a search tells of it."""

    document_id: DocumentId
    revision_id: RevisionId
    document_name: str
    collection: str
    sha256: str


@dataclass(frozen=True, slots=True)
class Lease:
    """A worker's right to work on a job, until it runs out or is taken over.

    fence: grows with every claim; a store refuses whoever carries a lower one. attempt: from 1.
    content_sha256: the bytes to read, which are not those of the upload where these are encrypted.
    progress: what the work before has come to. strikes: how many claims, this one among them, have neither
    made progress nor been given back in order. idle_seconds: how long ago the last progress was made.
    """

    job_id: JobId
    document_id: DocumentId
    revision_id: RevisionId
    fence: int
    attempt: int
    sha256: str
    content_sha256: str
    media_type: str
    name: str
    collection: str
    request_id: str
    progress: Progress = Progress()
    strikes: int = 0
    idle_seconds: float = 0.0

    @property
    def publication(self) -> Publication:
        """What publishing the lease's revision needs."""
        return Publication(self.document_id, self.revision_id, self.name, self.collection, self.sha256)


@dataclass(frozen=True, slots=True)
class Scope:
    """Where to search: in some documents, in one collection, or in both at once. None is no restriction."""

    collection: str | None = None
    document_ids: tuple[DocumentId, ...] | None = None

    def __post_init__(self) -> None:
        if self.collection is not None:
            checked_collection(self.collection)


@dataclass(frozen=True, slots=True, order=True)
class ChunkRef:
    """The name of a chunk in the live index; its order breaks ties between equal scores."""

    document_id: DocumentId
    chunk_index: int


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
    out.
    """

    mode: Mode = Mode.HYBRID
    fusion: Fusion = Fusion.CONVEX
    vector_weight: float | None = None
    candidates: int | None = None
    min_score: float = 0.0

    def __post_init__(self) -> None:
        if self.vector_weight is not None and not 0 <= self.vector_weight <= 1:
            raise InvalidInput(f"vector_weight is {self.vector_weight}; it must be from 0 to 1")
        if self.candidates is not None and not 1 <= self.candidates <= MAX_CANDIDATES:
            raise InvalidInput(f"candidates is {self.candidates}; it must be from 1 to {MAX_CANDIDATES}")
        if not 0 <= self.min_score <= 1:
            raise InvalidInput(f"min_score is {self.min_score}; it must be from 0 to 1")


@dataclass(frozen=True, slots=True)
class LegScore:
    """What one leg says of a hit: its rank there, from 1, its raw score, and its part of the fused score."""

    rank: int
    score: float
    contribution: float


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why a hit is where it is; None for a leg that did not bring it."""

    dense: LegScore | None = None
    lexical: LegScore | None = None


@dataclass(frozen=True, slots=True)
class Hit:
    """A chunk that was found.

    similarity: cosine of question and chunk, in [-1, 1]; -1 if that was not asked for.
    relevance: what it is worth in the ranking that it is part of, in [0, 1]; None for the similarity alone.
    """

    document_id: DocumentId
    document_name: str
    collection: str
    sha256: str
    chunk: Chunk
    similarity: float
    relevance: float | None = None
    explanation: Explanation = Explanation()

    @property
    def ref(self) -> ChunkRef:
        return ChunkRef(self.document_id, self.chunk.index)

    @property
    def score(self) -> float:
        """The relevance, or else (1 + similarity) / 2; in [0, 1]."""
        if self.relevance is not None:
            return self.relevance
        return min(1.0, max(0.0, (1.0 + self.similarity) / 2.0))


@dataclass(frozen=True, slots=True)
class Candidate:
    """A chunk that a leg brought. similarity, bm25: None if it is not among the best of that leg."""

    hit: Hit
    similarity: float | None
    bm25: float | None


@dataclass(frozen=True, slots=True)
class Candidates:
    """What both legs bring to a question. highest_bm25: what no chunk can reach, 0 if there is no word."""

    items: tuple[Candidate, ...]
    highest_bm25: float


@dataclass(frozen=True, slots=True)
class SearchTrace:
    """How a search went. dense_seen, lexical_seen: candidates of each leg; vector_weight: as it was applied.

    Times in milliseconds: embedding the question, and finding the candidates.
    """

    dense_seen: int = 0
    lexical_seen: int = 0
    vector_weight: float = 1.0
    embed_ms: float = 0.0
    find_ms: float = 0.0


@dataclass(frozen=True, slots=True)
class Found:
    """Hits, best first, how they were found, and by name what should have contributed and could not."""

    hits: tuple[Hit, ...]
    trace: SearchTrace = SearchTrace()
    degraded: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Message:
    """One turn for a language model; role: `system`, `user` or `assistant`."""

    role: str
    content: str


@dataclass(frozen=True, slots=True)
class Delta:
    """A piece of a language model's reply, in the order in which it is said."""

    text: str


@dataclass(frozen=True, slots=True)
class Answer:
    """What a question got: hits, best first, and the model's text if there is one.

    degraded: what should have contributed and could not, by name (`llm`, `embedder`); empty if all did.
    """

    text: str | None
    hits: tuple[Hit, ...]
    degraded: tuple[str, ...] = ()
    trace: SearchTrace = SearchTrace()
