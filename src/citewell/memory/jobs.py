"""JobStore in memory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

from citewell.errors import StaleLease
from citewell.memory.state import JobRow, MemoryDatabase, Tables
from citewell.model import Failure, JobId, Lease, Progress, Stage, Status

__all__ = ["MemoryJobStore"]


class MemoryJobStore:
    """The reference JobStore. A job that has ended is forgotten; its document tells how."""

    def __init__(self, database: MemoryDatabase) -> None:
        self._database = database

    async def claim(self, job_id: JobId, *, lease_seconds: float) -> Lease | None:
        async with self._database.tables() as tables:
            row, now = tables.jobs.get(job_id), self._database.clock()
            if row is None or row.claimable_at > now:
                return None
            lease = replace(row.lease, fence=row.lease.fence + 1, attempt=row.lease.attempt + 1)
            tables.jobs[job_id] = JobRow(lease, now + timedelta(seconds=lease_seconds))
            self._change(tables, lease, status=Status.PROCESSING, attempts=lease.attempt)
            return lease

    async def report(self, lease: Lease, *, stage: Stage, progress: Progress, lease_seconds: float) -> None:
        async with self._database.tables() as tables:
            self._check(tables, lease)
            until = self._database.clock() + timedelta(seconds=lease_seconds)
            tables.jobs[lease.job_id] = JobRow(lease, until)
            self._change(tables, lease, stage=stage, progress=progress)

    async def complete(self, lease: Lease, *, page_count: int, chunk_count: int) -> None:
        async with self._database.tables() as tables:
            self._check(tables, lease)
            del tables.jobs[lease.job_id]
            self._change(
                tables,
                lease,
                status=Status.READY,
                stage=None,
                error=None,
                page_count=page_count,
                chunk_count=chunk_count,
                revision_id=lease.revision_id,
            )
            _drop_former_revisions(tables, lease)

    async def fail(self, lease: Lease, failure: Failure) -> None:
        async with self._database.tables() as tables:
            self._check(tables, lease)
            del tables.jobs[lease.job_id]
            self._change(tables, lease, status=Status.FAILED, stage=None, error=failure)

    async def defer(self, lease: Lease, *, seconds: float, counted: bool = True) -> None:
        async with self._database.tables() as tables:
            self._check(tables, lease)
            attempts = lease.attempt if counted else lease.attempt - 1
            # A higher fence: whoever still holds this lease has given it back.
            given_back = replace(lease, fence=lease.fence + 1, attempt=attempts)
            until = self._database.clock() + timedelta(seconds=seconds)
            tables.jobs[lease.job_id] = JobRow(given_back, until)
            self._change(tables, lease, status=Status.QUEUED, stage=None, attempts=attempts)

    async def due(self, *, grace_seconds: float, limit: int) -> Sequence[JobId]:
        async with self._database.tables() as tables:
            latest = self._database.clock() - timedelta(seconds=grace_seconds)
            waiting = sorted((row.claimable_at, id_) for id_, row in tables.jobs.items())
            return [id_ for claimable_at, id_ in waiting if claimable_at <= latest][:limit]

    def _check(self, tables: Tables, lease: Lease) -> None:
        row = tables.jobs.get(lease.job_id)
        if row is None or row.lease.fence != lease.fence:
            raise StaleLease(f"job {lease.job_id} is no longer held under fence {lease.fence}")

    def _change(self, tables: Tables, lease: Lease, **changes: Any) -> None:
        document = tables.documents[lease.document_id]
        tables.documents[lease.document_id] = replace(document, updated_at=self._database.clock(), **changes)


def _drop_former_revisions(tables: Tables, lease: Lease) -> None:
    for revision_id in [
        id_
        for id_, row in tables.revisions.items()
        if row.document_id == lease.document_id and id_ < lease.revision_id
    ]:
        del tables.revisions[revision_id]
        for key in [key for key in tables.pages if key[0] == revision_id]:
            del tables.pages[key]
