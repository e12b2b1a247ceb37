"""What holds documents, their pages and their bytes."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from typing import Protocol

from citewell.model import (
    Blob,
    Document,
    DocumentEvent,
    DocumentId,
    Extent,
    Heading,
    LiveRevision,
    Page,
    RevisionId,
    Span,
    Status,
    Submission,
    Submitted,
)

__all__ = [
    "BlobStore",
    "ContentLedger",
    "DocumentStore",
    "PageStore",
]


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

    async def live(self, document_id: DocumentId) -> LiveRevision:
        """What is found of the document, whatever is being ingested in its place.

        Raises DocumentNotFound, and DocumentNotReady as long as no revision is live.
        """
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
