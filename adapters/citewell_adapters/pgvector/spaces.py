"""Which embedding space a database serves; see migration 0007 for the locks."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Final

from psycopg import sql

from citewell.errors import SpaceMismatch
from citewell.model import EmbeddingSpace
from citewell_adapters.pgvector.database import Connection, PgDatabase
from citewell_adapters.pgvector.locks import lock_until_end

__all__ = [
    "SPACES",
    "OpenedSpace",
    "Origin",
    "active_space",
    "create_space",
    "hold_space",
    "in_use",
    "named_space",
    "noted",
    "open_space",
    "opened_space",
    "remove_space",
]

#: As `opened_space` reads them. Which index a space has is known from its name alone: see `reindexing`.
SPACES: Final = """
SELECT id, model, dimensions, active, backend, backend_model,
    to_regclass('vectors_' || id || '_binary') IS NOT NULL
FROM embedding_spaces
"""

# embedding_spaces_active
_ACTIVE: Final = f"{SPACES} WHERE active"

# embedding_spaces_model_dimensions_key
_NAMED: Final = f"{SPACES} WHERE model = %(model)s AND dimensions = %(dimensions)s"

# embedding_spaces_pkey
_HOLD: Final = "SELECT active FROM embedding_spaces WHERE id = %(space_id)s FOR KEY SHARE"

_CREATE: Final = """
INSERT INTO embedding_spaces (model, dimensions, active, backend, backend_model)
VALUES (%(model)s, %(dimensions)s, %(active)s, %(backend)s, %(backend_model)s)
RETURNING id, citewell_create_vectors(id, dimensions)
"""

# embedding_spaces_pkey
_NOTE: Final = """
UPDATE embedding_spaces SET backend = %(backend)s, backend_model = %(backend_model)s WHERE id = %(space_id)s
"""
_DEACTIVATE: Final = sql.SQL("ALTER TABLE {active} RENAME TO {inactive}")

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
class Origin:
    """How the vectors of a space are made. model: as the settings name it, None for the backend's own."""

    backend: str
    model: str | None


@dataclass(frozen=True, slots=True)
class OpenedSpace:
    """A space as the database knows it. origin: None if nobody has noted it.

    quantized: its index is over the signs of the vectors, not over the vectors. on_trial: it is searched by
    the index that is to take the place of the other.
    """

    id: int
    space: EmbeddingSpace
    active: bool = True
    origin: Origin | None = None
    quantized: bool = False
    on_trial: bool = False

    @property
    def vectors(self) -> sql.Identifier:
        """The table of its indexed vectors; another one once it is active, or no longer."""
        return sql.Identifier(f"vectors_{self.id}" if self.active else f"inactive_vectors_{self.id}")

    @property
    def index(self) -> str:
        """The name of the index that its searches go by."""
        kind = "new" if self.on_trial else "binary" if self.quantized else "hnsw"
        return f"vectors_{self.id}_{kind}"


async def open_space(
    database: PgDatabase, space: EmbeddingSpace, *, origin: Origin | None = None
) -> OpenedSpace:
    """The space, after making it the active one if it is not. An origin is noted.

    An active space without any vector gives way. Raises SpaceMismatch if it has some. Safe in several
    processes at once.
    """
    async with database.connection() as connection:
        active = await active_space(connection)
        if active is not None and active.space == space:
            return await noted(connection, active, origin)
    async with database.transaction() as connection:
        await lock_until_end(connection, "embedding space")
        active = await active_space(connection)
        if active is not None and active.space == space:
            return await noted(connection, active, origin)
        if active is not None:
            await _give_way(connection, active, wanted=space)
        if (inactive := await named_space(connection, space)) is not None:
            # What is live has vectors in the active space, and that had none: it is empty.
            await remove_space(connection, inactive)
        return await create_space(connection, space, active=True, origin=origin)


