"""The values that go over the wire; all else in the core has values of its own."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

import msgspec
from msgspec import Meta, Struct

from citewell.model import (
    DEFAULT_COLLECTION,
    Chunk,
    Document,
    DocumentEvent,
    Failure,
    PageBox,
    Progress,
    Span,
    Stage,
    Status,
    Submitted,
)

__all__ = [
    "BoxItem",
    "ChunkItem",
    "ChunkPage",
    "DocumentItem",
    "DocumentPage",
    "Error",
    "EventItem",
    "PageRange",
    "ProgressItem",
    "SpanItem",
    "SubmittedItem",
    "WarningItem",
]

_ID = "0199c1f0-7d6e-7c3a-9b57-2f6f3c1f9a10"
_SHA256 = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"

DocumentUUID = Annotated[UUID, Meta(description="the id of a document", examples=[_ID])]
Sha256 = Annotated[str, Meta(description="SHA-256 of the document's bytes, in hex", examples=[_SHA256])]
Collection = Annotated[
    str, Meta(description="the collection that the document is in", examples=[DEFAULT_COLLECTION])
]


class SpanItem(Struct, frozen=True):
    """A half-open range of character offsets (code points) into the text of the document's revision.

    `GET /api/v1/documents/{id}/text?start=…&end=…` returns exactly these characters.
    """

    start: Annotated[int, Meta(description="offset of the first character", examples=[1200])]
    end: Annotated[int, Meta(description="offset past the last character", examples=[1874])]

    @classmethod
    def of(cls, span: Span) -> SpanItem:
        return cls(span.start, span.end)


class PageRange(Struct, frozen=True):
    """The pages, counted from 1, of the first and the last character."""

    first: Annotated[int, Meta(description="page of the first character", examples=[3])]
    last: Annotated[int, Meta(description="page of the last character", examples=[4])]


class BoxItem(Struct, frozen=True):
    """Where a printed line is on its page: fractions of the page's width and height as it is shown.

    The origin is the top left. `GET /api/v1/documents/{id}/pages/{page}.png?chunk=…` draws it.
    """

    page: Annotated[int, Meta(description="the page, counted from 1", examples=[3])]
    left: Annotated[float, Meta(ge=0, le=1, examples=[0.1176])]
    top: Annotated[float, Meta(ge=0, le=1, examples=[0.25845])]
    right: Annotated[float, Meta(ge=0, le=1, examples=[0.88235])]
    bottom: Annotated[float, Meta(ge=0, le=1, examples=[0.27265])]

    @classmethod
    def of(cls, found: PageBox) -> BoxItem:
        box = found.box
        return cls(found.page, box.left, box.top, box.right, box.bottom)


Boxes = Annotated[
    list[BoxItem],
    Meta(
        description="the printed lines that share characters with `span`, in reading order; empty for "
        "formats without pages"
    ),
]


class Error(Struct, frozen=True):
    """Why a document failed."""

    code: Annotated[
        str, Meta(description="stable; for programs", examples=["password_required", "unreadable", "no_text"])
    ]
    message: Annotated[str, Meta(description="for people")]

    @classmethod
    def of(cls, failure: Failure) -> Error:
        return cls(failure.code, failure.message)


class WarningItem(Struct, frozen=True):
    """What a document that is ready lacks all the same."""

    code: Annotated[str, Meta(description="stable; for programs", examples=["pages_unreadable"])]
    message: Annotated[str, Meta(description="for people")]
    pages: Annotated[list[int], Meta(description="the pages, counted from 1", examples=[[3, 17]])]

    @classmethod
    def of(cls, document: Document) -> list[WarningItem]:
        pages = document.unreadable_pages
        if not pages:
            return []
        which = "1 page" if len(pages) == 1 else f"{len(pages)} pages"
        return [cls("pages_unreadable", f"{which} could not be read and cannot be found.", list(pages))]


class ProgressItem(Struct, frozen=True):
    """How far the ingestion is; a total is null until it is known."""

    pages_done: int
    pages_total: int | None
    chunks_done: int
    chunks_total: int | None

    @classmethod
    def of(cls, progress: Progress) -> ProgressItem:
        return cls(progress.pages_done, progress.pages_total, progress.chunks_done, progress.chunks_total)


class DocumentItem(Struct, frozen=True, kw_only=True):
    """A document and how far it has come."""

    id: DocumentUUID
    name: Annotated[str, Meta(description="the file's name as it was uploaded", examples=["report.pdf"])]
    media_type: Annotated[
        str, Meta(description="decided from the bytes, not from the name", examples=["application/pdf"])
    ]
    size_bytes: int
    sha256: Sha256
    collection: Collection
    metadata: Annotated[
        dict[str, Any], Meta(description="the JSON object that was uploaded with the document")
    ]
    status: Annotated[
        Status, Meta(description="`ready`, `failed` and `cancelled` are ends; only `ready` ones are found")
    ]
    stage: Annotated[Stage | None, Meta(description="what is being done while `processing`")]
    progress: ProgressItem
    attempts: Annotated[int, Meta(description="how often the ingestion was begun")]
    error: Annotated[Error | None, Meta(description="why it `failed`, else null")]
    warnings: Annotated[list[WarningItem], Meta(description="what it lacks although it is `ready`")]
    page_count: Annotated[int | None, Meta(description="null until known")]
    chunk_count: Annotated[int | None, Meta(description="null until known")]
    created_at: datetime
    updated_at: datetime

    @classmethod
    def of(cls, document: Document) -> DocumentItem:
        return cls(
            id=document.id,
            name=document.name,
            media_type=document.media_type,
            size_bytes=document.size_bytes,
            sha256=document.sha256,
            collection=document.collection,
            metadata=dict(document.metadata),
            status=document.status,
            stage=document.stage,
            progress=ProgressItem.of(document.progress),
            attempts=document.attempts,
            error=None if document.error is None else Error.of(document.error),
            warnings=WarningItem.of(document),
            page_count=document.page_count,
            chunk_count=document.chunk_count,
            created_at=document.created_at,
            updated_at=document.updated_at,
        )


class SubmittedItem(DocumentItem, frozen=True, kw_only=True):
    """A document that was just taken, and what was missing at it."""

    degraded: Annotated[
        list[str],
        Meta(
            description="what could not contribute: `queue` if the workers hear of the document only later, "
            "as soon as the queue is back",
            examples=[[], ["queue"]],
        ),
    ]

    @classmethod
    def of_submitted(cls, submitted: Submitted) -> SubmittedItem:
        item = DocumentItem.of(submitted.document)
        return cls(**msgspec.structs.asdict(item), degraded=list(submitted.degraded))


class EventItem(Struct, frozen=True, kw_only=True):
    """What a document was from some moment on."""

    status: Status
    stage: Annotated[Stage | None, Meta(description="what is being done while `processing`")]
    progress: ProgressItem
    attempts: Annotated[int, Meta(description="how often the ingestion was begun")]
    error: Annotated[Error | None, Meta(description="why it `failed`, else null")]
    at: Annotated[datetime, Meta(description="since when")]

    @classmethod
    def of(cls, event: DocumentEvent) -> EventItem:
        return cls(
            status=event.status,
            stage=event.stage,
            progress=ProgressItem.of(event.progress),
            attempts=event.attempts,
            error=None if event.error is None else Error.of(event.error),
            at=event.at,
        )


class DocumentPage(Struct, frozen=True):
    """Some documents, oldest first."""

    items: list[DocumentItem]
    next: Annotated[UUID | None, Meta(description="give it as `after` to go on; null at the end")]


class ChunkItem(Struct, frozen=True, kw_only=True):
    """A passage of a document."""

    index: Annotated[int, Meta(description="from 0, without gaps")]
    text: Annotated[str, Meta(description="exactly the document's text at `span`")]
    span: SpanItem
    pages: PageRange
    heading_path: Annotated[
        list[str], Meta(description="the headings above the passage, from the outermost inwards")
    ]
    token_count: Annotated[int, Meta(description="as the embedding model counts")]
    boxes: Boxes

    @classmethod
    def of(cls, chunk: Chunk) -> ChunkItem:
        return cls(
            index=chunk.index,
            text=chunk.text,
            span=SpanItem.of(chunk.span),
            pages=PageRange(chunk.first_page, chunk.last_page),
            heading_path=list(chunk.heading_path),
            token_count=chunk.token_count,
            boxes=[BoxItem.of(box) for box in chunk.boxes],
        )


class ChunkPage(Struct, frozen=True):
    """Some chunks of a document, in order."""

    items: list[ChunkItem]
    next: Annotated[int | None, Meta(description="give it as `after` to go on; null at the end")]
