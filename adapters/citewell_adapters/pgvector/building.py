"""Filling an inactive embedding space from the stored texts of live chunks.

What is missing is what the table lacks, so whoever was interrupted goes on where they were. Vectors go
straight into the index: nobody waits for them. A batch holds its documents as the indexer does, against
publications and deletes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from psycopg import sql

from citewell.errors import SpaceMismatch
from citewell.model import RevisionId
from citewell_adapters.pgvector.database import Connection
from citewell_adapters.pgvector.halfvec import HalfVector
from citewell_adapters.pgvector.spaces import OpenedSpace, hold_space

__all__ = ["LiveChunk", "MissingChunks", "add_vectors", "insert_vectors", "missing_chunks"]

#: How many revisions are gone through in one statement: those may be whole already.
_REVISIONS_AT_ONCE: Final = 200

# published_pkey. The last of the next revisions.
_NEXT_REVISIONS: Final = """
SELECT max(revision_id) FROM (
    SELECT revision_id FROM published WHERE revision_id > %(after)s ORDER BY revision_id LIMIT %(limit)s
) AS following
"""

# published_pkey, chunks_pkey, vectors_<space>_pkey
_MISSING: Final = sql.SQL(
    """
    SELECT t.revision_id, t.chunk_index, t.text
    FROM published AS p JOIN chunks AS t ON t.revision_id = p.revision_id
    WHERE p.revision_id > %(after)s AND p.revision_id <= %(last)s AND NOT EXISTS (
        SELECT FROM {vectors} AS v
        WHERE v.collection_id = p.collection_id AND v.document_id = p.document_id
            AND v.chunk_index = t.chunk_index
    )
    ORDER BY t.revision_id, t.chunk_index LIMIT %(limit)s
    """
)

# revisions_pkey, documents_pkey. In one order, so that two of us do not wait for each other.
_LOCK_DOCUMENTS: Final = """
SELECT 1 FROM documents AS d
WHERE d.id = ANY(ARRAY(SELECT document_id FROM revisions WHERE id = ANY(%(revision_ids)s)))
ORDER BY d.id FOR SHARE OF d
"""

# published_pkey, vectors_<space>_pkey. A revision that is no longer live gets none.
_ADD: Final = sql.SQL(
    """
    INSERT INTO {vectors} (collection_id, document_id, revision_id, chunk_index, embedding)
    SELECT collection_id, document_id, revision_id, %(index)s, %(vector)s
    FROM published WHERE revision_id = %(revision_id)s
    ON CONFLICT DO NOTHING
    """
)


@dataclass(frozen=True, slots=True)
class LiveChunk:
    """A live chunk and what is embedded of it."""

    revision_id: RevisionId
    index: int
    text: str


@dataclass(frozen=True, slots=True)
class MissingChunks:
    """Some chunks of the revisions up to `up_to`, all of them unless `more`."""

    chunks: Sequence[LiveChunk]
    up_to: RevisionId
    more: bool


async def missing_chunks(
    connection: Connection, held: OpenedSpace, *, after: RevisionId, limit: int
) -> MissingChunks | None:
    """Up to `limit` live chunks without a vector, of the next revisions past `after`; None past the last."""
    page: dict[str, object] = {"after": after, "limit": _REVISIONS_AT_ONCE}
    row = await (await connection.execute(_NEXT_REVISIONS, page)).fetchone()
    if row is None or row[0] is None:
        return None
    wanted = {"after": after, "last": row[0], "limit": limit}
    cursor = await connection.execute(_MISSING.format(vectors=held.vectors), wanted)
    chunks = [LiveChunk(*found) for found in await cursor.fetchall()]
    return MissingChunks(chunks, RevisionId(row[0]), more=len(chunks) == limit)


async def add_vectors(
    connection: Connection, held: OpenedSpace, vectors: Sequence[tuple[LiveChunk, HalfVector]]
) -> int:
    """Add the vectors of those that are live still; how many. To be called in a transaction.

    Raises SpaceMismatch if the space is gone or no longer inactive.
    """
    if not await hold_space(connection, held.id, active=False):
        raise SpaceMismatch(f"{held.space} was made the active space or dropped meanwhile")
    revision_ids = sorted({chunk.revision_id for chunk, _ in vectors})
    await connection.execute(_LOCK_DOCUMENTS, {"revision_ids": revision_ids})
    return await insert_vectors(connection, held, vectors)


async def insert_vectors(
    connection: Connection, held: OpenedSpace, vectors: Sequence[tuple[LiveChunk, HalfVector]]
) -> int:
    """The same where nobody else writes vectors."""
    parameters = [
        {"revision_id": chunk.revision_id, "index": chunk.index, "vector": vector}
        for chunk, vector in vectors
    ]
    cursor = connection.cursor()
    await cursor.executemany(_ADD.format(vectors=held.vectors), parameters)
    return cursor.rowcount
