"""Another kind of index over a space's vectors, in the place of the one it has, while searches go on.

    vectors_<n>_hnsw      over the vectors
    vectors_<n>_binary    over their signs, a bit for each dimension
    vectors_<n>_new       either of them, until it takes the other one's place

One of the first two is there at any time, and its name alone says how the space is searched. Whoever is
interrupted leaves the third at most, which no search goes by.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Final

from psycopg import errors, sql

from citewell.errors import SpaceMismatch
from citewell_adapters.pgvector.database import Connection
from citewell_adapters.pgvector.locks import lock_until_end
from citewell_adapters.pgvector.spaces import OpenedSpace

__all__ = ["build_index", "drop_index", "keep_index", "on_trial"]

#: What a vector takes in the graph besides its own numbers, while that is built.
_GRAPH_BYTES: Final = 1_000
#: For the graph, unless the server gives more. What does not fit is put in several times as slowly.
_MOST_KILOBYTES: Final = 1_048_576

# As citewell_create_vectors has it, over vectors or over signs. Searches and writers go on.
_BUILD: Final = sql.SQL(
    "CREATE INDEX CONCURRENTLY {index} ON {vectors} USING hnsw ({column}) WITH (ef_construction = 128)"
)
_VECTORS: Final = sql.SQL("embedding halfvec_cosine_ops")
_SIGNS: Final = sql.SQL("(binary_quantize(embedding)::bit({dimensions})) bit_hamming_ops")

_COUNT: Final = sql.SQL("SELECT count(*) FROM {vectors}")
_SETTINGS: Final = """
SELECT current_setting('statement_timeout'), current_setting('max_parallel_maintenance_workers'),
    current_setting('maintenance_work_mem'), pg_size_bytes(current_setting('maintenance_work_mem')) / 1024
"""
_SET: Final = """
SELECT set_config('statement_timeout', %s, false), set_config('max_parallel_maintenance_workers', %s, false),
    set_config('maintenance_work_mem', %s, false)
"""

_EXISTS: Final = "SELECT to_regclass(%(index)s) IS NOT NULL"
_DROP: Final = sql.SQL("DROP INDEX IF EXISTS {index}")
_RENAME: Final = sql.SQL("ALTER INDEX {index} RENAME TO {name}")


def on_trial(space: OpenedSpace, *, quantized: bool) -> OpenedSpace:
    """The space as it is searched by an index of this kind that has not taken the other one's place."""
    return replace(space, quantized=quantized, on_trial=True)


async def build_index(connection: Connection, trial: OpenedSpace) -> None:
    """Build the index of a space on trial, however long it takes; not in a transaction.

    What was built is there even if this raises. Raises SpaceMismatch if the space was switched or dropped.
    """
    names = {
        "index": sql.Identifier(trial.index),
        "vectors": trial.vectors,
        "column": _SIGNS.format(dimensions=trial.space.dimensions) if trial.quantized else _VECTORS,
    }
    try:
        row = await (await connection.execute(_COUNT.format(vectors=trial.vectors))).fetchone()
        async with _set_to_build(connection, trial, vectors=row[0] if row else 0):
            await connection.execute(_BUILD.format(**names))
    except errors.UndefinedTable as error:
        raise _changed(trial) from error


async def keep_index(connection: Connection, trial: OpenedSpace) -> None:
    """Have the index on trial take the other one's place, at once. To be called in a transaction.

    Searches that name the former index are refused by PostgreSQL from then on. Raises SpaceMismatch if the
    space is gone.
    """
    await lock_until_end(connection, "embedding space")
    row = await (await connection.execute(_EXISTS, {"index": trial.index})).fetchone()
    if not (row and row[0]):
        raise _changed(trial)
    kept = replace(trial, on_trial=False)
    former = replace(kept, quantized=not kept.quantized)
    await connection.execute(_DROP.format(index=sql.Identifier(former.index)))
    names = {"index": sql.Identifier(trial.index), "name": sql.Identifier(kept.index)}
    await connection.execute(_RENAME.format(**names))


async def drop_index(connection: Connection, trial: OpenedSpace) -> None:
    """Drop the index on trial, whole or not, if there is one."""
    await connection.execute(_DROP.format(index=sql.Identifier(trial.index)))


@asynccontextmanager
async def _set_to_build(connection: Connection, trial: OpenedSpace, *, vectors: int) -> AsyncIterator[None]:
    """Without a limit of time, and with memory for the graph; afterwards all is set as before.

    By one process: several would share that memory, of which a container often has little, and the other
    cores are for searches.
    """
    row = await (await connection.execute(_SETTINGS)).fetchone()
    assert row is not None  # noqa: S101 - functions without a table give a row
    *before, given = row
    numbers = trial.space.dimensions // 8 if trial.quantized else 2 * trial.space.dimensions
    wanted = min(vectors * (numbers + _GRAPH_BYTES) // 1024, _MOST_KILOBYTES)
    await connection.execute(_SET, ("0", "0", f"{max(given, wanted)}kB"))
    try:
        yield
    finally:
        await connection.execute(_SET, before)


def _changed(trial: OpenedSpace) -> SpaceMismatch:
    return SpaceMismatch(f"the space {trial.id} was switched or dropped meanwhile: run it again")
