"""Vectors enter the index after their publication, batch by batch, and nobody can tell from what is found."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import psycopg
import pytest
import pytest_asyncio
from tests.conftest import MigratedDatabase, NewDatabase
from tests.integration.test_pgvector_documents import (
    claim_newest,
    collection,
    delete,
    end,
    ingested,
    leftovers,
    stage,
)
from tests.integration.test_pgvector_search import nodes
from tests.pgstores import PgStores, next_revision, open_pg_stores, rows

import citewell_migrations
from citewell.errors import StoreUnavailable
from citewell.model import ChunkRef, DocumentId, EmbeddedChunk, Lease, Scope
from citewell.testing.stores import chunk, claimed, unit_vector
from citewell_adapters.pgvector import lexical, vector_sql
from citewell_adapters.pgvector.halfvec import half_vector


@pytest_asyncio.fixture(loop_scope="session")
async def stores(migrated_database: MigratedDatabase) -> AsyncIterator[PgStores]:
    async with open_pg_stores(await migrated_database()) as stores:
        yield stores


async def counts(stores: PgStores) -> tuple[int, int, int]:
    """Vectors in the index, vectors beside it, and those that are counted as waiting."""
    query = """
    SELECT (SELECT count(*) FROM vectors_1), (SELECT count(*) FROM staged_vectors),
        (SELECT coalesce(sum(chunk_count), 0)::int FROM unindexed)
    """
    [(indexed, staged, waiting)] = await rows(stores.database, query)
    return indexed, staged, waiting


async def found(stores: PgStores) -> list[ChunkRef]:
    return [hit.ref for hit in await stores.vectors.search(unit_vector(0), k=500, scope=Scope())]


async def test_vectors_move_batch_by_batch(stores: PgStores) -> None:
    """A batch takes what it may of as many documents as it needs; the row goes with the last vector."""
    for content in ("one", "two", "three"):
        await ingested(stores, content, chunks=5)
    assert await counts(stores) == (0, 15, 15)
    for moved, (indexed, waiting) in [(7, (7, 8)), (7, (14, 1)), (1, (15, 0)), (0, (15, 0))]:
        assert await stores.vectors.index(limit=7) == moved
        assert await counts(stores) == (indexed, waiting, waiting)
    assert "unindexed" not in await leftovers(stores)


async def test_a_revision_under_way_is_left_alone(stores: PgStores) -> None:
    """Only what is live enters the index."""
    lease = await claimed(stores, "under way")
    await stage(stores, lease)
    assert await stores.vectors.index(limit=9) == 0
    assert await counts(stores) == (0, 3, 0)


async def test_a_publication_does_not_wait_for_the_index(migrated_database: MigratedDatabase) -> None:
    """However slow the index is, and if it fails the vectors are found where they are."""
    async with open_pg_stores(await migrated_database(), statement_timeout_seconds=0.3) as stores:
        async with stores.database.connection() as connection:
            await connection.execute(
                """
                CREATE FUNCTION doze() RETURNS trigger LANGUAGE plpgsql AS
                $$ BEGIN PERFORM pg_sleep(0.5); RETURN NEW; END $$;
                CREATE TRIGGER doze BEFORE INSERT ON vectors_1 FOR EACH STATEMENT EXECUTE FUNCTION doze()
                """
            )
            await ingested(stores, "long")
            with pytest.raises(StoreUnavailable):
                await stores.vectors.index(limit=9)
            assert len(await found(stores)) == 3
            await connection.execute("DROP TRIGGER doze ON vectors_1")
        assert await stores.vectors.index(limit=9) == 3
        assert len(await found(stores)) == 3


async def test_an_indexer_that_dies_loses_nothing(stores: PgStores) -> None:
    """What it had moved is back where it was, and another one moves it."""
    await ingested(stores, "text")
    before = await found(stores)

    async def die() -> None:
        async with stores.unit_of_work():
            assert await stores.vectors.index(limit=2) == 2
            await rows(stores.database, "SELECT pg_terminate_backend(pg_backend_pid())")

    with pytest.raises(StoreUnavailable):
        await die()
    assert await counts(stores) == (0, 3, 3)
    assert await stores.vectors.index(limit=9) == 3
    assert await found(stores) == before


async def test_several_indexers_share_the_work(stores: PgStores) -> None:
    """Each vector is moved once; a document that one is at is not waited for."""
    for number in range(6):
        await ingested(stores, str(number), chunks=10)
    before = await found(stores)

    async def index() -> int:
        total = 0
        while moved := await stores.vectors.index(limit=3):
            total += moved
        return total

    totals = await asyncio.gather(*(index() for _ in range(4)))
    totals.append(await index())
    assert sum(totals) == 60
    assert await counts(stores) == (60, 0, 0)
    assert await found(stores) == before


async def test_a_second_indexer_does_not_wait_for_the_first(stores: PgStores) -> None:
    """0 if none waits that nobody else is at."""
    await ingested(stores, "text")
    moved = asyncio.Event()

    async def index() -> int:
        await moved.wait()
        return await stores.vectors.index(limit=9)

    other = asyncio.create_task(index())
    async with stores.unit_of_work():
        assert await stores.vectors.index(limit=1) == 1
        moved.set()
        assert await other == 0


@pytest.mark.parametrize("replaced", [True, False])
async def test_a_delete_and_a_publication_wait_for_a_batch(stores: PgStores, replaced: bool) -> None:
    """And take what it has moved with them."""
    lease = await ingested(stores, "text")
    await next_revision(stores, lease.document_id)
    new = await claim_newest(stores, lease.document_id)
    await stage(stores, new, chunks=2)
    change = asyncio.create_task(waiting_change(stores, new if replaced else None, lease.document_id))
    async with stores.unit_of_work():
        assert await stores.vectors.index(limit=2) == 2
        await asyncio.sleep(0.3)
        assert not change.done()
        assert len(await found(stores)) == 3
    await change
    assert len(await found(stores)) == (2 if replaced else 0)
    assert (await collection(stores))[1] == (2 if replaced else 0)
    assert await counts(stores) == ((0, 2, 2) if replaced else (0, 0, 0))


async def waiting_change(stores: PgStores, new: Lease | None, document_id: DocumentId) -> None:
    """Replaces the document, or deletes it, once an indexer is at it."""
    query = "SELECT 1 FROM unindexed FOR UPDATE SKIP LOCKED"
    while await rows(stores.database, query):
        pass
    if new is None:
        await delete(stores, document_id)
    else:
        await end(stores, new, chunks=2)


@pytest.mark.parametrize("max_exact_chunks", [0, 2_000])
@pytest.mark.parametrize("seed", range(3))
async def test_any_course_of_events_counts_right(
    migrated_database: MigratedDatabase, seed: int, max_exact_chunks: int
) -> None:
    """Published, replaced, deleted, indexed: collections count their chunks, searches find them."""
    numbers = random.Random(seed)
    async with open_pg_stores(await migrated_database(), max_exact_chunks=max_exact_chunks) as stores:
        live: dict[DocumentId, int] = {}
        for number in range(60):
            step = numbers.choice(["new", "replace", "delete", "index", "index"])
            size, document_id = numbers.randint(1, 9), numbers.choice([*live, None])
            if step == "new":
                live[(await ingested(stores, str(number), chunks=size)).document_id] = size
            elif step == "index":
                await stores.vectors.index(limit=size)
            elif document_id is not None and step == "replace":
                await next_revision(stores, document_id)
                new = await claim_newest(stores, document_id)
                await stage(stores, new, chunks=size)
                await end(stores, new, chunks=size)
                live[document_id] = size
            elif document_id is not None:
                await delete(stores, document_id)
                del live[document_id]
            assert sorted(await found(stores)) == sorted(
                ChunkRef(id_, index) for id_, count in live.items() for index in range(count)
            )
            indexed, staged, waiting = await counts(stores)
            total = sum(live.values())
            assert (staged, indexed + waiting) == (waiting, total)
            assert not live or (await collection(stores))[1] == total


_FORMER_DATA = """
INSERT INTO collections (name) VALUES ('default');
INSERT INTO documents (id, collection_id, name, metadata)
SELECT gen_random_uuid(), id, 'old.txt', '{}' FROM collections;
INSERT INTO revisions (document_id, sha256, size_bytes, media_type)
SELECT id, sha256('old'), 3, 'text/plain' FROM documents;
INSERT INTO chunks SELECT id, n, n, n + 1, 1, 1, 1, '{}', 'old' FROM revisions, generate_series(0, 2) AS n;
INSERT INTO embedding_spaces (model, dimensions, active) VALUES ('contract', 8, true);
SELECT citewell_create_vectors(id, dimensions) FROM embedding_spaces;
"""


async def test_a_database_of_the_former_release_goes_on(new_database: NewDatabase) -> None:
    """Its live vectors are found, counted, moved away from and deleted as before."""
    url = await new_database()
    carried = citewell_migrations.carried_migrations()
    with psycopg.connect(url, autocommit=True) as connection:
        citewell_migrations.apply(connection, migrations=[each for each in carried if each.number < 2])
        connection.execute(_FORMER_DATA)
        insert_former_vectors(connection)
        assert connection.execute("SELECT version, chunk_count FROM collections").fetchone() == (1, 3)
        citewell_migrations.apply(connection)
    async with open_pg_stores(url) as stores:
        await ingested(stores, "new")
        assert len(await found(stores)) == 6
        assert await collection(stores) == (2, 6)
        [(old,)] = await rows(stores.database, "SELECT id FROM documents WHERE name = 'old.txt'")
        assert len(await stores.vectors.chunks(old, limit=9)) == 3
        await delete(stores, old)
        assert await stores.vectors.index(limit=9) == 3
        assert await collection(stores) == (3, 3)
        assert len(await found(stores)) == 3


def insert_former_vectors(connection: psycopg.Connection[Any]) -> None:
    vectors = [str(half_vector(unit_vector(n)).to_list()) for n in range(3)]
    connection.execute(
        """
        INSERT INTO vectors_1 (collection_id, document_id, revision_id, chunk_index, embedding)
        SELECT d.collection_id, d.id, r.id, n - 1, vector::halfvec
        FROM documents AS d JOIN revisions AS r ON r.document_id = d.id,
            unnest(%(vectors)s::text[]) WITH ORDINALITY AS given (vector, n)
        """,
        {"vectors": vectors},
    )


async def test_a_publication_compares_no_chunk_with_all_others(stores: PgStores) -> None:
    """Though statistics, taken while another revision was staged, expect none of this one."""
    first = await claimed(stores, "first")
    await stores.vectors.stage(first.publication, analysed(300))
    async with stores.database.connection() as connection:
        await connection.execute("ANALYZE staged_vectors, staged_terms, chunks")
    second = await claimed(stores, "second")
    await stores.vectors.stage(second.publication, analysed(600))
    for statement in (lexical._PRUNE, vector_sql.PRUNE_CHUNKS):
        assert await rows_looked_at(stores, statement, revision_id=second.revision_id, space_id=1) < 20 * 600
    await stores.vectors.publish(second.publication)
    vectors: Any = stores.vectors
    move = vectors._statements.indexing.move.as_string()
    assert await rows_looked_at(stores, move, revision_id=second.revision_id, limit=64) < 20 * 64
    revision_ids = [second.revision_id]
    assert await rows_looked_at(stores, lexical._MOVE, revision_ids=revision_ids, limit=64) < 20 * 64


async def rows_looked_at(stores: PgStores, statement: str, **parameters: object) -> int:
    """By all parts of the statement's plan, those included that did not match."""
    [(plan,)] = await rows(stores.database, f"EXPLAIN (ANALYZE, FORMAT JSON) {statement}", **parameters)
    return sum(
        node["Actual Loops"]
        * sum(
            node.get(rows, 0)
            for rows in ("Actual Rows", "Rows Removed by Join Filter", "Rows Removed by Filter")
        )
        for node in nodes(plan[0]["Plan"])
    )


def analysed(count: int) -> list[EmbeddedChunk]:
    """Chunks with terms."""
    return [replace(chunk(index, vector=unit_vector(index % 8)), terms={1: 1}) for index in range(count)]
