"""JobStore on PostgreSQL."""

from __future__ import annotations

from typing import Any, Final, LiteralString

from citewell.errors import StaleLease
from citewell.model import DocumentId, Failure, JobId, Lease, Progress, RevisionId, Stage
from citewell_adapters.pgvector.database import Connection, PgDatabase
from citewell_adapters.pgvector.states import IN_CLAIM, IN_WORK

__all__ = ["PgJobStore"]

# jobs_pkey. A row that another transaction holds is being claimed or ended: not to be waited for.
_CLAIM: Final = f"""
UPDATE jobs AS j
SET status = 'processing', attempts = j.attempts + 1, fence = j.fence + 1, strikes = j.strikes + 1,
    updated_at = clock_timestamp(),
    claimable_at = clock_timestamp() + make_interval(secs => %(lease_seconds)s)
FROM documents AS d, collections AS c, revisions AS r
WHERE j.id = (
        SELECT id FROM jobs
        WHERE id = %(job_id)s AND status IN {IN_CLAIM} AND claimable_at <= clock_timestamp()
        FOR NO KEY UPDATE SKIP LOCKED
    )
    AND d.id = j.document_id AND c.id = d.collection_id AND r.id = j.revision_id
RETURNING j.document_id, j.revision_id, j.fence, j.attempts, encode(r.sha256, 'hex'),
    encode(coalesce(r.unlocked_sha256, r.sha256), 'hex'), r.media_type, r.name, c.name, j.request_id,
    j.strikes, extract(epoch FROM clock_timestamp() - j.progressed_at)::float8,
    j.pages_done, j.pages_total, j.chunks_done, j.chunks_total
"""  # noqa: S608 - made of constants

# documents_pkey, jobs_document_id_key. The document's row is locked before the job's, as everywhere.
_HELD: Final = f"""
WITH document AS MATERIALIZED (
    SELECT id FROM documents WHERE id = %(document_id)s FOR KEY SHARE
)
UPDATE jobs SET {{changes}}
FROM document
WHERE jobs.document_id = document.id AND jobs.id = %(job_id)s AND fence = %(fence)s AND status IN {IN_WORK}
"""  # noqa: S608 - made of constants

_HOLD: Final = "claimable_at = clock_timestamp() + make_interval(secs => %(seconds)s)"
_EXTEND: Final = _HELD.format(changes=_HOLD)
_REPORT: Final = _HELD.format(
    changes=f"""stage = %(stage)s, pages_done = %(pages_done)s, pages_total = %(pages_total)s,
    chunks_done = %(chunks_done)s, chunks_total = %(chunks_total)s, updated_at = clock_timestamp(),
    strikes = CASE WHEN {{further}} THEN 0 ELSE strikes END,
    progressed_at = CASE WHEN {{further}} THEN clock_timestamp() ELSE progressed_at END,
    {_HOLD}""".replace("{further}", "%(pages_done)s > pages_done OR %(chunks_done)s > chunks_done")
)
_COMPLETE: Final = _HELD.format(
    changes="""status = 'ready', stage = NULL, error_code = NULL, error_message = NULL,
    updated_at = clock_timestamp()"""
)
_FAIL: Final = _HELD.format(
    changes="""status = 'failed', stage = NULL, error_code = %(code)s, error_message = %(message)s,
    updated_at = clock_timestamp()"""
)
_DEFER: Final = _HELD.format(
    changes=f"""status = 'queued', stage = NULL, attempts = attempts - %(uncounted)s,
    strikes = greatest(0, strikes - %(unstruck)s), updated_at = clock_timestamp(),
    announced_at = clock_timestamp() + make_interval(secs => %(seconds)s), {_HOLD}"""
)

# documents_pkey. Not against a delete's lock alone: also against another publication's.
_LOCK_DOCUMENT: Final = "SELECT 1 FROM documents WHERE id = %(document_id)s FOR NO KEY UPDATE"

# revisions_pkey, pages_pkey
_COUNT: Final = """
UPDATE revisions SET page_count = %(page_count)s, chunk_count = %(chunk_count)s, unreadable_pages = ARRAY(
    SELECT number FROM pages WHERE revision_id = %(revision_id)s AND problem <> '' ORDER BY start_offset
)
WHERE id = %(revision_id)s
"""

# documents_pkey, revisions_pkey
_GO_LIVE: Final = """
UPDATE documents AS d
SET live_revision_id = r.id, name = r.name, metadata = r.metadata, updated_at = clock_timestamp()
FROM revisions AS r
WHERE d.id = %(document_id)s AND r.id = %(revision_id)s
"""

# revisions_document_id_id_key
_DROP_FORMER: Final = """
DELETE FROM revisions WHERE document_id = %(document_id)s AND id < %(revision_id)s
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
        return _lease(job_id, row)

    async def extend(self, lease: Lease, *, lease_seconds: float) -> None:
        async with self._database.connection() as connection:
            await _update(connection, lease, _EXTEND, seconds=lease_seconds)

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

    async def defer(
        self, lease: Lease, *, seconds: float, counted: bool = True, strike: bool = False
    ) -> None:
        changes = {"seconds": seconds, "uncounted": int(not counted), "unstruck": int(not strike)}
        async with self._database.connection() as connection:
            await _update(connection, lease, _DEFER, **changes)


def _lease(job_id: JobId, row: tuple[Any, ...]) -> Lease:
    document_id, revision_id, fence, attempt, sha256, content_sha256, media_type, *rest = row
    name, collection, request_id, strikes, idle_seconds, *progress = rest
    return Lease(
        job_id=job_id,
        document_id=DocumentId(document_id),
        revision_id=RevisionId(revision_id),
        fence=fence,
        attempt=attempt,
        sha256=sha256,
        content_sha256=content_sha256,
        media_type=media_type,
        name=name,
        collection=collection,
        request_id=request_id,
        progress=Progress(*progress),
        strikes=strikes,
        idle_seconds=idle_seconds,
    )


async def _update(connection: Connection, lease: Lease, statement: LiteralString, **changes: object) -> None:
    held = {"document_id": lease.document_id, "job_id": lease.job_id, "fence": lease.fence}
    cursor = await connection.execute(statement, {**held, **changes})
    if cursor.rowcount != 1:
        raise StaleLease(f"job {lease.job_id} is no longer held under fence {lease.fence}")


def _storable(message: str) -> str:
    """What a damaged file puts into an error's message must not keep the job from failing."""
    return message.encode(errors="replace").decode().replace("\0", "\ufffd")
