"""JobStore in memory."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from citewell.errors import StaleLease
from citewell.lifecycle import Event, after, successor
from citewell.memory.state import JobRow, MemoryDatabase, Tables
from citewell.model import Failure, JobId, Lease, Progress, Stage

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
            document = tables.documents[row.lease.document_id]
            lease = replace(
                row.lease,
                fence=row.lease.fence + 1,
                attempt=row.lease.attempt + 1,
                strikes=row.lease.strikes + 1,
                idle_seconds=(now - row.progressed_at).total_seconds(),
                progress=document.progress,
            )
            until = now + timedelta(seconds=lease_seconds)
            tables.jobs[job_id] = replace(row, lease=lease, claimable_at=until)
            status = after(document.status, Event.CLAIM)
            self._change(tables, lease, status=status, attempts=lease.attempt)
            return lease

    async def extend(self, lease: Lease, *, lease_seconds: float) -> None:
        async with self._database.tables() as tables:
            row = self._held(tables, lease)
            tables.jobs[lease.job_id] = replace(row, claimable_at=self._in(lease_seconds))

    async def report(self, lease: Lease, *, stage: Stage, progress: Progress, lease_seconds: float) -> None:
        async with self._database.tables() as tables:
            row = replace(self._held(tables, lease), claimable_at=self._in(lease_seconds))
            if _is_further(progress, tables.documents[lease.document_id].progress):
                row = replace(row, lease=replace(row.lease, strikes=0), progressed_at=self._database.clock())
            tables.jobs[lease.job_id] = row
            self._change(tables, lease, stage=stage, progress=progress)

    async def complete(self, lease: Lease, *, page_count: int, chunk_count: int) -> None:
        async with self._database.tables() as tables:
            self._held(tables, lease)
            del tables.jobs[lease.job_id]
            pages = sorted(item for item in tables.pages.items() if item[0][0] == lease.revision_id)
            self._change(
                tables,
                lease,
                status=successor(Event.PUBLISH),
                stage=None,
                error=None,
                page_count=page_count,
                chunk_count=chunk_count,
                revision_id=lease.revision_id,
                unreadable_pages=tuple(page.number for _, page in pages if page.problem),
            )
            self._drop_former_revisions(tables, lease)

    async def fail(self, lease: Lease, failure: Failure) -> None:
        async with self._database.tables() as tables:
            self._held(tables, lease)
            del tables.jobs[lease.job_id]
            self._change(tables, lease, status=successor(Event.FAIL), stage=None, error=failure)

    async def defer(
        self, lease: Lease, *, seconds: float, counted: bool = True, strike: bool = False
    ) -> None:
        async with self._database.tables() as tables:
            row = self._held(tables, lease)
            # A higher fence: whoever still holds this lease has given it back.
            given_back = replace(
                row.lease,
                fence=lease.fence + 1,
                attempt=lease.attempt - (not counted),
                strikes=max(0, row.lease.strikes - (not strike)),
            )
            until = self._in(seconds)
            tables.jobs[lease.job_id] = replace(row, lease=given_back, claimable_at=until, announced_at=until)
            self._change(
                tables,
                lease,
                status=successor(Event.GIVE_BACK),
                stage=None,
                attempts=given_back.attempt,
            )

    def _held(self, tables: Tables, lease: Lease) -> JobRow:
        row = tables.jobs.get(lease.job_id)
        if row is None or row.lease.fence != lease.fence:
            raise StaleLease(f"job {lease.job_id} is no longer held under fence {lease.fence}")
        return row

    def _change(self, tables: Tables, lease: Lease, **changes: Any) -> None:
        self._database.change(tables, tables.documents[lease.document_id], **changes)

    def _in(self, seconds: float) -> datetime:
        return self._database.clock() + timedelta(seconds=seconds)

    def _drop_former_revisions(self, tables: Tables, lease: Lease) -> None:
        for revision_id in [
            id_
            for id_, row in tables.revisions.items()
            if row.document_id == lease.document_id and id_ < lease.revision_id
        ]:
            tables.drop_revision(revision_id, now=self._database.clock())


def _is_further(progress: Progress, before: Progress) -> bool:
    return progress.pages_done > before.pages_done or progress.chunks_done > before.chunks_done
