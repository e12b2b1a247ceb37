"""DocumentStore on PostgreSQL."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Final
from uuid import UUID

from uuid_utils.compat import uuid7

from citewell.errors import Conflict, DocumentNotFound, DocumentNotReady, KeyReused
from citewell.lifecycle import Event, sources
from citewell.model import (
    DEFAULT_COLLECTION,
    Document,
    DocumentEvent,
    DocumentId,
    JobId,
    LiveRevision,
    RevisionId,
    Status,
    Submission,
    Submitted,
)
from citewell_adapters.pgvector import document_sql as statements
from citewell_adapters.pgvector.database import Connection, PgDatabase
from citewell_adapters.pgvector.document_rows import document_from, event_from, revision_of
from citewell_adapters.pgvector.failures import translated_input
from citewell_adapters.pgvector.locks import lock_until_end

__all__ = ["PgDocumentStore"]

_BEFORE_ALL: Final = UUID(int=0)


class PgDocumentStore:
    """The DocumentStore port; ids are UUIDs of version 7 where the caller gives none."""

    def __init__(self, database: PgDatabase) -> None:
        self._database = database

    async def submit(self, submission: Submission) -> Submitted:
        """See the port. Raises InvalidInput for a name or metadata that PostgreSQL cannot hold."""
        async with self._database.transaction() as connection:
            with translated_input():
                return await _Submitting(connection, submission)()

    async def get(self, document_id: DocumentId) -> Document:
        async with self._database.connection() as connection:
            return await _get(connection, document_id)

    async def live(self, document_id: DocumentId) -> LiveRevision:
        async with self._database.connection() as connection:
            cursor = await connection.execute(statements.LIVE, {"document_id": document_id}, binary=True)
            row = await cursor.fetchone()
        if row is None:
            raise _not_found(document_id)
        status, revision_id, sha256, content_sha256, media_type = row
        if revision_id is None:
            raise DocumentNotReady(f"document {document_id} cannot be read yet: it is {status}")
        return LiveRevision(RevisionId(revision_id), sha256, content_sha256, media_type)

    async def list(
        self,
        *,
        collection: str | None = None,
        status: Status | None = None,
        after: DocumentId | None = None,
        limit: int,
    ) -> Sequence[Document]:
        query = statements.LISTS[collection is not None, status is not None]
        parameters = {
            "collection": collection,
            "status": None if status is None else status.value,
            "after": after or _BEFORE_ALL,
            "limit": limit,
        }
        async with self._database.connection() as connection:
            cursor = await connection.execute(query, parameters, binary=True)
            return [document_from(row) async for row in cursor]

    async def delete(self, document_id: DocumentId) -> Sequence[str]:
        key = {"document_id": document_id}
        async with self._database.transaction() as connection:
            if await (await connection.execute(statements.LOCK_FOR_DELETE, key)).fetchone() is None:
                raise _not_found(document_id)
            hashes = [sha256 async for (sha256,) in await connection.execute(statements.HASHES, key)]
            await connection.execute(statements.DELETE, key)
            return hashes

    async def events(self, document_id: DocumentId, *, after: int = 0, limit: int) -> Sequence[DocumentEvent]:
        parameters = {"document_id": document_id, "after": after, "limit": limit}
        async with self._database.connection() as connection:
            cursor = await connection.execute(statements.EVENTS, parameters, binary=True)
            events = [event_from(row) async for row in cursor]
            if not events:
                found = await (await connection.execute(statements.EXISTS, parameters)).fetchone()
                if found is None:
                    raise _not_found(document_id)
            return events

    async def prune(self, *, older_than_seconds: float) -> None:
        parameters = {"seconds": older_than_seconds}
        async with self._database.connection() as connection:
            await connection.execute(statements.PRUNE_KEYS, parameters)
            await connection.execute(statements.PRUNE_EVENTS, parameters)


class _Submitting:
    """One submission, in one transaction."""

    def __init__(self, connection: Connection, submission: Submission) -> None:
        self._connection = connection
        self._submission = submission
        self._collection = submission.collection or DEFAULT_COLLECTION
        self._values: dict[str, object] = {
            "sha256": bytes.fromhex(submission.sha256),
            "unlocked_sha256": _bytes_or_none(submission.unlocked_sha256),
            "size_bytes": submission.size_bytes,
            "media_type": submission.media_type,
            "name": submission.name,
            "metadata": json.dumps(dict(submission.metadata)),
            "request_id": submission.request_id,
        }

    async def __call__(self) -> Submitted:
        key = self._submission.idempotency_key
        if not key:
            return await self._submit()
        await lock_until_end(self._connection, "idempotency key", key)
        if (known := await self._known_by(key)) is not None:
            return Submitted(await _get(self._connection, known), None, created=False)
        submitted = await self._submit()
        await self._execute(
            statements.REMEMBER_KEY,
            key=key,
            fingerprint=bytes.fromhex(self._submission.fingerprint),
            document_id=submitted.document.id,
        )
        return submitted

    async def _known_by(self, key: str) -> DocumentId | None:
        found = await self._connection.execute(statements.FIND_KEY, {"key": key})
        row = await found.fetchone()
        if row is None:
            return None
        fingerprint, document_id = row
        if fingerprint != self._submission.fingerprint:
            raise KeyReused
        return DocumentId(document_id)

    async def _submit(self) -> Submitted:
        holder = await self._holder()
        if holder is None:
            return await self._create()
        document, revision_id = holder
        if self._submission.collection not in (None, document.collection):
            raise Conflict(f"the document is in the collection {document.collection} and stays there")
        if document.sha256 != self._submission.sha256:
            return await self._replace(document, revision_id)
        if self._submission.document_id is not None:
            await self._execute(statements.RENAME_REVISION, revision_id=revision_id)
            await self._execute(statements.RENAME_LIVE, document_id=document.id, revision_id=revision_id)
        job_id = None
        if document.status in sources(Event.RETRY):
            job_id = await self._retry(document.id, revision_id)
        if self._submission.document_id is not None:
            await self._execute(statements.RENAMED, document_id=document.id)
        return Submitted(await _get(self._connection, document.id), job_id, created=False)

    async def _holder(self) -> tuple[Document, RevisionId] | None:
        """The document that the submission is about, with its newest revision, if it is there."""
        submission, given = self._submission, self._submission.document_id
        if given is not None:
            await lock_until_end(self._connection, "document", str(given))
            query = statements.HOLDER_BY_ID
            key: dict[str, object] = {"document_id": given}
        else:
            # No unique constraint: others may want two documents with the same bytes.
            await lock_until_end(self._connection, "submission", self._collection, submission.sha256)
            query = statements.HOLDER_BY_BYTES
            key = {"sha256": self._values["sha256"], "collection": self._collection}
        row = await (await self._connection.execute(query, key)).fetchone()
        return None if row is None else (document_from(row), revision_of(row))

    async def _create(self) -> Submitted:
        document_id = self._submission.document_id or DocumentId(uuid7())
        job_id = JobId(uuid7())
        collection_id = await self._collection_id()
        await self._execute(statements.CREATE, document_id=document_id, collection_id=collection_id)
        revision_id = await self._add_revision(document_id)
        await self._execute(
            statements.CREATE_JOB, job_id=job_id, document_id=document_id, revision_id=revision_id
        )
        return Submitted(await _get(self._connection, document_id), job_id, created=True)

    async def _replace(self, document: Document, former: RevisionId) -> Submitted:
        """The job before the former revision, as whoever is at work on it locks them."""
        job_id = JobId(uuid7())
        revision_id = await self._add_revision(document.id)
        await self._execute(
            statements.REPLACE_JOB, job_id=job_id, document_id=document.id, revision_id=revision_id
        )
        superseded = former if former != document.revision_id else None
        if superseded is not None:
            await self._execute(statements.DROP_REVISION, revision_id=superseded)
        replaced = await _get(self._connection, document.id)
        return Submitted(replaced, job_id, created=False, superseded=superseded)

    async def _retry(self, document_id: DocumentId, revision_id: RevisionId) -> JobId:
        job_id = JobId(uuid7())
        if self._submission.unlocked_sha256 is not None:
            await self._execute(statements.UNLOCK_REVISION, revision_id=revision_id)
        await self._execute(statements.RETRY_JOB, job_id=job_id, document_id=document_id)
        return job_id

    async def _add_revision(self, document_id: DocumentId) -> RevisionId:
        row = await self._execute(statements.ADD_REVISION, document_id=document_id)
        return RevisionId(row[0])

    async def _collection_id(self) -> int:
        """The collection's id, made if it is new. Looked up first, as each insertion burns a number."""
        key = {"name": self._collection}
        row = await (await self._connection.execute(statements.FIND_COLLECTION, key)).fetchone()
        if row is None:
            await self._connection.execute(statements.CREATE_COLLECTION, key)
            row = await (await self._connection.execute(statements.FIND_COLLECTION, key)).fetchone()
            assert row is not None  # noqa: S101 - collections are never deleted
        return int(row[0])

    async def _execute(self, statement: Any, **values: object) -> tuple[Any, ...]:
        """Executes a statement over the submission's values and these; its row, if it returns one."""
        cursor = await self._connection.execute(statement, {**self._values, **values})
        row = await cursor.fetchone() if cursor.description is not None else None
        return row or ()


async def _get(connection: Connection, document_id: DocumentId) -> Document:
    cursor = await connection.execute(statements.GET, {"document_id": document_id}, binary=True)
    row = await cursor.fetchone()
    if row is None:
        raise _not_found(document_id)
    return document_from(row)


def _bytes_or_none(sha256: str | None) -> bytes | None:
    return None if sha256 is None else bytes.fromhex(sha256)


def _not_found(document_id: DocumentId) -> DocumentNotFound:
    return DocumentNotFound(f"there is no document {document_id}")
