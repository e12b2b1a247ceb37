"""The ports: what the core needs of the world, as Protocols.

Every sentence of a docstring here is a promise, and a test in `citewell.testing`. `Chunker`, `Embedder`,
`VectorStore`, `LLM` and `JobQueue` are the extension points; the others serve the life of a document. A
failure that may pass by itself is raised as a kind of `Transient`; no exception of a vendor leaves an
adapter. Adapters that hold connections are async context managers and are opened before they are used.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from pathlib import Path
from typing import Literal, Protocol

from citewell.model import (
    Backlog,
    Blob,
    Candidates,
    Chunk,
    Delta,
    Document,
    DocumentEvent,
    DocumentId,
    EmbeddedChunk,
    EmbeddingSpace,
    Extent,
    Failure,
    Heading,
    Hit,
    JobId,
    Lease,
    Message,
    Page,
    ParsedPage,
    Progress,
    Publication,
    RevisionId,
    Scope,
    Span,
    Stage,
    Status,
    Submission,
    Submitted,
    Vector,
)

__all__ = [
    "LLM",
    "BlobStore",
    "Chunker",
    "Clock",
    "ContentLedger",
    "DocumentStore",
    "Embedder",
    "EmbeddingRole",
    "JobBoard",
    "JobQueue",
    "JobStore",
    "LexicalEncoder",
    "LexicalStore",
    "PageStore",
    "Parser",
    "TokenCounter",
    "UnitOfWork",
    "VectorStore",
]

#: Now, as an aware datetime in UTC.
Clock = Callable[[], datetime]

#: How many tokens a text costs; 0 for the empty text, never less for a text than for a prefix of it that ends
#: where a word ends.
TokenCounter = Callable[[str], int]

EmbeddingRole = Literal["passage", "question"]


class Chunker(Protocol):
    """Cuts a text into passages."""

    def split(self, text: str, *, headings: Sequence[Heading] = ()) -> Sequence[Span]:
        """The spans of the passages of `text`, in order.

        Every character that is not white space is in at least one span. No span is empty or white space
        alone, and none begins or ends with white space. Starts and ends both strictly increase;
        neighbouring spans may overlap. The same input gives the same spans. Splitting again from the start
        of any passage gives that passage and those after it, and text appended at the end changes no
        passage but the last: so a long document can be cut window by window.
        `headings` are in order, with offsets into `text`.
        """
        ...


class Embedder(Protocol):
    """Turns texts into vectors of one embedding space."""

    @property
    def space(self) -> EmbeddingSpace:
        """The space of every vector that this embedder makes."""
        ...

    @property
    def max_tokens(self) -> int:
        """The longest text that is embedded whole, in tokens as `count_tokens` counts them."""
        ...

    def count_tokens(self, text: str) -> int:
        """What `text` costs of `max_tokens`: a TokenCounter."""
        ...

    async def embed(self, texts: Sequence[str], *, role: EmbeddingRole) -> Sequence[Vector]:
        """One vector per text, in the order of the texts: `space.dimensions` floats, L2-normalised.

        No texts give no vectors. The empty text has a vector too. Equal texts of one role get vectors that
        are equal up to rounding (cosine at least 0.999), alone or among others. Calls may overlap. Raises
        EmbedderUnavailable where a later try may succeed, EmbeddingRejected where it cannot,
        DimensionMismatch if the model's vectors do not fit.
        """
        ...


class LexicalEncoder(Protocol):
    """Turns texts into terms, as numbers from 0 below 1,000,000,000. It is a pure function of the text."""

    def passage(self, text: str) -> Mapping[int, int]:
        """How often each term is in the passage."""
        ...

    def question(self, text: str) -> Sequence[Sequence[int]]:
        """For each word of the question the terms that it may be in a passage, best known first.

        No word is without terms, and no term is in two words. A word that is asked for is among the terms of
        a passage that contains it, unless it is too common to tell anything.
        """
        ...


class VectorStore(Protocol):
    """Holds chunks with their vectors: staged first, then published, then searched.

    A store serves one embedding space. Opening one over data of another space raises SpaceMismatch.
    """

    async def stage(self, publication: Publication, chunks: Sequence[EmbeddedChunk]) -> None:
        """Keep these chunks for a later `publish`; nothing of them can be found yet.

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
        nothing.
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
        need be found. A chunk without any of the words is not found. Best first, by similarity and then by
        BM25, equal ones by ChunkRef. Chunks that were staged without terms have none.
        """
        ...

    async def encode(self, encoder: LexicalEncoder) -> int:
        """Give the chunks of one live revision their terms, if they were staged without; how many chunks.

        0 if there is none that nobody else is at. Calls may overlap.
        """
        ...


class LLM(Protocol):
    """A language model."""

    def generate(self, messages: Sequence[Message], *, max_tokens: int) -> AsyncGenerator[Delta, None]:
        """The reply, piece by piece, as it is said; no pieces mean that there is no answer.

        `max_tokens` bounds the reply. Closing the generator early ends the call. Raises LLMUnavailable
        where a later try may succeed, LLMRejected where it cannot.
        """
        ...


class JobQueue(Protocol):
    """Tells workers that there is a job. It announces, it does not hold: the job's state is a JobStore's."""

    async def announce(self, job_id: JobId, *, delay_seconds: float = 0.0) -> None:
        """Let one worker hear of the job, at least once, not before the delay is over.

        Raises QueueUnavailable if the announcement could not be left.
        """
        ...


class DocumentStore(Protocol):
    """Holds documents and their revisions. Documents and jobs are made together, hence one `submit`."""

    async def submit(self, submission: Submission) -> Submitted:
        """Record a document, its revision and a QUEUED job.

        Without a document's id: the same bytes again in the same collection make nothing new; the reply is
        the document that holds them, with `created` False. With an id: the document of this id is made, or
        gets these bytes as its new revision, while its live one stays; the bytes that it has already change
        nothing but its name and metadata. It raises Conflict if the document is in another collection. The
        revision that the new one takes the place of, and that never was live, is gone and is `superseded`.
        If the document that has the bytes has FAILED or was CANCELLED it is QUEUED anew. Whenever it is
        QUEUED the reply carries the job. An idempotency key that was given before brings the document that
        it brought then, or raises KeyReused if the fingerprint was another one.
        """
        ...

    async def get(self, document_id: DocumentId) -> Document:
        """The document. Raises DocumentNotFound."""
        ...

    async def list(
        self,
        *,
        collection: str | None = None,
        status: Status | None = None,
        after: DocumentId | None = None,
        limit: int,
    ) -> Sequence[Document]:
        """Up to `limit` documents by id, oldest first, those past the id `after`; ids grow with time."""
        ...

    async def delete(self, document_id: DocumentId) -> Sequence[str]:
        """Forget the document, its revisions, jobs and events; the SHA-256s that were theirs.

        Raises DocumentNotFound.
        """
        ...

    async def events(self, document_id: DocumentId, *, after: int = 0, limit: int) -> Sequence[DocumentEvent]:
        """Up to `limit` changes of status, stage, progress or attempts, in order, those past the id `after`.

        Raises DocumentNotFound.
        """
        ...

    async def prune(self, *, older_than_seconds: float) -> None:
        """Forget idempotency keys of that age, and events but the last of each document."""
        ...


class ContentLedger(Protocol):
    """Knows which bytes are in use, and remembers which may not be any more until somebody has looked."""

    async def lock(self, sha256: str) -> None:
        """Until the unit of work ends, no other unit of work passes here with the same hash.

        To be called inside a unit of work.
        """
        ...

    async def is_used(self, sha256: str) -> bool:
        """Whether any revision of any document has these bytes, as its upload or as its unlocked copy."""
        ...

    async def suspect(self, sha256: str, *, after_seconds: float = 0.0) -> None:
        """Remember to look, after so long, whether the bytes are in use; a later call counts.

        A DocumentStore and a JobStore do so for the bytes of each revision that they drop.
        """
        ...

    async def suspected(self, *, limit: int) -> Sequence[str]:
        """Up to `limit` hashes whose time to look has come."""
        ...

    async def clear(self, sha256: str) -> None:
        """Forget the suspicion; none is no error."""
        ...


class PageStore(Protocol):
    """Holds the text of revisions, page by page."""

    async def add(self, revision_id: RevisionId, pages: Sequence[Page]) -> None:
        """Keep these pages; a page that begins where a kept one begins replaces it.

        Raises StaleLease if the revision is gone.
        """
        ...

    async def read(
        self, revision_id: RevisionId, *, span: Span | None = None, limit: int | None = None
    ) -> Sequence[Page]:
        """The pages in order, or those that share a character with `span`; up to `limit`, if given."""
        ...

    async def extent(self, revision_id: RevisionId) -> Extent:
        """How many pages are kept, and where the last of them ends."""
        ...

    async def headings(self, revision_id: RevisionId, *, up_to: int) -> Sequence[Heading]:
        """The headings up to this offset, it included, in order, with offsets into the revision's text."""
        ...

    async def discard(self, revision_id: RevisionId) -> None:
        """Forget the pages of a revision; none is no error."""
        ...


