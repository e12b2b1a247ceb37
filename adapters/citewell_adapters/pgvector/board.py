"""JobBoard on PostgreSQL."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from uuid_utils.compat import uuid7

from citewell.errors import DocumentNotFound
from citewell.lifecycle import Event, after
from citewell.model import Backlog, DocumentId, JobId, RevisionId, Status
from citewell_adapters.pgvector.database import Connection, PgDatabase
from citewell_adapters.pgvector.document_sql import RETRY_JOB
from citewell_adapters.pgvector.states import IN_CANCEL, IN_CLAIM

__all__ = ["PgJobBoard"]

# documents_pkey, jobs_document_id_key. The document before its job, as everywhere.
_LOCK_DOCUMENT: Final = "SELECT live_revision_id FROM documents WHERE id = %(document_id)s FOR KEY SHARE"
_LOCK_JOB: Final = (
    "SELECT status, revision_id FROM jobs WHERE document_id = %(document_id)s FOR NO KEY UPDATE"
)

# jobs_document_id_key
_CANCEL: Final = f"""
UPDATE jobs SET status = 'cancelled', stage = NULL, updated_at = clock_timestamp()
WHERE document_id = %(document_id)s AND status IN {IN_CANCEL}
"""  # noqa: S608 - made of constants

# jobs_waiting. While a job is processed, claimable_at is the end of its lease: an announcement before that
# has been heard.
_DUE: Final = f"""
SELECT id FROM jobs
WHERE status IN {IN_CLAIM} AND claimable_at <= now()
    AND (announced_at <= now() - make_interval(secs => %(grace_seconds)s)
        OR status = 'processing' AND announced_at < claimable_at)
ORDER BY claimable_at LIMIT %(limit)s
"""  # noqa: S608 - made of constants

# jobs_pkey
_ANNOUNCED: Final = "UPDATE jobs SET announced_at = now() WHERE id = ANY(%(job_ids)s)"

# jobs_by_status
_WAITING: Final = """
SELECT EXISTS (SELECT FROM jobs WHERE status = 'queued' AND claimable_at <= clock_timestamp())
"""

# jobs_waiting, revisions_pkey
_BACKLOG: Final = f"""
SELECT count(*), coalesce(sum(r.size_bytes), 0)::bigint
FROM jobs AS j JOIN revisions AS r ON r.id = j.revision_id
WHERE j.status IN {IN_CLAIM}
"""  # noqa: S608 - made of constants


class PgJobBoard:
    """The JobBoard port, on the clock of PostgreSQL."""

    def __init__(self, database: PgDatabase) -> None:
        self._database = database

    async def cancel(self, document_id: DocumentId) -> RevisionId | None:
        async with self._database.transaction() as connection:
            status, newest, live = await _locked(connection, document_id)
            after(status, Event.CANCEL)
            await connection.execute(_CANCEL, {"document_id": document_id})
            return None if newest == live else newest

    async def retry(self, document_id: DocumentId, *, request_id: str = "") -> JobId:
        async with self._database.transaction() as connection:
            status, _, _ = await _locked(connection, document_id)
            after(status, Event.RETRY)
            job_id = JobId(uuid7())
            parameters = {"document_id": document_id, "job_id": job_id, "request_id": request_id}
            await connection.execute(RETRY_JOB, parameters)
            return job_id

    async def due(self, *, grace_seconds: float, limit: int) -> Sequence[JobId]:
        parameters = {"grace_seconds": grace_seconds, "limit": limit}
        async with self._database.connection() as connection:
            return [JobId(id_) async for (id_,) in await connection.execute(_DUE, parameters)]

    async def announced(self, job_ids: Sequence[JobId]) -> None:
        async with self._database.connection() as connection:
            await connection.execute(_ANNOUNCED, {"job_ids": list(job_ids)})

    async def waiting(self) -> bool:
        async with self._database.connection() as connection:
            row = await (await connection.execute(_WAITING)).fetchone()
            return bool(row and row[0])

    async def backlog(self) -> Backlog:
        async with self._database.connection() as connection:
            row = await (await connection.execute(_BACKLOG)).fetchone()
            return Backlog(*row) if row else Backlog(0, 0)


async def _locked(
    connection: Connection, document_id: DocumentId
) -> tuple[Status, RevisionId, RevisionId | None]:
    """The state of the document's job, its revision and the live one, which stay until the end."""
    key = {"document_id": document_id}
    document = await (await connection.execute(_LOCK_DOCUMENT, key)).fetchone()
    job = await (await connection.execute(_LOCK_JOB, key)).fetchone() if document else None
    if document is None or job is None:
        raise DocumentNotFound(f"there is no document {document_id}")
    return Status(job[0]), RevisionId(job[1]), document[0]
