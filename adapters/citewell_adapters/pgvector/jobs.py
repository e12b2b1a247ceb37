"""JobStore on PostgreSQL."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, LiteralString

from citewell.errors import StaleLease
from citewell.model import DocumentId, Failure, JobId, Lease, Progress, RevisionId, Stage
from citewell_adapters.pgvector.database import Connection, PgDatabase

__all__ = ["PgJobStore"]

# jobs_pkey. A row that another transaction holds is being claimed or ended: not to be waited for.
_CLAIM: Final = """
UPDATE jobs AS j
SET status = 'processing', attempts = j.attempts + 1, fence = j.fence + 1, updated_at = clock_timestamp(),
    claimable_at = clock_timestamp() + make_interval(secs => %(lease_seconds)s)
FROM documents AS d, collections AS c, revisions AS r
WHERE j.id = (
        SELECT id FROM jobs
        WHERE id = %(job_id)s AND status IN ('queued', 'processing') AND claimable_at <= clock_timestamp()
        FOR NO KEY UPDATE SKIP LOCKED
    )
    AND d.id = j.document_id AND c.id = d.collection_id AND r.id = j.revision_id
RETURNING j.document_id, j.revision_id, j.fence, j.attempts, encode(r.sha256, 'hex'), r.media_type,
    d.name, c.name, j.request_id
"""

# documents_pkey, jobs_document_id_key. The document's row is locked before the job's, as everywhere.
_HELD: Final = """
WITH document AS MATERIALIZED (
    SELECT id FROM documents WHERE id = %(document_id)s FOR KEY SHARE
)
UPDATE jobs SET {changes}, updated_at = clock_timestamp()
FROM document
WHERE jobs.document_id = document.id AND jobs.id = %(job_id)s AND fence = %(fence)s AND status = 'processing'
"""

_REPORT: Final = _HELD.format(
    changes="""stage = %(stage)s, pages_done = %(pages_done)s, pages_total = %(pages_total)s,
    chunks_done = %(chunks_done)s, chunks_total = %(chunks_total)s,
    claimable_at = clock_timestamp() + make_interval(secs => %(seconds)s)"""
)
_COMPLETE: Final = _HELD.format(
    changes="status = 'ready', stage = NULL, error_code = NULL, error_message = NULL"
)
_FAIL: Final = _HELD.format(
    changes="status = 'failed', stage = NULL, error_code = %(code)s, error_message = %(message)s"
)
_DEFER: Final = _HELD.format(
    changes="""status = 'queued', stage = NULL, attempts = attempts - %(uncounted)s,
    claimable_at = clock_timestamp() + make_interval(secs => %(seconds)s)"""
)

# documents_pkey. Not against a delete's lock alone: also against another publication's.
_LOCK_DOCUMENT: Final = "SELECT 1 FROM documents WHERE id = %(document_id)s FOR NO KEY UPDATE"

# revisions_pkey
_COUNT: Final = """
UPDATE revisions SET page_count = %(page_count)s, chunk_count = %(chunk_count)s WHERE id = %(revision_id)s
"""

# documents_pkey
_GO_LIVE: Final = """
UPDATE documents SET live_revision_id = %(revision_id)s, updated_at = clock_timestamp()
WHERE id = %(document_id)s
"""

# revisions_document_id_id_key
_DROP_FORMER: Final = """
DELETE FROM revisions WHERE document_id = %(document_id)s AND id < %(revision_id)s
"""

# jobs_waiting
_DUE: Final = """
SELECT id FROM jobs
WHERE status IN ('queued', 'processing') AND claimable_at <= now() - make_interval(secs => %(grace_seconds)s)
ORDER BY claimable_at LIMIT %(limit)s
"""


class PgJobStore:
    """The JobStore port, on the clock of PostgreSQL."""

    def __init__(self, database: PgDatabase) -> None:
        self._database = database

    async def claim(self, job_id: JobId, *, lease_seconds: float) -> Lease | None:
        async with self._database.connection() as connection:
            parameters = {"job_id": job_id, "lease_seconds": lease_seconds}
            row = await (await connection.execute(_CLAIM, parameters)).fetchone()
        if row is None:
            return None
        document_id, revision_id, fence, attempt, sha256, media_type, name, collection, request_id = row
        return Lease(
            job_id=job_id,
            document_id=DocumentId(document_id),
            revision_id=RevisionId(revision_id),
            fence=fence,
            attempt=attempt,
            sha256=sha256,
            media_type=media_type,
            name=name,
            collection=collection,
            request_id=request_id,
        )

    async def report(self, lease: Lease, *, stage: Stage, progress: Progress, lease_seconds: float) -> None:
        async with self._database.connection() as connection:
            await _update(
                connection,
                lease,
                _REPORT,
                stage=stage.value,
                pages_done=progress.pages_done,
                pages_total=progress.pages_total,
                chunks_done=progress.chunks_done,
                chunks_total=progress.chunks_total,
                seconds=lease_seconds,
            )

    async def complete(self, lease: Lease, *, page_count: int, chunk_count: int) -> None:
        parameters = {
            "document_id": lease.document_id,
            "revision_id": lease.revision_id,
            "page_count": page_count,
            "chunk_count": chunk_count,
        }
        async with self._database.transaction() as connection:
            await connection.execute(_LOCK_DOCUMENT, parameters)
            await _update(connection, lease, _COMPLETE)
            for statement in (_COUNT, _GO_LIVE, _DROP_FORMER):
                await connection.execute(statement, parameters)

    async def fail(self, lease: Lease, failure: Failure) -> None:
        async with self._database.connection() as connection:
            await _update(connection, lease, _FAIL, code=failure.code, message=_storable(failure.message))

    async def defer(self, lease: Lease, *, seconds: float, counted: bool = True) -> None:
        async with self._database.connection() as connection:
            await _update(connection, lease, _DEFER, seconds=seconds, uncounted=0 if counted else 1)

    async def due(self, *, grace_seconds: float, limit: int) -> Sequence[JobId]:
        async with self._database.connection() as connection:
            parameters = {"grace_seconds": grace_seconds, "limit": limit}
            return [JobId(id_) async for (id_,) in await connection.execute(_DUE, parameters)]


async def _update(connection: Connection, lease: Lease, statement: LiteralString, **changes: object) -> None:
    held = {"document_id": lease.document_id, "job_id": lease.job_id, "fence": lease.fence}
    cursor = await connection.execute(statement, {**held, **changes})
    if cursor.rowcount != 1:
        raise StaleLease(f"job {lease.job_id} is no longer held under fence {lease.fence}")


def _storable(message: str) -> str:
    """What a damaged file puts into an error's message must not keep the job from failing."""
    return message.encode(errors="replace").decode().replace("\0", "\ufffd")