async def create_space(
    connection: Connection, space: EmbeddingSpace, *, active: bool, origin: Origin | None
) -> OpenedSpace:
    """A new space without vectors."""
    row = await (await connection.execute(_CREATE, _row(space, active, origin))).fetchone()
    assert row is not None  # noqa: S101 - an insertion returns its row
    created = OpenedSpace(row[0], space, active, origin)
    if not active:
        names = {"active": replace(created, active=True).vectors, "inactive": created.vectors}
        await connection.execute(_DEACTIVATE.format(**names))
    return created


async def noted(connection: Connection, held: OpenedSpace, origin: Origin | None) -> OpenedSpace:
    """The space, after noting its origin if it is another than before."""
    if origin is None or origin == held.origin:
        return held
    await connection.execute(_NOTE, {**_row(held.space, held.active, origin), "space_id": held.id})
    return replace(held, origin=origin)


async def active_space(connection: Connection) -> OpenedSpace | None:
    """The space that the database serves."""
    row = await (await connection.execute(_ACTIVE)).fetchone()
    return None if row is None else opened_space(row)


async def named_space(connection: Connection, space: EmbeddingSpace) -> OpenedSpace | None:
    """The row of the space, active or not."""
    parameters = {"model": space.model, "dimensions": space.dimensions}
    row = await (await connection.execute(_NAMED, parameters)).fetchone()
    return None if row is None else opened_space(row)


async def hold_space(connection: Connection, space_id: int, *, active: bool) -> bool:
    """Keep the space as it is until the transaction ends, if it is active, or inactive; whether it is."""
    row = await (await connection.execute(_HOLD, {"space_id": space_id})).fetchone()
    return row is not None and row[0] is active


async def in_use(connection: Connection, held: OpenedSpace) -> bool:
    """Whether the space has vectors, staged ones too."""
    query = _IN_USE.format(vectors=held.vectors, space_id=held.id)
    row = await (await connection.execute(query)).fetchone()
    return bool(row and row[0])


async def remove_space(connection: Connection, held: OpenedSpace) -> None:
    """Remove the space with what it holds, while nobody can stage or publish anything."""
    names = {"vectors": held.vectors, "space_id": held.id}
    for statement in (_DROP_VECTORS, _DELETE):
        await connection.execute(statement.format(**names))


def opened_space(row: tuple[Any, ...]) -> OpenedSpace:
    """From a row of SPACES."""
    space_id, model, dimensions, active, backend, backend_model, quantized = row
    origin = None if backend is None else Origin(backend, backend_model)
    return OpenedSpace(space_id, EmbeddingSpace(model, dimensions), active, origin, quantized)


def _row(space: EmbeddingSpace, active: bool, origin: Origin | None) -> dict[str, object]:
    return {
        "model": space.model,
        "dimensions": space.dimensions,
        "active": active,
        "backend": None if origin is None else origin.backend,
        "backend_model": None if origin is None else origin.model,
    }


async def _give_way(connection: Connection, held: OpenedSpace, *, wanted: EmbeddingSpace) -> None:
    """Removes the space if it has no vectors, while nobody can stage or publish any."""
    # First without locks: a process with wrong settings must not make the others wait.
    await _check_unused(connection, held, wanted=wanted)
    names = {"vectors": held.vectors, "space_id": held.id}
    await connection.execute(_LOCK_SPACE.format(**names))
    await connection.execute(_LOCK_VECTORS.format(**names))
    await _check_unused(connection, held, wanted=wanted)
    await remove_space(connection, held)


async def _check_unused(connection: Connection, held: OpenedSpace, *, wanted: EmbeddingSpace) -> None:
    if await in_use(connection, held):
        raise SpaceMismatch(
            f"the database holds vectors of {held.space}, but the settings ask for {wanted}: set "
            "APP_EMBEDDINGS_BACKEND, APP_EMBEDDINGS_MODEL and APP_EMBEDDINGS_DIM back to what they were, or "
            "use another database or data directory; `citewell reembed` changes the model of one in use"
        )
