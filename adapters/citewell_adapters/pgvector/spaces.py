"""Which embedding space a database serves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from psycopg import sql

from citewell.errors import SpaceMismatch
from citewell.model import EmbeddingSpace
from citewell_adapters.pgvector.database import Connection, PgDatabase
from citewell_adapters.pgvector.locks import lock_until_end

__all__ = ["OpenedSpace", "open_space"]

# embedding_spaces_active
_ACTIVE: Final = "SELECT id, model, dimensions FROM embedding_spaces WHERE active"

_CREATE: Final = """
INSERT INTO embedding_spaces (model, dimensions, active)
VALUES (%(model)s, %(dimensions)s, true)
RETURNING id, citewell_create_vectors(id, dimensions)
"""

# What is live and waits for the index is in staged_vectors too.
_IN_USE: Final = sql.SQL(
    """
    SELECT EXISTS (SELECT FROM {vectors})
        OR EXISTS (SELECT FROM staged_vectors WHERE space_id = {space_id})
    """
)

# embedding_spaces_pkey. Staging takes a share of this row, by its foreign key.
_LOCK_SPACE: Final = sql.SQL("SELECT 1 FROM embedding_spaces WHERE id = {space_id} FOR UPDATE")
_LOCK_VECTORS: Final = sql.SQL("LOCK TABLE {vectors} IN ACCESS EXCLUSIVE MODE")
_DROP_VECTORS: Final = sql.SQL("DROP TABLE {vectors}")
_DELETE: Final = sql.SQL("DELETE FROM embedding_spaces WHERE id = {space_id}")


@dataclass(frozen=True, slots=True)
class OpenedSpace:
    """A space as the database knows it."""

    id: int
    space: EmbeddingSpace

    @property
    def vectors(self) -> sql.Identifier:
        """The table of its indexed vectors."""
        return sql.Identifier(f"vectors_{self.id}")


async def open_space(database: PgDatabase, space: EmbeddingSpace) -> OpenedSpace:
    """The space, after making it the active one if it is not.

    An active space without any vector gives way. Raises SpaceMismatch if it has some. Safe in several
    processes at once.
    """
    async with database.connection() as connection:
        active = await _active(connection)
    if active is not None and active.space == space:
        return active
    async with database.transaction() as connection:
        await lock_until_end(connection, "embedding space")
        active = await _active(connection)
        if active is not None and active.space == space:
            return active
        if active is not None:
            await _give_way(connection, active, wanted=space)
        return await _create(connection, space)


async def _active(connection: Connection) -> OpenedSpace | None:
    row = await (await connection.execute(_ACTIVE)).fetchone()
    return None if row is None else OpenedSpace(row[0], EmbeddingSpace(row[1], row[2]))


async def _create(connection: Connection, space: EmbeddingSpace) -> OpenedSpace:
    parameters = {"model": space.model, "dimensions": space.dimensions}
    row = await (await connection.execute(_CREATE, parameters)).fetchone()
    assert row is not None  # noqa: S101 - an insertion returns its row
    return OpenedSpace(row[0], space)


async def _give_way(connection: Connection, held: OpenedSpace, *, wanted: EmbeddingSpace) -> None:
    """Removes the space if it has no vectors, while nobody can stage or publish any."""
    # First without locks: a process with wrong settings must not make the others wait.
    await _check_unused(connection, held, wanted=wanted)
    names = {"vectors": held.vectors, "space_id": held.id}
    await connection.execute(_LOCK_SPACE.format(**names))
    await connection.execute(_LOCK_VECTORS.format(**names))
    await _check_unused(connection, held, wanted=wanted)
    await connection.execute(_DROP_VECTORS.format(**names))
    await connection.execute(_DELETE.format(**names))


async def _check_unused(connection: Connection, held: OpenedSpace, *, wanted: EmbeddingSpace) -> None:
    query = _IN_USE.format(vectors=held.vectors, space_id=held.id)
    row = await (await connection.execute(query)).fetchone()
    if row and row[0]:
        raise SpaceMismatch(
            f"the database holds vectors of {held.space}, but the settings ask for {wanted}: set "
            "APP_EMBEDDINGS_BACKEND, APP_EMBEDDINGS_MODEL and APP_EMBEDDINGS_DIM back to what they were, or "
            "use another database or data directory"
        )