class JobStore(Protocol):
    """Holds jobs for whoever works on them: who does, until when, and how it ended.

    The states follow `citewell.lifecycle`. Every call that takes a Lease raises StaleLease, and changes
    nothing, if the job was claimed again, has ended or is gone.
    """

    async def claim(self, job_id: JobId, *, lease_seconds: float) -> Lease | None:
        """Take the job: PROCESSING, its attempts one more, the lease's fence higher than any before.

        None if it is not there, has ended, waits for a later time, or another worker's lease still runs. Its
        strikes are one more. The lease tells the progress that was last reported, and how long ago pages or
        chunks were last done.
        """
        ...

    async def extend(self, lease: Lease, *, lease_seconds: float) -> None:
        """Hold the job for `lease_seconds` from now."""
        ...

    async def report(self, lease: Lease, *, stage: Stage, progress: Progress, lease_seconds: float) -> None:
        """Record how far the job is, and hold it for `lease_seconds` from now.

        If more pages or chunks are done than before, it has no strikes any more. In a unit of work nobody
        else claims, cancels or ends the job until the unit's end.
        """
        ...

    async def complete(self, lease: Lease, *, page_count: int, chunk_count: int) -> None:
        """The revision is live and the document READY; revisions before it are dropped."""
        ...

    async def fail(self, lease: Lease, failure: Failure) -> None:
        """The document is FAILED; a revision that was live before stays live."""
        ...

    async def defer(
        self, lease: Lease, *, seconds: float, counted: bool = True, strike: bool = False
    ) -> None:
        """Give the job back: QUEUED, not to be claimed before `seconds` have passed.

        Unless `counted`, its attempts are one less again; unless `strike`, its strikes are.
        """
        ...


