"""DocumentStore in memory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from uuid import UUID

from citewell.errors import Conflict, DocumentNotReady, KeyReused
from citewell.lifecycle import Event, sources
from citewell.memory.queueing import queue_job
from citewell.memory.state import KeyRow, MemoryDatabase, RevisionRow, Tables
from citewell.model import (
    DEFAULT_COLLECTION,
    Document,
    DocumentEvent,
    DocumentId,
    LiveRevision,
    Progress,
    RevisionId,
    Status,
    Submission,
    Submitted,
)

__all__ = ["MemoryDocumentStore"]


class MemoryDocumentStore:
    """The reference DocumentStore."""

    def __init__(self, database: MemoryDatabase) -> None:
        self._database = database
        self._last_id = 0

    async def submit(self, submission: Submission) -> Submitted:
        async with self._database.tables() as tables:
            if (known := _by_key(tables, submission)) is not None:
                return Submitted(known, None, created=False)
            submitted = self._submit(tables, submission)
            if submission.idempotency_key:
                tables.keys[submission.idempotency_key] = KeyRow(
                    submission.fingerprint, submitted.document.id, self._database.clock()
                )
            return submitted

    def _submit(self, tables: Tables, submission: Submission) -> Submitted:
        known = _holder(tables, submission)
        if known is None:
            return self._create(tables, submission)
        if submission.collection not in (None, known.collection):
            raise Conflict(f"the document is in the collection {known.collection} and stays there")
        if known.sha256 != submission.sha256:
            return self._replace(tables, known, submission)
        if submission.document_id is not None:
            known = self._rename(tables, known, submission)
        if known.status not in sources(Event.RETRY):
            return Submitted(known, None, created=False)
        revision_id = tables.newest_revision(known.id)
        if submission.unlocked_sha256 is not None:
            row = tables.revisions[revision_id]
            tables.revisions[revision_id] = replace(row, unlocked_sha256=submission.unlocked_sha256)
        document, job_id = queue_job(
            self._database, tables, known, revision_id, request_id=submission.request_id
        )
        return Submitted(document, job_id, created=False)

    def _create(self, tables: Tables, submission: Submission) -> Submitted:
        now = self._database.clock()
        document = Document(
            id=submission.document_id or self._next_id(),
            name=submission.name,
            collection=submission.collection or DEFAULT_COLLECTION,
            media_type=submission.media_type,
            size_bytes=submission.size_bytes,
            sha256=submission.sha256,
            metadata=submission.metadata,
            status=Status.QUEUED,
            stage=None,
            progress=Progress(),
            attempts=0,
            error=None,
            page_count=None,
            chunk_count=None,
            created_at=now,
            updated_at=now,
            revision_id=None,
        )
        revision_id = self._add_revision(tables, document.id, submission)
        document, job_id = queue_job(
            self._database, tables, document, revision_id, request_id=submission.request_id
        )
        return Submitted(document, job_id, created=True)

    def _replace(self, tables: Tables, known: Document, submission: Submission) -> Submitted:
        former = tables.newest_revision(known.id)
        revision_id = self._add_revision(tables, known.id, submission)
        superseded = former if former != known.revision_id else None
        if superseded is not None:
            tables.drop_revision(superseded, now=self._database.clock())
        known = replace(
            known,
            name=submission.name,
            metadata=submission.metadata,
            media_type=submission.media_type,
            size_bytes=submission.size_bytes,
            sha256=submission.sha256,
            page_count=None,
            chunk_count=None,
            unreadable_pages=(),
        )
        document, job_id = queue_job(
            self._database, tables, known, revision_id, request_id=submission.request_id
        )
        return Submitted(document, job_id, created=False, superseded=superseded)

    def _rename(self, tables: Tables, known: Document, submission: Submission) -> Document:
        if known.id in tables.live and tables.newest_revision(known.id) == known.revision_id:
            publication, chunks = tables.live[known.id]
            tables.live[known.id] = (replace(publication, document_name=submission.name), chunks)
            self._database.found_anew(tables, known.id, collection=known.collection)
        revision_id = tables.newest_revision(known.id)
        tables.revisions[revision_id] = replace(tables.revisions[revision_id], metadata=submission.metadata)
        return self._database.change(tables, known, name=submission.name, metadata=submission.metadata)

    def _add_revision(self, tables: Tables, document_id: DocumentId, submission: Submission) -> RevisionId:
        revision_id = RevisionId(next(self._database.revision_ids))
        tables.revisions[revision_id] = _revision(document_id, submission)
        return revision_id

    def _next_id(self) -> DocumentId:
        """Grows with time, also within one tick of the clock."""
        ticks = int(self._database.clock().timestamp() * 1_000_000)
        self._last_id = max(self._last_id + 1, ticks << 32)
        return DocumentId(UUID(int=self._last_id))

    async def get(self, document_id: DocumentId) -> Document:
        async with self._database.tables() as tables:
            return tables.document(document_id)

    async def live(self, document_id: DocumentId) -> LiveRevision:
        async with self._database.tables() as tables:
            document = tables.document(document_id)
            if document.revision_id is None:
                raise DocumentNotReady(f"document {document_id} cannot be read yet: it is {document.status}")
            row = tables.revisions[document.revision_id]
            return LiveRevision(
                document.revision_id, row.sha256, row.unlocked_sha256 or row.sha256, row.media_type
            )

    async def list(
        self,
        *,
        collection: str | None = None,
        status: Status | None = None,
        after: DocumentId | None = None,
        limit: int,
    ) -> Sequence[Document]:
        async with self._database.tables() as tables:
            return [
                document
                for id_, document in sorted(tables.documents.items())
                if (after is None or id_ > after)
                and (collection is None or document.collection == collection)
                and (status is None or document.status is status)
            ][:limit]

    async def delete(self, document_id: DocumentId) -> Sequence[str]:
        async with self._database.tables() as tables:
            tables.document(document_id)
            del tables.documents[document_id], tables.last_events[document_id]
            tables.document_versions.pop(document_id, None)
            revisions = {r: row for r, row in tables.revisions.items() if row.document_id == document_id}
            for revision_id in revisions:
                tables.drop_revision(revision_id, now=self._database.clock())
            for job_id in [j for j, row in tables.jobs.items() if row.lease.document_id == document_id]:
                del tables.jobs[job_id]
            for key in [key for key, row in tables.keys.items() if row.document_id == document_id]:
                del tables.keys[key]
            for event_id in [id_ for id_, (owner, _) in tables.events.items() if owner == document_id]:
                del tables.events[event_id]
            return sorted({sha256 for row in revisions.values() for sha256 in row.hashes})

    async def events(self, document_id: DocumentId, *, after: int = 0, limit: int) -> Sequence[DocumentEvent]:
        async with self._database.tables() as tables:
            tables.document(document_id)
            return [
                event
                for id_, (owner, event) in sorted(tables.events.items())
                if owner == document_id and id_ > after
            ][:limit]

    async def prune(self, *, older_than_seconds: float) -> None:
        async with self._database.tables() as tables:
            oldest = self._database.clock() - timedelta(seconds=older_than_seconds)
            tables.keys = {key: row for key, row in tables.keys.items() if row.created_at > oldest}
            last = {event.id for event in tables.last_events.values()}
            tables.events = {
                id_: row for id_, row in tables.events.items() if id_ in last or row[1].at > oldest
            }


def _revision(document_id: DocumentId, submission: Submission) -> RevisionRow:
    return RevisionRow(
        document_id,
        submission.sha256,
        submission.media_type,
        submission.unlocked_sha256,
        submission.metadata,
    )


def _by_key(tables: Tables, submission: Submission) -> Document | None:
    row = tables.keys.get(submission.idempotency_key)
    if row is None:
        return None
    if row.fingerprint != submission.fingerprint:
        raise KeyReused
    return tables.documents[row.document_id]


def _holder(tables: Tables, submission: Submission) -> Document | None:
    """The document that the submission is about, if it is there."""
    if submission.document_id is not None:
        return tables.documents.get(submission.document_id)
    collection = submission.collection or DEFAULT_COLLECTION
    same = (
        document
        for document in tables.documents.values()
        if document.collection == collection and document.sha256 == submission.sha256
    )
    return next(same, None)
