"""Putting a document's job into the queue, in memory."""

from __future__ import annotations

from uuid import uuid4

from citewell.memory.state import JobRow, MemoryDatabase, Tables
from citewell.model import Document, JobId, Lease, Progress, RevisionId, Status

__all__ = ["queue_job"]


def queue_job(
    database: MemoryDatabase,
    tables: Tables,
    document: Document,
    revision_id: RevisionId,
    *,
    request_id: str,
) -> tuple[Document, JobId]:
    """The document with a new job for this revision, in the place of any former one."""
    queued = database.change(
        tables,
        document,
        status=Status.QUEUED,
        stage=None,
        progress=Progress(),
        attempts=0,
        error=None,
    )
    for other in [id_ for id_, row in tables.jobs.items() if row.lease.document_id == document.id]:
        del tables.jobs[other]
    job_id, revision = JobId(uuid4()), tables.revisions[revision_id]
    lease = Lease(
        job_id=job_id,
        document_id=document.id,
        revision_id=revision_id,
        fence=0,
        attempt=0,
        sha256=revision.sha256,
        content_sha256=revision.unlocked_sha256 or revision.sha256,
        media_type=queued.media_type,
        name=queued.name,
        collection=queued.collection,
        request_id=request_id,
    )
    now = database.clock()
    tables.jobs[job_id] = JobRow(lease, claimable_at=now, announced_at=now, progressed_at=now)
    return queued, job_id
