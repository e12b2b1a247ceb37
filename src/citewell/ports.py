"""The ports: what the core needs of the world, as Protocols.

Every sentence of a docstring here is a promise, and a test in `citewell.testing`. `Chunker`, `Embedder`,
`VectorStore`, `LLM` and `JobQueue` are the extension points; the others serve the life of a document. A
failure that may pass by itself is raised as a kind of `Transient`; no exception of a vendor leaves an
adapter. Adapters that hold connections are async context managers and are opened before they are used.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from pathlib import Path
from typing import Literal, Protocol

from citewell.model import (
    Blob,
    Chunk,
    Delta,
    Document,
    DocumentId,
    EmbeddedChunk,
    EmbeddingSpace,
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
    "DocumentStore",
    "Embedder",
    "EmbeddingRole",
    "JobQueue",
    "JobStore",
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

    async def staged(self, revision_id: RevisionId) -> int:
        """How many chunks are staged from index 0 on without a gap."""
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

    async def discard(self, revision_id: RevisionId) -> None:
        """Forget what is staged for the revision; nothing staged is no error."""
        ...

    async def delete(self, document_id: DocumentId) -> None:
        """Forget every chunk of the document, live or staged; a missing id is no error."""
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

        The same bytes again in the same collection make nothing new: the reply is the document that holds
        them, with `created` False. If that document has FAILED or was CANCELLED it is QUEUED anew and the
        reply carries the new job.
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
        """Forget the document, its revisions and jobs; the SHA-256s that no other document uses any more.

        Raises DocumentNotFound.
        """
        ...

    async def lock_content(self, sha256: str) -> None:
        """Until the unit of work ends, no other unit of work passes here with the same hash.

        To be called inside a unit of work.
        """
        ...

    async def uses_content(self, sha256: str) -> bool:
        """Whether any revision of any document has these bytes."""
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


class JobStore(Protocol):
    """Holds jobs: who works on which, until when, and how it ended.

    Every call that takes a Lease raises StaleLease, and changes nothing, if the job was claimed again, has
    ended or is gone.
    """

    async def claim(self, job_id: JobId, *, lease_seconds: float) -> Lease | None:
        """Take the job: PROCESSING, its attempts one more, the lease's fence higher than any before.

        None if it is not there, has ended, waits for a later time, or another worker's lease still runs.
        """
        ...

    async def report(self, lease: Lease, *, stage: Stage, progress: Progress, lease_seconds: float) -> None:
        """Record how far the job is, and hold it for `lease_seconds` from now."""
        ...

    async def complete(self, lease: Lease, *, page_count: int, chunk_count: int) -> None:
        """The revision is live and the document READY."""
        ...

    async def fail(self, lease: Lease, failure: Failure) -> None:
        """The document is FAILED; a revision that was live before stays live."""
        ...

    async def defer(self, lease: Lease, *, seconds: float, counted: bool = True) -> None:
        """Give the job back: QUEUED, not to be claimed before `seconds` have passed.

        Unless `counted`, its attempts are one less again.
        """
        ...

    async def due(self, *, grace_seconds: float, limit: int) -> Sequence[JobId]:
        """Jobs that could be claimed for at least `grace_seconds` and were not, the longest waiting first."""
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
