"""The error tree of the core.

    CitewellError
    ├── InvalidInput                 the caller sent something that cannot be right
    │   ├── ContentTooLarge
    │   ├── UnsupportedMediaType
    │   └── DimensionMismatch
    ├── NotFound
    │   ├── DocumentNotFound
    │   ├── ChunkNotFound
    │   └── PageNotFound
    ├── NoPageImages                 the document's format has no pages that could be drawn
    ├── PageUndrawable               the page cannot be drawn; trying again gives the same
    ├── DocumentNotReady             what was asked for exists only once the document is ready
    ├── Conflict                     the document's state does not allow what was asked for
    │   └── KeyReused                the idempotency key belongs to another request
    ├── TooMuchQueued                so much waits for its ingestion that no more is taken for now
    ├── IngestionFailure             a document that cannot become `ready`; `code` says why, for ever
    │   ├── UnreadableDocument       unreadable
    │   ├── PasswordRequired         password_required
    │   ├── NoText                   no_text
    │   ├── ParserLimitExceeded      parser_limit_exceeded
    │   ├── ParserCrashed            parser_crashed
    │   ├── ContentMissing           content_missing
    │   └── AttemptsExhausted        attempts_exhausted
    ├── SpaceMismatch                the store holds vectors of another embedding space
    ├── StaleLease                   another worker has taken the job; nothing of ours may be published
    ├── EmbeddingRejected            the embedder refuses this input for good
    ├── RerankerRejected             the reranker refuses this request for good
    ├── LLMRejected                  the language model refuses this request for good
    └── Transient                    worth trying again later
        ├── EmbedderUnavailable
        ├── RerankerUnavailable
        ├── LLMUnavailable
        ├── StoreUnavailable
        ├── BlobsUnavailable
        ├── QueueUnavailable
        └── RendererBusy             so many pages are being drawn that no more are taken for now

An exception's docstring is its default message. Whether work is tried again depends on `Transient` alone.
"""

from __future__ import annotations

from enum import StrEnum
from typing import ClassVar

__all__ = [
    "AttemptsExhausted",
    "BlobsUnavailable",
    "ChunkNotFound",
    "CitewellError",
    "Conflict",
    "ContentMissing",
    "ContentTooLarge",
    "DimensionMismatch",
    "DocumentNotFound",
    "DocumentNotReady",
    "EmbedderUnavailable",
    "EmbeddingRejected",
    "IngestionFailure",
    "InvalidInput",
    "KeyReused",
    "LLMRejected",
    "LLMUnavailable",
    "NoPageImages",
    "NoText",
    "NotFound",
    "PageNotFound",
    "PageUndrawable",
    "ParserCrashed",
    "ParserLimitExceeded",
    "PasswordRequired",
    "QueueUnavailable",
    "Reason",
    "RendererBusy",
    "RerankerRejected",
    "RerankerUnavailable",
    "SpaceMismatch",
    "StaleLease",
    "StoreUnavailable",
    "TooMuchQueued",
    "Transient",
    "UnreadableDocument",
    "UnsupportedMediaType",
]


class Reason(StrEnum):
    """Why a part does not do its work: words for programs, which keep their meaning.

    `unavailable`: it cannot be reached, or says that something is wrong with it. `timeout`: it did not answer
    in its time. `busy`: so many calls of it go on that no more is begun. `circuit_open`: it failed several
    times in a row and is left alone for a moment. `rejected`: it refuses what it is asked, or the key, or
    gives what cannot be used.
    """

    UNAVAILABLE = "unavailable"
    TIMEOUT = "timeout"
    BUSY = "busy"
    CIRCUIT_OPEN = "circuit_open"
    REJECTED = "rejected"


class CitewellError(Exception):
    """Something went wrong in Citewell."""

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message or (type(self).__doc__ or "").strip().splitlines()[0])


class InvalidInput(CitewellError):
    """The input is not valid."""


class ContentTooLarge(InvalidInput):
    """The content is larger than the limit."""


class UnsupportedMediaType(InvalidInput):
    """No parser reads content of this type."""


class DimensionMismatch(InvalidInput):
    """The vector does not have the dimensions of the embedding space."""


class NotFound(CitewellError):
    """There is nothing under this id."""


class DocumentNotFound(NotFound):
    """There is no document with this id."""


class ChunkNotFound(NotFound):
    """The document has no chunk with this index."""


class PageNotFound(NotFound):
    """The document has no page with this number."""


class NoPageImages(CitewellError):
    """The document's format has no pages that could be drawn."""


class PageUndrawable(CitewellError):
    """The page cannot be drawn."""


class DocumentNotReady(CitewellError):
    """The document is not ready yet."""


class Conflict(CitewellError):
    """The document's state does not allow this."""


class KeyReused(Conflict):
    """The idempotency key was given with another request before."""


class TooMuchQueued(CitewellError):
    """So much waits for its ingestion that no more is taken for now."""


class IngestionFailure(CitewellError):
    """The document cannot be ingested."""

    code: ClassVar[str] = "failed"


class UnreadableDocument(IngestionFailure):
    """The file is damaged: no page of it could be read."""

    code: ClassVar[str] = "unreadable"


class PasswordRequired(IngestionFailure):
    """The file is encrypted and opens only with a password."""

    code: ClassVar[str] = "password_required"


class NoText(IngestionFailure):
    """The file holds no text; a scanned document needs optical character recognition first."""

    code: ClassVar[str] = "no_text"


class ParserLimitExceeded(IngestionFailure):
    """Reading the file took more time or memory than a parser is allowed."""

    code: ClassVar[str] = "parser_limit_exceeded"


class ParserCrashed(IngestionFailure):
    """Reading the file crashed its reader."""

    code: ClassVar[str] = "parser_crashed"


class ContentMissing(IngestionFailure):
    """The stored bytes of the document are missing or were altered."""

    code: ClassVar[str] = "content_missing"


class AttemptsExhausted(IngestionFailure):
    """The ingestion was tried as often as allowed and did not succeed."""

    code: ClassVar[str] = "attempts_exhausted"


class SpaceMismatch(CitewellError):
    """The store holds vectors of another embedding space."""


class StaleLease(CitewellError):
    """The job is no longer held by this worker."""


class EmbeddingRejected(CitewellError):
    """The embedder refuses this input or these settings."""


class RerankerRejected(CitewellError):
    """The reranker refuses this request or these settings."""


class LLMRejected(CitewellError):
    """The language model refuses this request or these settings."""


class Transient(CitewellError):
    """Something is away for the moment."""

    def __init__(self, message: str | None = None, *, reason: Reason = Reason.UNAVAILABLE) -> None:
        super().__init__(message)
        self.reason = reason


class EmbedderUnavailable(Transient):
    """The embedder does not answer."""


class RerankerUnavailable(Transient):
    """The reranker does not answer."""


class LLMUnavailable(Transient):
    """The language model does not answer."""


class StoreUnavailable(Transient):
    """The database does not answer."""


class BlobsUnavailable(Transient):
    """The blob store does not answer."""


class QueueUnavailable(Transient):
    """The job queue does not answer."""


class RendererBusy(Transient):
    """So many pages are being drawn that no more are taken for now."""
