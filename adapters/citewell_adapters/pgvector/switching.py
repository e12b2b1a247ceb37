"""Making another embedding space the active one, in one transaction."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final

from psycopg import sql

from citewell.errors import Conflict, NotFound
from citewell_adapters.pgvector.database import Connection
from citewell_adapters.pgvector.indexing import IndexStatements, index_waiting
from citewell_adapters.pgvector.locks import lock_until_end
from citewell_adapters.pgvector.spaces import OpenedSpace, active_space, named_space

__all__ = ["switch"]

# embedding_spaces_pkey. All that writes vectors waits from here on; searches do not.
_LOCK: Final = "SELECT FROM embedding_spaces WHERE id = %(space_id)s FOR UPDATE"

_COUNT: Final = sql.SQL("SELECT count(*) FROM {vectors}")

# staged_vectors_pkey; revisions_pkey, documents_pkey, staged_terms_pkey, chunks_pkey. They were cut and
# embedded for the former space; workers stage them anew.
_UNSTAGE: Final = sql.SQL(
    """
    WITH gone AS (
        DELETE FROM staged_vectors WHERE space_id = {space_id} RETURNING revision_id
    ), revision AS (
        SELECT r.id FROM revisions AS r JOIN documents AS d ON d.id = r.document_id
        WHERE r.id IN (SELECT revision_id FROM gone) AND d.live_revision_id IS DISTINCT FROM r.id
    ), words AS (
        DELETE FROM staged_terms AS s USING revision AS r WHERE s.revision_id = r.id
    )
    DELETE FROM chunks AS t USING revision AS r WHERE t.revision_id = r.id
    """
)

_LOCK_TABLES: Final = sql.SQL("LOCK TABLE {vectors}, {others} IN ACCESS EXCLUSIVE MODE")
_RENAME: Final = sql.SQL("ALTER TABLE {old} RENAME TO {new}")
_MARK: Final = """
UPDATE embedding_spaces SET active = %(active)s, version = nextval('citewell_versions')
WHERE id = %(space_id)s
"""

# Another space finds others: what was cached is over.
_CHANGED: Final = "UPDATE collections SET version = version + 1"


async def switch(
    connection: Connection, target: OpenedSpace, *, complete: Callable[[int], Awaitable[None]] | None
) -> int:
    """Make the space the active one, unless it lacks vectors; how many it lacks.

    complete: where given, adds those it lacks, if they are few, while writers wait. To be called in a
    transaction that waits for locks only shortly. Nothing happens if the space is active already. Raises
    NotFound if it is gone.
    """
    await lock_until_end(connection, "embedding space")
    former, target = await _locked(connection, target)
    if former.id == target.id:
        return 0
    statements = IndexStatements(former)
    await index_waiting(connection, statements)
    # Both hold vectors of live chunks alone, each at most once: none is missing if there are as many.
    missing = await _missing(connection, former, target)
    if missing and complete is not None:
        await complete(missing)
        missing = await _missing(connection, former, target)
    if missing:
        return missing
    await connection.execute(_UNSTAGE.format(space_id=former.id))
    names = {"vectors": former.vectors, "others": target.vectors}
    await connection.execute(_LOCK_TABLES.format(**names))
    for space in (former, target):
        other = OpenedSpace(space.id, space.space, active=not space.active)
        await connection.execute(_RENAME.format(old=space.vectors, new=other.vectors))
        await connection.execute(_MARK, {"active": other.active, "space_id": space.id})
    await connection.execute(_CHANGED)
    return 0


async def _locked(connection: Connection, target: OpenedSpace) -> tuple[OpenedSpace, OpenedSpace]:
    """The active space and the target as they are, both locked, the target first as publishers do."""
    active = await active_space(connection)
    if active is None:
        raise Conflict("the database has no active embedding space yet: start the service once")
    for space_id in dict.fromkeys((target.id, active.id)):
        await connection.execute(_LOCK, {"space_id": space_id})
    found = await named_space(connection, target.space)
    if found is None or found.id != target.id:
        raise NotFound(f"the embedding space {target.id} is gone")
    return active, found


async def _missing(connection: Connection, former: OpenedSpace, target: OpenedSpace) -> int:
    return abs(await _count(connection, former) - await _count(connection, target))


async def _count(connection: Connection, space: OpenedSpace) -> int:
    row = await (await connection.execute(_COUNT.format(vectors=space.vectors))).fetchone()
    return int(row[0]) if row else 0
