"""JobBoard in memory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

from citewell.lifecycle import Event, after
from citewell.memory.queueing import queue_job
from citewell.memory.state import JobRow, MemoryDatabase, Tables
from citewell.model import Backlog, DocumentId, JobId, RevisionId, Status

__all__ = ["MemoryJobBoard"]


class MemoryJobBoard:
    """The reference JobBoard."""

    def __init__(self, database: MemoryDatabase) -> None:
        self._database = database

    async def cancel(self, document_id: DocumentId) -> RevisionId | None:
        async with self._database.tables() as tables:
            document = tables.document(document_id)
            status = after(document.status, Event.CANCEL)
            self._database.change(tables, document, status=status, stage=None)
            for job_id in [j for j, row in tables.jobs.items() if row.lease.document_id == document_id]:
                del tables.jobs[job_id]
            newest = tables.newest_revision(document_id)
            return None if newest == document.revision_id else newest

    async def retry(self, document_id: DocumentId, *, request_id: str = "") -> JobId:
        async with self._database.tables() as tables:
            document = tables.document(document_id)
            after(document.status, Event.RETRY)
            revision_id = tables.newest_revision(document_id)
            _, job_id = queue_job(self._database, tables, document, revision_id, request_id=request_id)
            return job_id

    async def due(self, *, grace_seconds: float, limit: int) -> Sequence[JobId]:
        async with self._database.tables() as tables:
            now = self._database.clock()
            latest = now - timedelta(seconds=grace_seconds)
            waiting = sorted(
                (row.claimable_at, id_)
                for id_, row in tables.jobs.items()
                if row.claimable_at <= now
                and (row.announced_at <= latest or _has_lost_its_worker(tables, row))
            )
            return [id_ for _, id_ in waiting][:limit]

    async def announced(self, job_ids: Sequence[JobId]) -> None:
        async with self._database.tables() as tables:
            now = self._database.clock()
            for job_id in job_ids:
                if job_id in tables.jobs:
                    tables.jobs[job_id] = replace(tables.jobs[job_id], announced_at=now)

    async def waiting(self) -> bool:
        async with self._database.tables() as tables:
            now = self._database.clock()
            return any(
                row.claimable_at <= now and tables.documents[row.lease.document_id].status is Status.QUEUED
                for row in tables.jobs.values()
            )

    async def backlog(self) -> Backlog:
        async with self._database.tables() as tables:
            open_ = [tables.documents[row.lease.document_id] for row in tables.jobs.values()]
            return Backlog(len(open_), sum(document.size_bytes for document in open_))


def _has_lost_its_worker(tables: Tables, row: JobRow) -> bool:
    """Whether it was announced before the lease that has run out, and not since."""
    status = tables.documents[row.lease.document_id].status
    return status is Status.PROCESSING and row.announced_at < row.claimable_at
