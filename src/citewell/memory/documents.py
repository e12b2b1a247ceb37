"""DocumentStore and PageStore in memory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from uuid import UUID, uuid4

from citewell.errors import DocumentNotFound
from citewell.memory.state import JobRow, MemoryDatabase, RevisionRow, Tables
from citewell.model import (
    Document,
    DocumentId,
    JobId,
    Lease,
    Page,
    Progress,
    RevisionId,
    Span,
    Status,
    Submission,
    Submitted,
)

__all__ = ["MemoryDocumentStore", "MemoryPageStore"]

_ENDED_BADLY = frozenset({Status.FAILED, Status.CANCELLED})


class MemoryDocumentStore:
    """The reference DocumentStore."""

    def __init__(self, database: MemoryDatabase) -> None:
        self._database = database
        self._last_id = 0

    async def submit(self, submission: Submission) -> Submitted:
        async with self._database.tables() as tables:
            known = _holder(tables, submission)
            if known is None:
                return self._create(tables, submission)
            if known.status in _ENDED_BADLY:
                return self._requeue(tables, known, submission)
            return Submitted(known, None, created=False)

    def _create(self, tables: Tables, submission: Submission) -> Submitted:
        now = self._database.clock()
        revision_id = RevisionId(next(self._database.revision_ids))
        document = Document(
            id=self._next_id(),
            name=submission.name,
            collection=submission.collection,
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
        tables.documents[document.id] = document
        tables.revisions[revision_id] = RevisionRow(document.id, submission.sha256)
        return Submitted(document, self._enqueue(tables, document, revision_id, submission), created=True)

    def _requeue(self, tables: Tables, document: Document, submission: Submission) -> Submitted:
        revision_id = max(id_ for id_, row in tables.revisions.items() if row.document_id == document.id)
        document = replace(
            document,
            status=Status.QUEUED,
            stage=None,
            progress=Progress(),
            attempts=0,
            error=None,
            updated_at=self._database.clock(),
        )
        tables.documents[document.id] = document
        return Submitted(document, self._enqueue(tables, document, revision_id, submission), created=False)

    def _enqueue(
        self, tables: Tables, document: Document, revision_id: RevisionId, submission: Submission
    ) -> JobId:
        job_id = JobId(uuid4())
        for other in [id_ for id_, row in tables.jobs.items() if row.lease.document_id == document.id]:
            del tables.jobs[other]
        lease = Lease(
            job_id=job_id,
            document_id=document.id,
            revision_id=revision_id,
            fence=0,
            attempt=0,
            sha256=submission.sha256,
            media_type=submission.media_type,
            name=document.name,
            collection=document.collection,
            request_id=submission.request_id,
        )
        tables.jobs[job_id] = JobRow(lease, self._database.clock())
        return job_id

    def _next_id(self) -> DocumentId:
        """Grows with time, also within one tick of the clock."""
        ticks = int(self._database.clock().timestamp() * 1_000_000)
        self._last_id = max(self._last_id + 1, ticks << 32)
        return DocumentId(UUID(int=self._last_id))

    async def get(self, document_id: DocumentId) -> Document:
        async with self._database.tables() as tables:
            try:
                return tables.documents[document_id]
            except KeyError:
                raise DocumentNotFound(f"there is no document {document_id}") from None

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
            if tables.documents.pop(document_id, None) is None:
                raise DocumentNotFound(f"there is no document {document_id}")
            hashes = set[str]()
            for revision_id in [r for r, row in tables.revisions.items() if row.document_id == document_id]:
                hashes.add(tables.revisions.pop(revision_id).sha256)
                for key in [key for key in tables.pages if key[0] == revision_id]:
                    del tables.pages[key]
            for job_id in [j for j, row in tables.jobs.items() if row.lease.document_id == document_id]:
                del tables.jobs[job_id]
            return sorted(hashes - {row.sha256 for row in tables.revisions.values()})

    async def lock_content(self, sha256: str) -> None:
        """Nothing to do: a unit of work is alone with the tables anyway."""

    async def uses_content(self, sha256: str) -> bool:
        async with self._database.tables() as tables:
            return any(row.sha256 == sha256 for row in tables.revisions.values())


def _holder(tables: Tables, submission: Submission) -> Document | None:
    return next(
        (
            document
            for document in tables.documents.values()
            if document.collection == submission.collection and document.sha256 == submission.sha256
        ),
        None,
    )


class MemoryPageStore:
    """The reference PageStore."""

    def __init__(self, database: MemoryDatabase) -> None:
        self._database = database

    async def add(self, revision_id: RevisionId, pages: Sequence[Page]) -> None:
        async with self._database.tables() as tables:
            tables.check_revision(revision_id)
            tables.pages.update({(revision_id, page.start): page for page in pages})

    async def read(
        self, revision_id: RevisionId, *, span: Span | None = None, limit: int | None = None
    ) -> Sequence[Page]:
        async with self._database.tables() as tables:
            return [
                page
                for (owner, _), page in sorted(tables.pages.items(), key=lambda item: item[0])
                if owner == revision_id
                and (span is None or max(page.start, span.start) < min(page.span.end, span.end))
            ][:limit]
