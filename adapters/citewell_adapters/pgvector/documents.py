"""DocumentStore on PostgreSQL."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Final, LiteralString
from uuid import UUID

from uuid_utils.compat import uuid7

from citewell.errors import DocumentNotFound
from citewell.model import (
    Document,
    DocumentId,
    Failure,
    JobId,
    Progress,
    RevisionId,
    Stage,
    Status,
    Submission,
    Submitted,
)
from citewell_adapters.pgvector.database import Connection, PgDatabase
from citewell_adapters.pgvector.failures import translated_input
from citewell_adapters.pgvector.locks import lock_until_end

__all__ = ["PgDocumentStore"]

#: A document with its newest revision, which is the one that its job is for.
_DOCUMENTS: Final = """
SELECT d.id, d.name, c.name, r.media_type, r.size_bytes, encode(r.sha256, 'hex'), d.metadata,
       j.status, j.stage, j.pages_done, j.pages_total, j.chunks_done, j.chunks_total,
       j.attempts, j.error_code, j.error_message, r.page_count, r.chunk_count,
       d.created_at, greatest(d.updated_at, j.updated_at), d.live_revision_id
FROM documents AS d
JOIN collections AS c ON c.id = d.collection_id
JOIN jobs AS j ON j.document_id = d.id
JOIN revisions AS r ON r.id = j.revision_id
"""

# documents_pkey
_GET: Final = f"{_DOCUMENTS} WHERE d.id = %(document_id)s"

# revisions_sha256. The lock keeps a delete away until the submission is over.
_HOLDER: Final = f"""{_DOCUMENTS}
WHERE r.sha256 = %(sha256)s AND c.name = %(collection)s
ORDER BY d.id LIMIT 1
FOR KEY SHARE OF d
"""

_IN_COLLECTION: Final = "d.collection_id = (SELECT id FROM collections WHERE name = %(collection)s)"
_IN_STATUS: Final = "j.status = %(status)s"
_PAGE: Final = "d.id > %(after)s ORDER BY d.id LIMIT %(limit)s"

# By (collection given, status given): documents_pkey, documents_collection_id_id_key, jobs_by_status.
_LISTS: Final[dict[tuple[bool, bool], LiteralString]] = {
    (False, False): f"{_DOCUMENTS} WHERE {_PAGE}",
    (True, False): f"{_DOCUMENTS} WHERE {_IN_COLLECTION} AND {_PAGE}",
    (False, True): f"{_DOCUMENTS} WHERE {_IN_STATUS} AND j.document_id = d.id AND {_PAGE}",
    (True, True): f"{_DOCUMENTS} WHERE {_IN_COLLECTION} AND {_IN_STATUS} AND {_PAGE}",
}

# collections_name_key
_FIND_COLLECTION: Final = "SELECT id FROM collections WHERE name = %(name)s"
_CREATE_COLLECTION: Final = "INSERT INTO collections (name) VALUES (%(name)s) ON CONFLICT DO NOTHING"

_CREATE: Final = """
WITH document AS (
    INSERT INTO documents (id, collection_id, name, metadata)
    VALUES (%(document_id)s, %(collection_id)s, %(name)s, %(metadata)s::jsonb)
    RETURNING id
), revision AS (
    INSERT INTO revisions (document_id, sha256, size_bytes, media_type)
    SELECT id, %(sha256)s, %(size_bytes)s, %(media_type)s FROM document
    RETURNING document_id, id
)
INSERT INTO jobs (id, document_id, revision_id, status, request_id)
SELECT %(job_id)s, document_id, id, 'queued', %(request_id)s FROM revision
"""

# jobs_document_id_key. A new id, so that nobody's lease or announcement of the former job counts.
_REQUEUE: Final = """
UPDATE jobs
SET id = %(job_id)s, status = 'queued', stage = NULL, attempts = 0, fence = 0, claimable_at = now(),
    pages_done = 0, pages_total = NULL, chunks_done = 0, chunks_total = NULL,
    error_code = NULL, error_message = NULL, request_id = %(request_id)s, updated_at = now()
