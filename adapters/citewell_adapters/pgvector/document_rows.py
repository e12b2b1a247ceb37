"""From rows of PostgreSQL to documents and their events."""

from __future__ import annotations

from typing import Any

from citewell.model import (
    Document,
    DocumentEvent,
    DocumentId,
    Failure,
    Progress,
    RevisionId,
    Stage,
    Status,
)

__all__ = ["document_from", "event_from", "revision_of"]


def document_from(row: tuple[Any, ...]) -> Document:
    """The document of a row that `document_sql` selects."""
    (id_, name, collection, media_type, size_bytes, sha256, metadata, *job) = row
    (status, stage, pages_done, pages_total, chunks_done, chunks_total, *rest) = job
    (attempts, error_code, error_message, page_count, chunk_count, *rest) = rest
    (created_at, updated_at, live_revision_id, unreadable_pages, _) = rest
    return Document(
        id=DocumentId(id_),
        name=name,
        collection=collection,
        media_type=media_type,
        size_bytes=size_bytes,
        sha256=sha256,
        metadata=metadata,
        status=Status(status),
        stage=_stage(stage),
        progress=Progress(pages_done, pages_total, chunks_done, chunks_total),
        attempts=attempts,
        error=_failure(error_code, error_message),
        page_count=page_count,
        chunk_count=chunk_count,
        created_at=created_at,
        updated_at=updated_at,
        revision_id=None if live_revision_id is None else RevisionId(live_revision_id),
        unreadable_pages=tuple(unreadable_pages),
    )


def revision_of(row: tuple[Any, ...]) -> RevisionId:
    """The newest revision of the document of such a row."""
    return RevisionId(row[-1])


def event_from(row: tuple[Any, ...]) -> DocumentEvent:
    """The event of a row that `document_sql.EVENTS` selects."""
    (id_, status, stage, pages_done, pages_total, chunks_done, chunks_total, *rest) = row
    (attempts, error_code, error_message, at) = rest
    return DocumentEvent(
        id=id_,
        status=Status(status),
        stage=_stage(stage),
        progress=Progress(pages_done, pages_total, chunks_done, chunks_total),
        attempts=attempts,
        error=_failure(error_code, error_message),
        at=at,
    )


def _stage(name: str | None) -> Stage | None:
    return None if name is None else Stage(name)


def _failure(code: str | None, message: str | None) -> Failure | None:
    return None if code is None else Failure(code, message or "")
