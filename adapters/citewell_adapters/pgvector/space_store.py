"""The embedding spaces of a database: listed, built beside the active one, switched to, dropped."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final, TypeVar

from psycopg import errors, sql

from citewell.errors import Conflict, DimensionMismatch, NotFound, StoreUnavailable
from citewell.model import DocumentId, EmbeddingSpace, Vector
from citewell_adapters.pgvector.building import (
    FIRST_DOCUMENT,
    LiveChunk,
    MissingChunks,
    add_vectors,
    insert_vectors,
    missing_chunks,
)
from citewell_adapters.pgvector.database import Connection, PgDatabase
from citewell_adapters.pgvector.halfvec import half_vector
from citewell_adapters.pgvector.locks import lock_until_end
from citewell_adapters.pgvector.reindexing import build_index, drop_index, keep_index, on_trial
from citewell_adapters.pgvector.spaces import (
    SPACES,
    OpenedSpace,
    Origin,
    active_space,
    create_space,
    in_use,
    named_space,
    noted,
    opened_space,
    remove_space,
)
from citewell_adapters.pgvector.switching import switch

__all__ = ["PgSpaces", "SpaceState"]

T = TypeVar("T")

#: Turns chunks into vectors of the space.
Embed = Callable[[Sequence[LiveChunk]], Awaitable[Sequence[Vector]]]

#: A publication or a delete of one of their documents waits for so many at most, as for the indexer.
_ADDED_AT_ONCE: Final = 32
#: So many a switch may add itself, while writers wait.
_FEW: Final = 256
#: No longer is anybody kept waiting behind us by somebody whom we wait for; then we try again. It is less
#: than PostgreSQL waits before it looks for a deadlock, so that it is us who give way.
_LOCK_AT_MOST: Final = "SET LOCAL lock_timeout = '400ms'"
#: For a lock, each time: others may hold theirs as long as a statement may take.
_TRIES: Final = 100
_PAUSE_SECONDS: Final = 0.3

_ALL: Final = f"{SPACES} ORDER BY id"

# embedding_spaces_pkey
_LOCK: Final = "SELECT active FROM embedding_spaces WHERE id = %(space_id)s FOR UPDATE"

# unindexed_space_id_collection_id_document_id_key
_STATE: Final = sql.SQL(
    """
    SELECT (SELECT count(*) FROM {vectors})
            + (SELECT coalesce(sum(chunk_count), 0) FROM unindexed WHERE space_id = {space_id}),
        (SELECT coalesce(sum(chunk_count), 0) FROM collections),
        pg_total_relation_size({name}::regclass)
    """
)

# documents_pkey, chunks_pkey
_SAMPLE: Final = """
SELECT d.id, t.revision_id, t.chunk_index, d.name, t.heading_path, t.text
FROM (
    SELECT id, name, live_revision_id FROM documents
    WHERE live_revision_id IS NOT NULL AND (
        %(collection)s::text IS NULL
        OR collection_id = (SELECT id FROM collections WHERE name = %(collection)s::text)
    )
    ORDER BY md5(%(seed)s || id) LIMIT %(size)s
) AS d CROSS JOIN LATERAL (
    SELECT * FROM chunks AS t WHERE t.revision_id = d.live_revision_id
    ORDER BY md5(%(seed)s || chunk_index) LIMIT %(size)s
) AS t
ORDER BY md5(%(seed)s || t.revision_id || ' ' || t.chunk_index) LIMIT %(size)s
"""

_TRY_LOCK: Final = "SELECT pg_try_advisory_lock(hashtext('citewell building'), %(space_id)s)"
_UNLOCK: Final = "SELECT pg_advisory_unlock(hashtext('citewell building'), %(space_id)s)"


@dataclass(frozen=True, slots=True)
class SpaceState:
    """A space and what it holds.

    vectors: of live chunks; live_chunks: how many there should be. size_bytes: of the table and its indexes.
    """

    space: OpenedSpace
    vectors: int
    live_chunks: int
    size_bytes: int

    @property
    def complete(self) -> float:
        """The share of the live chunks that have their vectors, in [0, 1]."""
        return min(1.0, self.vectors / self.live_chunks) if self.live_chunks else 1.0


class PgSpaces:
    """What an operator does about embedding spaces. Searches go on all the while."""

    def __init__(self, database: PgDatabase) -> None:
        self._database = database

    async def active(self) -> OpenedSpace | None:
        """The space that the database serves, None before the first start."""
        async with self._database.connection() as connection:
            return await active_space(connection)

    async def get(self, space_id: int) -> OpenedSpace:
        """The space. Raises NotFound."""
        async with self._database.connection() as connection:
            return await _found(connection, space_id)

    async def in_use(self, space: OpenedSpace) -> bool:
        """Whether the space has vectors, staged ones too."""
        async with self._database.connection() as connection:
            return await in_use(connection, space)

    async def list(self) -> Sequence[SpaceState]:
        """All spaces, the oldest first."""
        async with self._database.transaction() as connection:
            spaces = [opened_space(row) for row in await (await connection.execute(_ALL)).fetchall()]
            return [await _state(connection, space) for space in spaces]

    async def state(self, space: OpenedSpace) -> SpaceState:
        """What the space holds."""
        async with self._database.connection() as connection:
            return await _state(connection, space)

    async def prepare(self, space: EmbeddingSpace, origin: Origin) -> OpenedSpace:
        """The space as it is, after making it, inactive and empty, if it is new. The origin is noted."""

        async def prepared(connection: Connection) -> OpenedSpace:
            await lock_until_end(connection, "embedding space")
            found = await named_space(connection, space)
            if found is None:
                return await create_space(connection, space, active=False, origin=origin)
            return await noted(connection, found, origin)

        return await self._alone(prepared)

    @asynccontextmanager
    async def building(self, space: OpenedSpace) -> AsyncIterator[Connection]:
        """Only one process at a time is here for a space. Raises Conflict for a second one.

        It is so until the session of the connection is over, however its process ends.
        """
        key = {"space_id": space.id}
        async with self._database.connection() as connection:
            row = await (await connection.execute(_TRY_LOCK, key)).fetchone()
            if not (row and row[0]):
                raise Conflict(f"another process is building {space.space}: wait for it, or stop it")
            try:
                yield connection
            finally:
                await connection.execute(_UNLOCK, key)

    async def missing(
        self, space: OpenedSpace, *, after: DocumentId | None, limit: int
    ) -> MissingChunks | None:
        """Up to `limit` live chunks that it lacks, of the next documents past `after`; None at the end."""
        async with self._database.connection() as connection:
            return await missing_chunks(connection, space, after=after or FIRST_DOCUMENT, limit=limit)

    async def add(self, space: OpenedSpace, chunks: Sequence[LiveChunk], vectors: Sequence[Vector]) -> int:
        """Add the vectors of the chunks that are still live to an inactive space; how many.

        Raises DimensionMismatch, and SpaceMismatch if the space is no longer inactive.
        """
        if any(len(vector) != space.space.dimensions for vector in vectors):
            raise DimensionMismatch(f"a vector does not fit {space.space}")
        pairs = [(chunk, half_vector(vector)) for chunk, vector in zip(chunks, vectors, strict=True)]
        added = 0
        for start in range(0, len(pairs), _ADDED_AT_ONCE):
            async with self._database.transaction() as connection:
                added += await add_vectors(connection, space, pairs[start : start + _ADDED_AT_ONCE])
        return added

    async def sample(self, *, size: int, seed: int, collection: str | None = None) -> Sequence[LiveChunk]:
        """Live chunks, drawn by chance, from as many documents as there are."""
        async with self._database.connection() as connection:
            parameters = {"size": size, "seed": str(seed), "collection": collection}
            cursor = await connection.execute(_SAMPLE, parameters)
            return [LiveChunk(*row) for row in await cursor.fetchall()]

    async def activate(self, space: OpenedSpace, *, embed: Embed | None = None) -> int:
        """Make the space the active one, at once, unless it lacks vectors of live chunks; how many it lacks.

        embed: where given, embeds the chunks that it lacks, if they are few, while writers wait.
        Searches before it find by the former space, those after it by this one. What was staged for the
        former one is forgotten: workers stage it anew. Raises NotFound if the space is gone, and
        StoreUnavailable if others hold on to what it needs.
        """

        async def switched(connection: Connection) -> int:
            async def complete(missing: int) -> None:
                if embed is not None and missing <= _FEW:
                    await _complete(connection, space, embed)

            return await switch(connection, space, complete=complete)

        return await self._alone(switched)

    async def drop(self, space_id: int) -> OpenedSpace:
        """Remove an inactive space; what it was. Raises NotFound, and Conflict if it is active."""

        async def dropped(connection: Connection) -> OpenedSpace:
            await lock_until_end(connection, "embedding space")
            await connection.execute(_LOCK, {"space_id": space_id})
            found = await _found(connection, space_id)
            if found.active:
                raise Conflict(
                    f"the embedding space {space_id} is the active one: activate another one first"
                )
            await remove_space(connection, found)
            return found

        return await self._alone(dropped)

    async def reindex(
        self, space_id: int, *, quantized: bool, accept: Callable[[OpenedSpace], Awaitable[bool]]
    ) -> bool:
        """Give the space an index over its vectors' signs, or over the vectors; whether it has it then.

        It is built beside the one that serves searches meanwhile. accept: hears of the space as it is
        searched by the new one, and says whether that is to take the other one's place. Else, and if anything
        is raised, all is as it was. Raises NotFound, Conflict while another process is at the space, and
        SpaceMismatch if the space is switched or dropped meanwhile.
        """
        async with self.building(await self.get(space_id)) as connection:
            space = await self.get(space_id)
            trial = on_trial(space, quantized=quantized)
            try:
                # Of somebody who was interrupted.
                await self._alone(lambda own: drop_index(own, trial))
                if space.quantized is quantized:
                    return True
                await build_index(connection, trial)
                accepted = await accept(trial)
                if accepted:
                    await self._alone(lambda own: keep_index(own, trial))
                return accepted
            finally:
                # It has another name if it was kept.
                await self._alone(lambda own: drop_index(own, trial))

    async def _alone(self, work: Callable[[Connection], Awaitable[T]]) -> T:
        """Does the work in a transaction that waits for locks only shortly, and again if it has to."""
        tries = 0
        while True:
            try:
                async with self._database.transaction() as connection:
                    await connection.execute(_LOCK_AT_MOST)
                    return await work(connection)
            except StoreUnavailable as error:
                tries += 1
                busy = (errors.LockNotAvailable, errors.DeadlockDetected)
                if not isinstance(error.__cause__, busy) or tries == _TRIES:
                    raise
            await asyncio.sleep(_PAUSE_SECONDS)


async def _found(connection: Connection, space_id: int) -> OpenedSpace:
    rows = await (await connection.execute(_ALL)).fetchall()
    found = next((space for space in map(opened_space, rows) if space.id == space_id), None)
    if found is None:
        raise NotFound(f"there is no embedding space {space_id}")
    return found


async def _complete(connection: Connection, space: OpenedSpace, embed: Embed) -> None:
    after = FIRST_DOCUMENT
    while (found := await missing_chunks(connection, space, after=after, limit=_FEW)) is not None:
        if found.chunks:
            vectors = await embed(found.chunks)
            pairs = [
                (chunk, half_vector(vector)) for chunk, vector in zip(found.chunks, vectors, strict=True)
            ]
            await insert_vectors(connection, space, pairs)
        after = found.up_to


async def _state(connection: Connection, space: OpenedSpace) -> SpaceState:
    names = {"vectors": space.vectors, "space_id": space.id, "name": sql.Literal(space.vectors.as_string())}
    row = await (await connection.execute(_STATE.format(**names))).fetchone()
    assert row is not None  # noqa: S101 - an aggregate has a row
    return SpaceState(space, *map(int, row))
