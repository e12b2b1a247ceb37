"""Filling an inactive embedding space from the stored texts of live chunks.

What is missing is what the table lacks, so whoever was interrupted goes on where they were. Vectors go
straight into the index: nobody waits for them. A batch holds its documents as the indexer does, against
publications and deletes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from psycopg import sql

from citewell.errors import SpaceMismatch
from citewell.model import DocumentId, RevisionId
from citewell_adapters.pgvector.database import Connection
from citewell_adapters.pgvector.halfvec import HalfVector
from citewell_adapters.pgvector.spaces import OpenedSpace, hold_space

__all__ = ["FIRST_DOCUMENT", "LiveChunk", "MissingChunks", "add_vectors", "insert_vectors", "missing_chunks"]

#: How many documents are gone through in one statement: those may be whole already.
_DOCUMENTS_AT_ONCE: Final = 200

# documents_pkey. The last of the next documents.
_NEXT_DOCUMENTS: Final = """
SELECT id FROM (
    SELECT id FROM documents WHERE id > %(after)s ORDER BY id LIMIT %(limit)s
) AS following
ORDER BY id DESC LIMIT 1
"""

# documents_pkey, revisions_pkey, chunks_pkey, vectors_<space>_pkey
_MISSING: Final = sql.SQL(
    """
    SELECT d.id, t.revision_id, t.chunk_index, r.name, t.heading_path, t.text
    FROM documents AS d
    JOIN revisions AS r ON r.id = d.live_revision_id
    JOIN chunks AS t ON t.revision_id = r.id
    WHERE d.id > %(after)s AND d.id <= %(last)s AND NOT EXISTS (
        SELECT FROM {vectors} AS v
        WHERE v.collection_id = d.collection_id AND v.document_id = d.id AND v.chunk_index = t.chunk_index
    )
    ORDER BY d.id, t.chunk_index LIMIT %(limit)s
    """
)

# documents_pkey. In one order, so that two of us do not wait for each other.
_LOCK_DOCUMENTS: Final = (
    "SELECT FROM documents WHERE id = ANY(%(document_ids)s::uuid[]) ORDER BY id FOR SHARE"
)

# documents_pkey, vectors_<space>_pkey. A revision that is no longer live gets none.
_ADD: Final = sql.SQL(
    """
    INSERT INTO {vectors} (collection_id, document_id, revision_id, chunk_index, embedding)
    SELECT collection_id, id, live_revision_id, %(index)s, %(vector)s
    FROM documents WHERE id = %(document_id)s AND live_revision_id = %(revision_id)s
    ON CONFLICT DO NOTHING
    """
)

#: Before all others.
FIRST_DOCUMENT: Final = DocumentId(UUID(int=0))


@dataclass(frozen=True, slots=True)
class LiveChunk:
    """A live chunk, and what is embedded with its text: the document's name and the headings above it."""

    document_id: DocumentId
    revision_id: RevisionId
    index: int
    name: str
    heading_path: Sequence[str]
    text: str


@dataclass(frozen=True, slots=True)
class MissingChunks:
    """Some chunks of the documents up to `up_to`, all of them unless `more`."""

    chunks: Sequence[LiveChunk]
    up_to: DocumentId
    more: bool


async def missing_chunks(
    connection: Connection, held: OpenedSpace, *, after: DocumentId, limit: int
) -> MissingChunks | None:
    """Up to `limit` live chunks without a vector, of the next documents past `after`; None past the last."""
    page: dict[str, object] = {"after": after, "limit": _DOCUMENTS_AT_ONCE}
    row = await (await connection.execute(_NEXT_DOCUMENTS, page)).fetchone()
    if row is None:
        return None
    wanted = {"after": after, "last": row[0], "limit": limit}
    cursor = await connection.execute(_MISSING.format(vectors=held.vectors), wanted)
    chunks = [LiveChunk(*found) for found in await cursor.fetchall()]
    return MissingChunks(chunks, DocumentId(row[0]), more=len(chunks) == limit)


async def add_vectors(
    connection: Connection, held: OpenedSpace, vectors: Sequence[tuple[LiveChunk, HalfVector]]
) -> int:
    """Add the vectors of those that are live still; how many. To be called in a transaction.

    Raises SpaceMismatch if the space is gone or no longer inactive.
    """
    if not await hold_space(connection, held.id, active=False):
        raise SpaceMismatch(f"{held.space} was made the active space or dropped meanwhile")
    document_ids = sorted({chunk.document_id for chunk, _ in vectors})
    await connection.execute(_LOCK_DOCUMENTS, {"document_ids": document_ids})
    return await insert_vectors(connection, held, vectors)


async def insert_vectors(
    connection: Connection, held: OpenedSpace, vectors: Sequence[tuple[LiveChunk, HalfVector]]
) -> int:
    """The same where nobody else writes vectors."""
    parameters = [
        {
            "document_id": chunk.document_id,
            "revision_id": chunk.revision_id,
            "index": chunk.index,
            "vector": vector,
        }
        for chunk, vector in vectors
    ]
    cursor = connection.cursor()
    await cursor.executemany(_ADD.format(vectors=held.vectors), parameters)
    return cursor.rowcount
