"""Moving live vectors into the index, which takes milliseconds each, after they were published.

Whoever moves them shares the document's row: neither a publication nor a delete runs beside it, and each
waits for one batch at most. Searches read what waits exactly, and each is one statement, so they see every
vector once, here or there.
"""

from __future__ import annotations

from typing import Final

from psycopg import sql

from citewell.model import RevisionId
from citewell_adapters.pgvector.database import Connection
from citewell_adapters.pgvector.spaces import OpenedSpace

__all__ = ["IndexStatements", "index_batch", "index_revision", "index_waiting"]

#: So many documents take part in one batch at most: each is locked, small as it may be.
_DOCUMENTS: Final = 32

#: How many vectors of a long document are moved in one statement.
_AT_ONCE: Final = 64

# unindexed_pkey
_WAITING: Final = sql.SQL(
    "SELECT coalesce(sum(chunk_count), 0) > %(spare)s FROM unindexed WHERE space_id = {space_id}"
)

# unindexed_pkey, documents_pkey. The oldest first; those that another process is at are not waited for.
_LOCK: Final = sql.SQL(
    """
    SELECT u.revision_id, u.chunk_count
    FROM unindexed AS u JOIN documents AS d ON d.id = u.document_id
    WHERE u.space_id = {space_id}
    ORDER BY u.revision_id LIMIT {documents}
    FOR SHARE OF d SKIP LOCKED FOR UPDATE OF u SKIP LOCKED
    """
)

# unindexed_pkey
_ALL: Final = sql.SQL(
    "SELECT revision_id, chunk_count FROM unindexed WHERE space_id = {space_id} ORDER BY revision_id"
)

# unindexed_pkey, documents_pkey
_LOCK_REVISION: Final = sql.SQL(
    """
    SELECT u.chunk_count FROM unindexed AS u JOIN documents AS d ON d.id = u.document_id
    WHERE u.revision_id = %(revision_id)s AND u.space_id = {space_id}
    FOR SHARE OF d FOR UPDATE OF u
    """
)

# staged_vectors_pkey, unindexed_pkey
_MOVE: Final = sql.SQL(
    """
    WITH batch AS (
        SELECT revision_id, chunk_index FROM staged_vectors
        WHERE revision_id = %(revision_id)s AND space_id = {space_id}
        ORDER BY chunk_index LIMIT %(limit)s
    ), moved AS (
        DELETE FROM staged_vectors AS s USING batch AS b
        WHERE s.revision_id = b.revision_id AND s.space_id = {space_id} AND s.chunk_index = b.chunk_index
        RETURNING s.revision_id, s.chunk_index, s.embedding
    )
    INSERT INTO {vectors} (collection_id, document_id, revision_id, chunk_index, embedding)
    SELECT u.collection_id, u.document_id, m.revision_id, m.chunk_index, m.embedding
    FROM moved AS m, unindexed AS u
    WHERE u.revision_id = %(revision_id)s AND u.space_id = {space_id}
    """
)

# unindexed_pkey
_COUNT_DOWN: Final = sql.SQL(
    """
    UPDATE unindexed SET chunk_count = chunk_count - %(moved)s
    WHERE revision_id = %(revision_id)s AND space_id = {space_id}
    """
)

# unindexed_pkey, staged_vectors_pkey
_DONE: Final = sql.SQL(
    """
    DELETE FROM unindexed AS u
    WHERE u.revision_id = %(revision_id)s AND u.space_id = {space_id} AND NOT EXISTS (
        SELECT FROM staged_vectors AS s WHERE s.revision_id = u.revision_id AND s.space_id = u.space_id
    )
    """
)


class IndexStatements:
    """The statements for one space's vectors."""

    def __init__(self, space: OpenedSpace) -> None:
        names = {"vectors": space.vectors, "space_id": sql.Literal(space.id)}
        self.waiting = _WAITING.format(**names)
        self.lock = _LOCK.format(**names, documents=sql.Literal(_DOCUMENTS))
        self.all = _ALL.format(**names)
        self.lock_revision = _LOCK_REVISION.format(**names)
        self.move = _MOVE.format(**names)
        self.count_down = _COUNT_DOWN.format(**names)
        self.done = _DONE.format(**names)


async def index_batch(
    connection: Connection, statements: IndexStatements, *, limit: int, spare: int = 0
) -> int:
    """Move up to `limit` vectors of any documents, if more than `spare` wait; how many.

    To be called in a transaction of its own: it holds the documents until its end.
    """
    row = await (await connection.execute(statements.waiting, {"spare": spare})).fetchone()
    if row is None or not row[0]:
        return 0
    total = 0
    for revision_id, waiting in await (await connection.execute(statements.lock)).fetchall():
        total += await _move(connection, statements, revision_id, limit=min(waiting, limit - total))
        if total >= limit:
            break
    return total


async def index_revision(
    connection: Connection, statements: IndexStatements, revision_id: RevisionId
) -> None:
    """Move all vectors of the revision that wait, after waiting for whoever is at them."""
    parameters = {"revision_id": revision_id}
    row = await (await connection.execute(statements.lock_revision, parameters)).fetchone()
    left = row[0] if row else 0
    while left > 0:
        left -= await _move(connection, statements, revision_id, limit=min(left, _AT_ONCE))


async def index_waiting(connection: Connection, statements: IndexStatements) -> None:
    """Move all that waits, without holding documents: to be called where nobody else changes the space."""
    for revision_id, waiting in await (await connection.execute(statements.all)).fetchall():
        await _move(connection, statements, revision_id, limit=waiting)


async def _move(
    connection: Connection, statements: IndexStatements, revision_id: RevisionId, *, limit: int
) -> int:
    parameters = {"revision_id": revision_id, "limit": limit}
    moved = (await connection.execute(statements.move, parameters)).rowcount
    counted = {"revision_id": revision_id, "moved": moved}
    await connection.execute(statements.count_down, counted)
    await connection.execute(statements.done, counted)
    return moved
