"""What goes wrong, as RFC 9457 tells it: every kind of problem, and which error is of which kind."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Annotated, Final

import msgspec

from citewell.errors import (
    BlobsUnavailable,
    ChunkNotFound,
    CitewellError,
    Conflict,
    ContentMissing,
    ContentTooLarge,
    DimensionMismatch,
    DocumentNotFound,
    DocumentNotReady,
    EmbedderUnavailable,
    EmbeddingRejected,
    InvalidInput,
    KeyReused,
    NoPageImages,
    NotFound,
    PageNotFound,
    PageUndrawable,
    QueueUnavailable,
    RendererBusy,
    SpaceMismatch,
    StoreUnavailable,
    TooMuchQueued,
    Transient,
    UnsupportedMediaType,
)

__all__ = [
    "BODY_TOO_SLOW",
    "CLIENT_CLOSED_REQUEST",
    "CONTENT_TOO_LARGE",
    "INTERNAL_ERROR",
    "INVALID_CONTENT_TYPE",
    "INVALID_REQUEST",
    "METHOD_NOT_ALLOWED",
    "OVERLOADED",
    "PROBLEM_MEDIA_TYPE",
    "RANGE_NOT_SATISFIABLE",
    "ROUTE_NOT_FOUND",
    "ClientDisconnected",
    "FieldError",
    "HttpProblem",
    "Kind",
    "Problem",
    "kind_of",
]

PROBLEM_MEDIA_TYPE: Final = "application/problem+json"
_RETRY_SECONDS: Final = 5
#: What waits is served within seconds.
_OVERLOAD_RETRY_SECONDS: Final = 2
#: A page takes a fraction of a second.
_DRAWING_RETRY_SECONDS: Final = 1
#: A queue that is full moves on document by document.
_QUEUE_RETRY_SECONDS: Final = 10


class FieldError(msgspec.Struct, frozen=True, kw_only=True):
    """One part of the request that is not as it should be."""

    source: Annotated[str, msgspec.Meta(description="`body`, `form` or `query`", examples=["body"])]
    field: Annotated[
        str, msgspec.Meta(description="the field; empty: the whole of the source", examples=["top_k"])
    ]
    message: Annotated[str, msgspec.Meta(description="what is wrong", examples=["Expected `int` <= 100"])]


class Problem(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A problem as RFC 9457 defines it."""

    type: Annotated[
        str,
        msgspec.Meta(
            description="the kind of problem; never changes its meaning",
            examples=["urn:citewell:problem:document-not-found"],
        ),
    ]
    title: Annotated[
        str, msgspec.Meta(description="the kind, for people", examples=["There is no such document"])
    ]
    status: Annotated[int, msgspec.Meta(description="the status of the reply", examples=[404])]
    detail: Annotated[
        str,
        msgspec.Meta(
            description="what happened, and what to do about it",
            examples=["There is no document 0199c1f0-…. GET /api/v1/documents lists those there are."],
        ),
    ]
    instance: Annotated[str, msgspec.Meta(description="the path that was asked for")]
    request_id: Annotated[
        str, msgspec.Meta(description="the `X-Request-ID` of the reply, and of the log lines about it")
    ]
    errors: Annotated[
        list[FieldError], msgspec.Meta(description="where the request is wrong, if that can be said")
    ] = []


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of problem. advice: a sentence on what to do, for the end of the detail."""

    name: str
    status: int
    title: str
    advice: str = ""
    retry_after_seconds: int | None = None

    @property
    def type(self) -> str:
        return f"urn:citewell:problem:{self.name}"


_LATER: Final = "Try again in some seconds."
_LATER_PROBED: Final = "Try again in some seconds; GET /readyz says which part is away."
_LOGGED: Final = "It was logged; whoever runs this server finds it by the request id."

INVALID_REQUEST: Final = Kind("invalid-request", 400, "The request is not valid")
ROUTE_NOT_FOUND: Final = Kind("route-not-found", 404, "There is nothing at this address")
METHOD_NOT_ALLOWED: Final = Kind("method-not-allowed", 405, "This address does not know the method")
BODY_TOO_SLOW: Final = Kind("body-too-slow", 408, "The body came too slowly")
CONTENT_TOO_LARGE: Final = Kind("content-too-large", 413, "The content is too large")
INVALID_CONTENT_TYPE: Final = Kind("invalid-content-type", 415, "The request's Content-Type is not right")
RANGE_NOT_SATISFIABLE: Final = Kind("range-not-satisfiable", 416, "The content has no such range")
#: Nobody reads this one: it is for logs and metrics.
CLIENT_CLOSED_REQUEST: Final = Kind("client-closed-request", 499, "The client went away")
INTERNAL_ERROR: Final = Kind("internal-error", 500, "Something went wrong in the server", _LOGGED)
#: Said before the request was looked at.
OVERLOADED: Final = Kind(
    "overloaded",
    503,
    "There are too many requests at once",
    "Send it again when the time in Retry-After is over.",
    _OVERLOAD_RETRY_SECONDS,
)

#: An error's kind is that of the first of its classes that is here.
_KINDS: Final[Mapping[type[CitewellError], Kind]] = MappingProxyType(
    {
        InvalidInput: INVALID_REQUEST,
        ContentTooLarge: CONTENT_TOO_LARGE,
        UnsupportedMediaType: Kind(
            "unsupported-media-type",
            415,
            "Files of this type are not read",
            "The bytes decide, not the name.",
        ),
        NotFound: Kind("not-found", 404, "There is no such thing"),
        DocumentNotFound: Kind(
            "document-not-found",
            404,
            "There is no such document",
            "GET /api/v1/documents lists those there are.",
        ),
        ChunkNotFound: Kind(
            "chunk-not-found",
            404,
            "The document has no such chunk",
            "GET /api/v1/documents/{id}/chunks lists those there are.",
        ),
        PageNotFound: Kind("page-not-found", 404, "The document has no such page, or the chunk is not on it"),
        NoPageImages: Kind(
            "no-page-images",
            409,
            "The document's format has no pages to draw",
            "Pages of PDFs can be drawn; GET /api/v1/documents/{id}/text has the text of any document.",
        ),
        PageUndrawable: Kind(
            "page-undrawable",
            422,
            "The page cannot be drawn",
            "GET /api/v1/documents/{id}/content has the file itself.",
        ),
        DocumentNotReady: Kind(
            "document-not-ready",
            409,
            "The document is not ready",
            "GET /api/v1/documents/{id} says how far it is.",
        ),
        Conflict: Kind(
            "conflict",
            409,
            "The document's state does not allow this",
            "GET /api/v1/documents/{id} shows the document as it is.",
        ),
        KeyReused: Kind(
            "idempotency-key-reused",
            422,
            "The idempotency key belongs to another request",
            "Send a new key with a new request, and a key again only with the same one.",
        ),
        TooMuchQueued: Kind(
            "too-much-queued",
            429,
            "Too much waits for its ingestion",
            "Send it again when the time in Retry-After is over.",
            _QUEUE_RETRY_SECONDS,
        ),
        ContentMissing: Kind(
            "content-missing", 500, "The stored bytes are gone", f"Upload the file again. {_LOGGED}"
        ),
        # A caller never sends a vector: it is the server's model that does not fit the server's store.
        DimensionMismatch: Kind(
            "dimension-mismatch", 500, "The embedding model does not fit the stored vectors", _LOGGED
        ),
        SpaceMismatch: Kind(
            "space-mismatch", 500, "The embedding model does not fit the stored vectors", _LOGGED
        ),
        EmbeddingRejected: Kind(
            "embedding-rejected", 502, "The embedding model refuses the question", _LOGGED
        ),
        Transient: Kind("unavailable", 503, "Something is away for the moment", _LATER, _RETRY_SECONDS),
        StoreUnavailable: Kind(
            "store-unavailable", 503, "The database is away", _LATER_PROBED, _RETRY_SECONDS
        ),
        BlobsUnavailable: Kind("blobs-unavailable", 503, "The file store is away", _LATER, _RETRY_SECONDS),
        QueueUnavailable: Kind(
            "queue-unavailable", 503, "The job queue is away", _LATER_PROBED, _RETRY_SECONDS
        ),
        RendererBusy: Kind(
            "renderer-busy", 503, "Too many pages are being drawn", _LATER, _DRAWING_RETRY_SECONDS
        ),
        EmbedderUnavailable: Kind(
            "embedder-unavailable", 503, "The embedding model is away", _LATER, _RETRY_SECONDS
        ),
    }
)


class HttpProblem(Exception):
    """A problem that only the protocol knows. detail: a sentence for people; headers: for the reply."""

    def __init__(
        self,
        kind: Kind,
        detail: str,
        *,
        errors: Sequence[FieldError] = (),
        headers: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        super().__init__(detail)
        self.kind = kind
        self.errors = errors
        self.headers = headers


class ClientDisconnected(Exception):
    """The client went away before its request was complete."""


def kind_of(error: type[CitewellError]) -> Kind:
    """The kind of the error's class or its nearest base; INTERNAL_ERROR if none is known."""
    for cls in error.__mro__:
        if kind := _KINDS.get(cls):
            return kind
    return INTERNAL_ERROR
