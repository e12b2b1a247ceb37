"""Documents and the bytes that they are of."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from citewell.model.names import DocumentId, JobId, RevisionId, checked_collection

__all__ = [
    "Blob",
    "Content",
    "Document",
    "DocumentEvent",
    "Failure",
    "LiveRevision",
    "Progress",
    "Stage",
    "Status",
    "Submission",
    "Submitted",
]


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
class LiveRevision:
    """The revision of a document that searches find.

    sha256: of the upload. content_sha256: of the bytes to read, which are not those of the upload where these
    are encrypted.
    """

    id: RevisionId
    sha256: str
    content_sha256: str
    media_type: str


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