class JobBoard(Protocol):
    """Holds the same jobs for whoever looks after them. The states follow `citewell.lifecycle`."""

    async def cancel(self, document_id: DocumentId) -> RevisionId | None:
        """The document is CANCELLED, and who works on it finds its lease stale; a live revision stays live.

        The revision that will not be live, of which nothing staged is to stay; None if it is live already.
        Raises DocumentNotFound; Conflict unless it is QUEUED or PROCESSING.
        """
        ...

    async def retry(self, document_id: DocumentId, *, request_id: str = "") -> JobId:
        """The document is QUEUED with a new job, its attempts none.

        Raises DocumentNotFound; Conflict unless it has FAILED or was CANCELLED.
        """
        ...

    async def due(self, *, grace_seconds: float, limit: int) -> Sequence[JobId]:
        """Jobs that could be claimed and that nobody was told of for `grace_seconds`, longest waiting first.

        A job whose worker is lost, as its lease has run out, is due without the grace.
        """
        ...

    async def announced(self, job_ids: Sequence[JobId]) -> None:
        """A worker was told of these jobs now; a missing id is no error."""
        ...

    async def waiting(self) -> bool:
        """Whether there is a QUEUED job that could be claimed."""
        ...

    async def backlog(self) -> Backlog:
        """What is QUEUED or PROCESSING."""
        ...


class BlobStore(Protocol):
    """Holds bytes under their SHA-256."""

    async def receive(self, content: AsyncIterator[bytes]) -> Blob:
        """Store a stream aside, whole or not at all, and say what it was."""
        ...

    async def keep(self, blob: Blob) -> None:
        """Let the received bytes be found under their SHA-256; keeping the same bytes twice is no error."""
        ...

    async def drop(self, blob: Blob) -> None:
        """Forget received bytes that were not kept; kept or dropped already is no error."""
        ...

    async def expire(self, *, older_than_seconds: float) -> int:
        """Forget received bytes that were neither kept nor dropped, and that nobody has added to for so long.

        How many there were; those of a process that was killed in the middle of receiving are among them.
        """
        ...

    def read_received(self, blob: Blob) -> AsyncGenerator[bytes, None]:
        """The received bytes in pieces of at most 1 MiB; ContentMissing if they were kept or dropped."""
        ...

    def read(self, sha256: str, *, span: Span | None = None) -> AsyncGenerator[bytes, None]:
        """The kept bytes in pieces of at most 1 MiB, or those at `span` (byte offsets).

        Raises ContentMissing if there are none. Read whole, bytes whose SHA-256 is not theirs any more raise
        ContentMissing at the end.
        """
        ...

    async def delete(self, sha256: str) -> None:
        """Forget the kept bytes; a missing hash is no error."""
        ...


class Parser(Protocol):
    """Reads files of some types."""

    def detect(self, head: bytes, *, name: str) -> str | None:
        """The media type if this parser reads a file that begins with `head`, else None.

        `head` is the first 8 KiB or the whole of a shorter file. The bytes decide; the name only tells apart
        types that look the same.
        """
        ...

    def parse(
        self, path: Path, *, media_type: str, password: str | None = None, skip: int = 0
    ) -> AsyncGenerator[ParsedPage, None]:
        """The pages in order, each as soon as it is read; closing the generator early ends the reading.

        The first `skip` pages or parts are left out, and the others come as they would have come after them;
        past the end there are none. Numbers begin at 1 and never decrease; a page that cannot be read comes
        with an empty text and says in `problem` why. Where a page comes in several parts, none of them is
        empty. No text holds a NUL or a surrogate. Line spans are in order and lie within the page's text,
        boxes within the page. Raises PasswordRequired, UnreadableDocument, ParserLimitExceeded or
        ParserCrashed.
        """
        ...

    async def unlock(self, path: Path, *, media_type: str, password: str, to: Path) -> bool:
        """Write a copy of an encrypted file to `to` that opens without a password, and reads the same.

        The same file and password give the same bytes. False, and no file, if the password is wrong, the file
        opens without one, or the format knows none. Raises UnreadableDocument, ParserLimitExceeded or
        ParserCrashed; then, too, there is no file.
        """
        ...


#: Everything that stores do inside `async with unit_of_work():` takes effect together at its end, or not at
#: all if an exception leaves it. Units of work do not nest.
UnitOfWork = Callable[[], AbstractAsyncContextManager[None]]
