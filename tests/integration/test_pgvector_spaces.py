"""A database serves one embedding space, and says so."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from tests.conftest import MigratedDatabase
from tests.pgstores import open_pg_stores, rows

from citewell.errors import SpaceMismatch
from citewell.model import EmbeddedChunk, EmbeddingSpace, Scope
from citewell.testing.stores import chunk, claimed, unit_vector
from citewell_adapters.pgvector import PgDatabase, PgVectorStore

SMALL, LARGE = EmbeddingSpace("small", 8), EmbeddingSpace("large", 16)


async def test_a_database_with_vectors_of_another_space_is_refused(
    migrated_database: MigratedDatabase,
) -> None:
    """SpaceMismatch names both spaces and what to do; the data stays as it was."""
    url = await migrated_database()
    async with open_pg_stores(url, space=SMALL) as stores:
        lease = await claimed(stores, "text")
        await stores.vectors.stage(lease.publication, [chunk(0)])
        await stores.vectors.publish(lease.publication)
    async with PgDatabase(url) as database:
        with pytest.raises(SpaceMismatch) as raised:
            await PgVectorStore(database, LARGE).__aenter__()
    for part in ("small (8 dimensions)", "large (16 dimensions)", "APP_EMBEDDINGS_MODEL", "data directory"):
        assert part in str(raised.value)
    async with open_pg_stores(url, space=SMALL) as stores:
        assert len(await stores.vectors.search(unit_vector(0), k=1, scope=Scope())) == 1


async def test_staged_vectors_count_as_vectors(migrated_database: MigratedDatabase) -> None:
    """An embedding that was paid for is not thrown away."""
    url = await migrated_database()
    async with open_pg_stores(url, space=SMALL) as stores:
        lease = await claimed(stores, "text")
        await stores.vectors.stage(lease.publication, [chunk(0)])
        with pytest.raises(SpaceMismatch):
            await PgVectorStore(stores.database, LARGE).__aenter__()
        await stores.vectors.discard(lease.revision_id)
        async with PgVectorStore(stores.database, LARGE):
            pass


async def test_the_same_model_with_other_dimensions_is_another_space(
    migrated_database: MigratedDatabase,
) -> None:
    """An embedding space is one model and its dimensions."""
    async with open_pg_stores(await migrated_database(), space=SMALL) as stores:
        lease = await claimed(stores, "text")
        await stores.vectors.stage(lease.publication, [chunk(0)])
        with pytest.raises(SpaceMismatch):
            await PgVectorStore(stores.database, EmbeddingSpace("small", 9)).__aenter__()


async def test_an_empty_space_gives_way(migrated_database: MigratedDatabase) -> None:
    """Whoever tries another model before the first document, or after the last, may."""
    url = await migrated_database()
    for space in (SMALL, LARGE, SMALL):
        async with open_pg_stores(url, space=space) as stores:
            lease = await claimed(stores, "text")
            axis = unit_vector(1, dimensions=space.dimensions)
            await stores.vectors.stage(lease.publication, [EmbeddedChunk(chunk(0).chunk, axis)])
            await stores.vectors.publish(lease.publication)
            assert len(await stores.vectors.search(axis, k=1, scope=Scope())) == 1
            await stores.documents.delete(lease.document_id)
            query = "SELECT count(*) FROM embedding_spaces"
            assert await rows(stores.database, query) == [(1,)]
            query = "SELECT count(*) FROM pg_tables WHERE tablename LIKE 'vectors%%'"
            assert await rows(stores.database, query) == [(1,)]


async def test_a_process_of_a_former_space_is_told_so(migrated_database: MigratedDatabase) -> None:
    """SpaceMismatch from every call, and nothing staged that nobody could publish."""
    async with open_pg_stores(await migrated_database(), space=SMALL) as stores:
        lease = await claimed(stores, "text")
        vectors = stores.vectors
        calls: list[Callable[[], Awaitable[object]]] = [
            lambda: vectors.stage(lease.publication, [chunk(0)]),
            lambda: vectors.publish(lease.publication),
            lambda: vectors.search(unit_vector(0), k=1, scope=Scope()),
            lambda: vectors.chunks(lease.document_id, limit=1),
            lambda: vectors.discard(lease.revision_id),
            lambda: vectors.delete(lease.document_id),
        ]
        async with PgVectorStore(stores.database, LARGE):
            for call in calls:
                with pytest.raises(SpaceMismatch, match="start again"):
                    await call()
        assert await vectors.staged(lease.revision_id) is None


async def test_a_vector_that_is_just_being_staged_counts(migrated_database: MigratedDatabase) -> None:
    """Whoever opens another space waits for it, and is refused."""
    async with open_pg_stores(await migrated_database(), space=SMALL) as stores:
        lease = await claimed(stores, "text")
        staged = asyncio.Event()

        async def open_another() -> None:
            await staged.wait()
            await PgVectorStore(stores.database, LARGE).__aenter__()

        opening = asyncio.create_task(open_another())
        async with stores.unit_of_work():
            await stores.vectors.stage(lease.publication, [chunk(0)])
            staged.set()
            await asyncio.sleep(0.3)
            assert not opening.done()
        with pytest.raises(SpaceMismatch):
            await opening
        assert await stores.vectors.staged(lease.revision_id) == chunk(0).chunk


async def test_api_and_workers_may_open_at_once(migrated_database: MigratedDatabase) -> None:
    """The first makes the table, the others find it."""
    url = await migrated_database()

    async def open_and_stage(number: int) -> None:
        async with open_pg_stores(url, space=SMALL) as stores:
            lease = await claimed(stores, f"text {number}")
            await stores.vectors.stage(lease.publication, [chunk(0)])
            await stores.vectors.publish(lease.publication)

    await asyncio.gather(*(open_and_stage(number) for number in range(6)))
    async with open_pg_stores(url, space=SMALL) as stores:
        assert len(await stores.vectors.search(unit_vector(0), k=9, scope=Scope())) == 6
        assert await rows(stores.database, "SELECT count(*) FROM embedding_spaces") == [(1,)]


async def test_of_two_spaces_at_once_one_is_served(migrated_database: MigratedDatabase) -> None:
    """Nobody serves a space whose table is gone: who comes second takes the place or is refused."""
    url = await migrated_database()
    async with PgDatabase(url) as database:
        for _ in range(5):
            await asyncio.gather(
                PgVectorStore(database, SMALL).__aenter__(), PgVectorStore(database, LARGE).__aenter__()
            )
            [(space_id,)] = await rows(database, "SELECT id FROM embedding_spaces WHERE active")
            query = "SELECT tablename FROM pg_tables WHERE tablename LIKE 'vectors%%'"
            assert await rows(database, query) == [(f"vectors_{space_id}",)]


async def test_the_largest_space_works(migrated_database: MigratedDatabase) -> None:
    """4,000 dimensions, live and staged, in the row and under the index."""
    space = EmbeddingSpace("huge", 4_000)
    async with open_pg_stores(await migrated_database(), space=space, max_exact_chunks=0) as stores:
        lease = await claimed(stores, "text")
        vectors = [
            [0.6 if n == axis else 0.8 if n == 0 else 0.0 for n in range(4_000)] for axis in (1, 3_999)
        ]
        chunks = [EmbeddedChunk(chunk(n).chunk, vector) for n, vector in enumerate(vectors)]
        await stores.vectors.stage(lease.publication, chunks)
        await stores.vectors.publish(lease.publication)
        for index, vector in enumerate(vectors):
            for scope in (Scope(), Scope("default"), Scope(document_ids=(lease.document_id,))):
                first, second = await stores.vectors.search(vector, k=2, scope=scope)
                assert first.chunk.index == index
                assert first.similarity == pytest.approx(1, abs=1e-3)
                assert second.similarity == pytest.approx(0.64, abs=1e-3)


async def test_an_unopened_store_says_so() -> None:
    """A defect of the caller."""
    with pytest.raises(RuntimeError, match="not open"):
        await PgVectorStore(PgDatabase("postgresql://nowhere"), SMALL).search([0.0] * 8, k=1, scope=Scope())
