"""The shared state of the in-memory stores, and its unit of work."""

from __future__ import annotations

import asyncio
import copy
import itertools
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from citewell.errors import DocumentNotFound, StaleLease
from citewell.model import (
    Document,
    DocumentEvent,
    DocumentId,
    EmbeddedChunk,
    JobId,
    Lease,
    Page,
    Publication,
    RevisionId,
)
from citewell.ports import Clock

__all__ = ["MemoryDatabase", "Tables", "utc_now"]


def utc_now() -> datetime:
    """The Clock of the system."""
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class JobRow:
    """A job that has not ended: the lease as it was last given, and when it may be claimed (again).

    announced_at: when a worker was last told of it. progressed_at: when pages or chunks were last done.
    """

    lease: Lease
    claimable_at: datetime
    announced_at: datetime
    progressed_at: datetime


@dataclass(frozen=True, slots=True)
class RevisionRow:
    """A revision: which document's, which bytes, and the metadata that came with them."""

    document_id: DocumentId
    sha256: str
    media_type: str
    unlocked_sha256: str | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)

    @property
    def hashes(self) -> tuple[str, ...]:
        """All the bytes that it has."""
        return (self.sha256,) if self.unlocked_sha256 is None else (self.sha256, self.unlocked_sha256)


@dataclass(frozen=True, slots=True)
class KeyRow:
    """A request that came with an idempotency key, and the document that it brought."""

    fingerprint: str
    document_id: DocumentId
    created_at: datetime


@dataclass(slots=True)
class Tables:
    """What is stored; the values are immutable, so a shallow copy of each dictionary is a snapshot."""

    documents: dict[DocumentId, Document] = field(default_factory=dict)
    revisions: dict[RevisionId, RevisionRow] = field(default_factory=dict)
    jobs: dict[JobId, JobRow] = field(default_factory=dict)
    keys: dict[str, KeyRow] = field(default_factory=dict)
    suspects: dict[str, datetime] = field(default_factory=dict)
    events: dict[int, tuple[DocumentId, DocumentEvent]] = field(default_factory=dict)
    last_events: dict[DocumentId, DocumentEvent] = field(default_factory=dict)
    pages: dict[tuple[RevisionId, int], Page] = field(default_factory=dict)
    staged: dict[tuple[RevisionId, int], EmbeddedChunk] = field(default_factory=dict)
    live: dict[DocumentId, tuple[Publication, tuple[EmbeddedChunk, ...]]] = field(default_factory=dict)
    document_versions: dict[DocumentId, int] = field(default_factory=dict)
    collection_versions: dict[str, int] = field(default_factory=dict)

    def snapshot(self) -> Tables:
        """The same content in dictionaries of its own."""
        return Tables(**{name: copy.copy(getattr(self, name)) for name in self.__dataclass_fields__})

    def document(self, document_id: DocumentId) -> Document:
        """Raises DocumentNotFound."""
        try:
            return self.documents[document_id]
        except KeyError:
            raise DocumentNotFound(f"there is no document {document_id}") from None

    def newest_revision(self, document_id: DocumentId) -> RevisionId:
        """The revision that the document's job is for."""
        return max(id_ for id_, row in self.revisions.items() if row.document_id == document_id)

    def drop_revision(self, revision_id: RevisionId, *, now: datetime) -> None:
        """Forget the revision with its pages; its bytes are suspected."""
        for sha256 in self.revisions.pop(revision_id).hashes:
            self.suspects.setdefault(sha256, now)
        for key in [key for key in self.pages if key[0] == revision_id]:
            del self.pages[key]

    def check_revision(self, revision_id: RevisionId) -> None:
        """Raises StaleLease if it is gone: whoever still works on it has lost the job with it."""
        if revision_id not in self.revisions:
            raise StaleLease(f"revision {revision_id} is gone: its document was deleted or replaced")


class MemoryDatabase:
    """Tables behind one lock: each call, and each unit of work as a whole, is alone with them."""

    def __init__(self, *, clock: Clock = utc_now) -> None:
        self.clock = clock
        #: Tells its versions from those of others.
        self.name = uuid4().hex
        self._versions = itertools.count(1)
        self.revision_ids = itertools.count(1)
        self._event_ids = itertools.count(1)
        self._tables = Tables()
        self._lock = asyncio.Lock()
        self._mine: ContextVar[bool] = ContextVar("citewell_memory_unit_of_work", default=False)

    @asynccontextmanager
    async def tables(self) -> AsyncIterator[Tables]:
        """The tables, within the running unit of work if there is one."""
        if self._mine.get():
            yield self._tables
        else:
            async with self._lock:
                yield self._tables

    def change(self, tables: Tables, document: Document, **changes: Any) -> Document:
        """Put the changed document in the place of the one before; those who follow it hear of it."""
        changed = replace(document, updated_at=self.clock(), **changes)
        tables.documents[document.id] = changed
        before = tables.last_events.get(document.id)
        event = DocumentEvent(
            id=0,
            status=changed.status,
            stage=changed.stage,
            progress=changed.progress,
            attempts=changed.attempts,
            error=changed.error,
            at=changed.updated_at,
        )
        if before is None or replace(before, id=0, at=event.at) != event:
            event = replace(event, id=next(self._event_ids))
            tables.last_events[document.id] = event
            tables.events[event.id] = (document.id, event)
        return changed

    def found_anew(self, tables: Tables, document_id: DocumentId, *, collection: str) -> None:
        """Searches may find something else of the document, or no longer find it."""
        version = next(self._versions)
        tables.document_versions[document_id] = version
        tables.collection_versions[collection] = version

    @asynccontextmanager
    async def unit_of_work(self) -> AsyncIterator[None]:
        """The UnitOfWork port: what is written inside stays if the block ends well, else it never was."""
        if self._mine.get():
            raise RuntimeError("units of work do not nest")
        async with self._lock:
            before = self._tables.snapshot()
            token = self._mine.set(True)
            try:
                yield
            except BaseException:
                self._tables = before
                raise
            finally:
                self._mine.reset(token)