WHERE document_id = %(document_id)s AND status IN ('failed', 'cancelled')
"""

# documents_pkey
_LOCK_FOR_DELETE: Final = "SELECT 1 FROM documents WHERE id = %(document_id)s FOR UPDATE"
_DELETE: Final = "DELETE FROM documents WHERE id = %(document_id)s"

# revisions_document_id_id_key, revisions_sha256
_UNSHARED: Final = """
SELECT DISTINCT encode(own.sha256, 'hex') AS sha256
FROM revisions AS own
WHERE own.document_id = %(document_id)s AND NOT EXISTS (
    SELECT FROM revisions AS other WHERE other.sha256 = own.sha256 AND other.document_id <> own.document_id
)
ORDER BY sha256
"""

# revisions_sha256
_USES: Final = "SELECT EXISTS (SELECT FROM revisions WHERE sha256 = %(sha256)s)"

_BEFORE_ALL: Final = UUID(int=0)


class PgDocumentStore:
    """The DocumentStore port; ids are UUIDs of version 7."""

    def __init__(self, database: PgDatabase) -> None:
        self._database = database

    async def submit(self, submission: Submission) -> Submitted:
        """See the port. Raises InvalidInput for a name or metadata that PostgreSQL cannot hold."""
        async with self._database.transaction() as connection:
            # No unique constraint: others may want two documents with the same bytes.
            await lock_until_end(connection, "submission", submission.collection, submission.sha256)
            key = {"sha256": bytes.fromhex(submission.sha256), "collection": submission.collection}
            holder = await (await connection.execute(_HOLDER, key)).fetchone()
            if holder is None:
                document_id, job_id = await _create(connection, submission)
                return Submitted(await _get(connection, document_id), job_id, created=True)
            document = _document(holder)
            if document.status not in {Status.FAILED, Status.CANCELLED}:
                return Submitted(document, None, created=False)
            requeued = await _requeue(connection, document.id, submission.request_id)
            return Submitted(await _get(connection, document.id), requeued, created=False)

    async def get(self, document_id: DocumentId) -> Document:
        async with self._database.connection() as connection:
            return await _get(connection, document_id)

    async def list(
        self,
        *,
        collection: str | None = None,
        status: Status | None = None,
        after: DocumentId | None = None,
        limit: int,
    ) -> Sequence[Document]:
        query = _LISTS[collection is not None, status is not None]
        parameters = {
            "collection": collection,
            "status": None if status is None else status.value,
            "after": after or _BEFORE_ALL,
            "limit": limit,
        }
        async with self._database.connection() as connection:
            cursor = await connection.execute(query, parameters, binary=True)
            return [_document(row) async for row in cursor]

    async def delete(self, document_id: DocumentId) -> Sequence[str]:
        key = {"document_id": document_id}
        async with self._database.transaction() as connection:
            if await (await connection.execute(_LOCK_FOR_DELETE, key)).fetchone() is None:
                raise _not_found(document_id)
            hashes = [sha256 async for (sha256,) in await connection.execute(_UNSHARED, key)]
            await connection.execute(_DELETE, key)
            return hashes

    async def lock_content(self, sha256: str) -> None:
        """See the port. Raises RuntimeError outside a unit of work, where it would lock nothing."""
        if not self._database.in_unit_of_work:
            raise RuntimeError("lock_content is to be called inside a unit of work")
        async with self._database.connection() as connection:
            await lock_until_end(connection, "content", sha256)

    async def uses_content(self, sha256: str) -> bool:
        async with self._database.connection() as connection:
            cursor = await connection.execute(_USES, {"sha256": bytes.fromhex(sha256)})
            row = await cursor.fetchone()
            return bool(row and row[0])


async def _get(connection: Connection, document_id: DocumentId) -> Document:
    cursor = await connection.execute(_GET, {"document_id": document_id}, binary=True)
    row = await cursor.fetchone()
    if row is None:
        raise _not_found(document_id)
    return _document(row)


async def _create(connection: Connection, submission: Submission) -> tuple[DocumentId, JobId]:
    document_id, job_id = DocumentId(uuid7()), JobId(uuid7())
    with translated_input():
        await connection.execute(
            _CREATE,
            {
                "document_id": document_id,
                "collection_id": await _collection_id(connection, submission.collection),
                "name": submission.name,
                "metadata": json.dumps(dict(submission.metadata)),
                "sha256": bytes.fromhex(submission.sha256),
                "size_bytes": submission.size_bytes,
                "media_type": submission.media_type,
                "job_id": job_id,
                "request_id": submission.request_id,
            },
        )
    return document_id, job_id


async def _requeue(connection: Connection, document_id: DocumentId, request_id: str) -> JobId | None:
    job_id = JobId(uuid7())
    parameters = {"job_id": job_id, "document_id": document_id, "request_id": request_id}
    cursor = await connection.execute(_REQUEUE, parameters)
    return job_id if cursor.rowcount else None


async def _collection_id(connection: Connection, name: str) -> int:
    """The id of the collection, made if it is new. Looked up first, as each insertion burns a number."""
    key = {"name": name}
    row = await (await connection.execute(_FIND_COLLECTION, key)).fetchone()
    if row is None:
        await connection.execute(_CREATE_COLLECTION, key)
        row = await (await connection.execute(_FIND_COLLECTION, key)).fetchone()
        assert row is not None  # noqa: S101 - collections are never deleted
    return int(row[0])


def _not_found(document_id: DocumentId) -> DocumentNotFound:
    return DocumentNotFound(f"there is no document {document_id}")


def _document(row: tuple[Any, ...]) -> Document:
    (id_, name, collection, media_type, size_bytes, sha256, metadata, *job, live_revision_id) = row
    (status, stage, pages_done, pages_total, chunks_done, chunks_total, *rest) = job
    (attempts, error_code, error_message, page_count, chunk_count, created_at, updated_at) = rest
    return Document(
        id=DocumentId(id_),
        name=name,
        collection=collection,
        media_type=media_type,
        size_bytes=size_bytes,
        sha256=sha256,
        metadata=metadata,
        status=Status(status),
        stage=None if stage is None else Stage(stage),
        progress=Progress(pages_done, pages_total, chunks_done, chunks_total),
        attempts=attempts,
        error=None if error_code is None else Failure(error_code, error_message),
        page_count=page_count,
        chunk_count=chunk_count,
        created_at=created_at,
        updated_at=updated_at,
        revision_id=None if live_revision_id is None else RevisionId(live_revision_id),
    )
