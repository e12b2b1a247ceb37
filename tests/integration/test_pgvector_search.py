"""Searches take the way they are meant to take, and find what an exact search finds."""

from __future__ import annotations

import heapq
import json
import math
import random
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final

import pytest
import pytest_asyncio
from psycopg.types.numeric import Int4, Int8
from tests.conftest import MigratedDatabase
from tests.house import memory_stores
from tests.pgstores import PgStores, cloned_database, open_pg_stores, rows
from uuid_utils.compat import uuid7

from citewell.errors import InvalidInput
from citewell.filtering import parse_filter
from citewell.model import ChunkRef, DocumentId, EmbeddingSpace, Lease, Scope
from citewell.testing.stores import CONTRACT_SPACE, Stores, chunk, claimed, unit_vector
from citewell.testing.vectors import cosine, random_vector
from citewell_adapters.pgvector import (
    PgVectorStore,
    board,
    contents,
    document_sql,
    jobs,
    pages,
    vector_sql,
)
from citewell_adapters.pgvector.database import Connection
from citewell_adapters.pgvector.halfvec import half_vector

SPACE: Final = EmbeddingSpace("generated", 8)
CHUNKS_PER_DOCUMENT: Final = 100
#: 20,000 chunks in all.
DOCUMENTS: Final = {"large": 150, "middle": 40, "small": 10}


@dataclass(frozen=True)
class Corpus:
    """Stores over generated chunks, and the vectors that are in them."""

    stores: PgStores
    vectors: Mapping[str, Mapping[ChunkRef, list[float]]]

    @property
    def documents(self) -> list[DocumentId]:
        return sorted({ref.document_id for refs in self.vectors.values() for ref in refs})

    def nearest(self, question: list[float], *, k: int, scope: Scope) -> list[float]:
        """The best similarities of the scope, by looking at all."""
        return heapq.nlargest(
            k,
            (
                cosine(vector, question)
                for name, vectors in self.vectors.items()
                if scope.collection in {None, name}
                for ref, vector in vectors.items()
                if scope.document_ids is None or ref.document_id in scope.document_ids
            ),
        )


@pytest.fixture(scope="module")
def database_url(postgres_url: str, migrated_template: str) -> Iterator[str]:
    with cloned_database(postgres_url, template=migrated_template) as url:
        yield url


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def corpus(database_url: str) -> AsyncIterator[Corpus]:
    async with open_pg_stores(database_url, space=SPACE) as stores:
        vectors = await load(stores)
        yield Corpus(stores, vectors)


async def load(stores: PgStores) -> dict[str, dict[ChunkRef, list[float]]]:
    """Fills the tables as ingestion would, but quickly: by COPY, with the index built afterwards."""
    numbers = random.Random(7)
    loaded: dict[str, dict[ChunkRef, list[float]]] = {}
    async with stores.database.transaction() as connection:
        await connection.execute("SET LOCAL statement_timeout = 0")
        [(index,)] = await fetch(connection, "SELECT pg_get_indexdef('vectors_1_hnsw'::regclass)")
        await connection.execute("DROP INDEX vectors_1_hnsw")
        for name, count in DOCUMENTS.items():
            loaded[name] = {}
            query = "INSERT INTO collections (name) VALUES (%(name)s) RETURNING id"
            [(collection_id,)] = await fetch(connection, query, name=name)
            for number in range(count):
                document_id = DocumentId(uuid7())
                vectors = [random_vector(numbers) for _ in range(CHUNKS_PER_DOCUMENT)]
                metadata = {"number": number, "parity": ["even", "odd"][number % 2]}
                await load_document(connection, collection_id, document_id, vectors, metadata=metadata)
                loaded[name] |= {ChunkRef(document_id, n): vector for n, vector in enumerate(vectors)}
            query = "UPDATE collections SET chunk_count = %(count)s WHERE id = %(id)s RETURNING id"
            await fetch(connection, query, count=count * CHUNKS_PER_DOCUMENT, id=collection_id)
        await connection.execute(index.encode())
    async with stores.database.connection() as connection:
        await connection.execute("ANALYZE")
    return loaded


async def load_document(
    connection: Connection,
    collection_id: int,
    document_id: DocumentId,
    vectors: list[list[float]],
    *,
    metadata: Mapping[str, Any],
) -> None:
    [(revision_id,)] = await fetch(
        connection,
        """
        WITH document AS (
            INSERT INTO documents (id, collection_id, name, metadata)
            VALUES (%(document_id)s, %(collection_id)s, 'generated', %(metadata)s) RETURNING id
        )
        INSERT INTO revisions (document_id, sha256, size_bytes, media_type, name, metadata)
        SELECT id, sha256(%(document_id)s::text::bytea), 1, 'text/plain', 'generated', '{}'
        FROM document RETURNING id
        """,
        document_id=document_id,
        collection_id=collection_id,
        metadata=json.dumps(metadata),
    )
    await connection.execute(
        """
        INSERT INTO chunks
        SELECT %(revision_id)s, n, n, n + 1, 1, 1, 1, '{}', 'text' FROM generate_series(0, %(last)s) AS n
        """,
        {"revision_id": revision_id, "last": len(vectors) - 1},
    )
    columns = "collection_id, document_id, revision_id, chunk_index, embedding"
    statement = f"COPY vectors_1 ({columns}) FROM STDIN (FORMAT BINARY)"
    async with connection.cursor().copy(statement) as copy:
        for number, vector in enumerate(vectors):
            await copy.write_row(
                (Int4(collection_id), document_id, Int8(revision_id), Int4(number), half_vector(vector))
            )


async def fetch(connection: Connection, query: str, **parameters: object) -> list[tuple[Any, ...]]:
    return await (await connection.execute(query.encode(), parameters)).fetchall()


async def executed(corpus: Corpus, scope: Scope, *, k: int = 5) -> dict[str, set[str]]:
    """The nodes of the search's plan that were run: for each type, its indexes or tables."""
    vectors = corpus.stores.vectors
    assert isinstance(vectors, PgVectorStore)
    statement, parameters = vectors._statements.nearest.choose(scope, k=k)
    parameters["vector"] = half_vector(random_vector(random.Random(3)))
    async with corpus.stores.database.connection() as connection:
        cursor = await connection.execute(b"EXPLAIN (ANALYZE, FORMAT JSON) " + statement, parameters)
        row = await cursor.fetchone()
    assert row is not None
    found: dict[str, set[str]] = {}
    for node in nodes(row[0][0]["Plan"]):
        found.setdefault(node["Node Type"], set()).add(
            node.get("Index Name") or node.get("Relation Name", "")
        )
    return found


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The nodes of a plan, but for those that were not executed."""
    if plan.get("Actual Loops", 1):
        yield plan
        for child in plan.get("Plans", []):
            yield from nodes(child)


def indexes(found: Mapping[str, set[str]]) -> set[str]:
    """The indexes that were read."""
    return {
        name
        for kind in ("Index Scan", "Index Only Scan", "Bitmap Index Scan")
        for name in found.get(kind, ())
    }


@pytest.mark.parametrize("count", [1, 3])
async def test_documents_are_searched_exactly_through_the_key(corpus: Corpus, count: int) -> None:
    """Never through HNSW with a filter, and nothing is read whole."""
    for collection in (None, "large"):
        found = await executed(corpus, Scope(collection, tuple(corpus.documents[:count])))
        assert {"vectors_1_pkey", "documents_pkey", "chunks_pkey"} <= indexes(found)
        assert "vectors_1_hnsw" not in indexes(found)
        assert "Seq Scan" not in found


@pytest.mark.parametrize("k", [1, 10, 100])
async def test_a_large_collection_is_searched_through_hnsw(corpus: Corpus, k: int) -> None:
    """In the order of the index; the key is not touched, as nothing is short."""
    found = await executed(corpus, Scope("large"), k=k)
    assert "vectors_1_hnsw" in indexes(found)
    assert "vectors_1_pkey" not in indexes(found)
    assert "Seq Scan" not in found


@pytest.mark.parametrize("k", [1, 10, 100])
async def test_everything_is_searched_through_hnsw(corpus: Corpus, k: int) -> None:
    """In the order of the index."""
    found = await executed(corpus, Scope(), k=k)
    assert "vectors_1_hnsw" in indexes(found)
    assert "Seq Scan" not in found


async def test_a_small_collection_is_searched_exactly_through_the_key(corpus: Corpus) -> None:
    """However large the table around it is."""
    found = await executed(corpus, Scope("small"))
    assert "vectors_1_pkey" in indexes(found)
    assert "vectors_1_hnsw" not in indexes(found)
    assert "Seq Scan" not in found


SCOPES: Final = [Scope(), Scope("large"), Scope("small"), "documents"]


@pytest.mark.parametrize("scope", SCOPES, ids=str)
async def test_where_nothing_waits_for_the_index_nothing_is_looked_for(
    corpus: Corpus, scope: Scope | str
) -> None:
    """One look into a small index, whatever else is being staged."""
    await claimed_and_staged(corpus.stores, [unit_vector(0)] * 50)
    found = await executed(corpus, in_corpus(corpus, scope))
    assert "unindexed_space_id_collection_id_document_id_key" in indexes(found)
    assert "staged_vectors_pkey" not in indexes(found)
    assert "Seq Scan" not in found


@pytest.mark.parametrize("scope", SCOPES, ids=str)
async def test_what_waits_for_the_index_is_read_through_the_key(corpus: Corpus, scope: Scope | str) -> None:
    """Beside the index that serves the rest, and not what is only staged."""
    await claimed_and_staged(corpus.stores, [unit_vector(0)] * 50)
    usual = indexes(await executed(corpus, in_corpus(corpus, scope)))
    async with waiting_chunks(corpus.stores):
        found = await executed(corpus, in_corpus(corpus, scope))
    assert usual <= indexes(found)
    waiting = scope in (Scope(), Scope("large"))
    assert ("staged_vectors_pkey" in indexes(found)) is waiting
    assert "Seq Scan" not in found


async def test_documents_that_wait_are_searched_through_the_key(corpus: Corpus) -> None:
    """Those of the scope alone."""
    async with waiting_chunks(corpus.stores) as document_id:
        found = await executed(corpus, Scope(document_ids=(document_id,)))
    assert {"documents_pkey", "staged_vectors_pkey", "vectors_1_pkey"} <= indexes(found)
    assert "vectors_1_hnsw" not in indexes(found)
    assert "Seq Scan" not in found


def in_corpus(corpus: Corpus, scope: Scope | str) -> Scope:
    return Scope(document_ids=tuple(corpus.documents[:2])) if isinstance(scope, str) else scope


async def claimed_and_staged(stores: PgStores, vectors: list[list[float]]) -> Lease:
    lease = await claimed(stores, f"staged {uuid7()}", collection="large")
    await stores.vectors.stage(lease.publication, [chunk(n, vector=v) for n, v in enumerate(vectors)])
    return lease


@asynccontextmanager
async def waiting_chunks(stores: PgStores) -> AsyncIterator[DocumentId]:
    """A document of the large collection that is live and not in the index, gone at the end."""
    lease = await claimed_and_staged(stores, [unit_vector(1)] * 20)
    await stores.vectors.publish(lease.publication)
    try:
        yield lease.document_id
    finally:
        await stores.vectors.delete(lease.document_id)
        await stores.documents.delete(lease.document_id)


async def test_searches_are_planned_once(corpus: Corpus, database_url: str) -> None:
    """Planning takes longer than searching: no value of a question makes PostgreSQL plan anew."""
    question = random_vector(random.Random(1))
    async with open_pg_stores(database_url, space=SPACE) as stores, stores.unit_of_work():
        scopes = [Scope(), Scope("large"), Scope("small"), Scope(document_ids=(corpus.documents[0],))]
        for scope in scopes:
            for _ in range(12):
                await stores.vectors.search(question, k=5, scope=scope)
                await stores.lexical.candidates(question, [[1], [2, 3]], k=20, scope=scope)
        plans = await rows(
            stores.database,
            "SELECT generic_plans, custom_plans FROM pg_prepared_statements "
            "WHERE statement LIKE '%%similar%%'",
        )
    # The two collections share a statement.
    assert sorted(plans) == [(12, 0)] * 4 + [(24, 0)] * 2


@pytest.mark.parametrize(
    ("scope", "least"),
    [(Scope(), 0.95), (Scope("large"), 0.95), (Scope("middle"), 0.9), (Scope("small"), 1.0)],
)
@pytest.mark.parametrize("k", [10, 100])
async def test_the_index_finds_what_an_exact_search_finds(
    corpus: Corpus, scope: Scope, least: float, k: int
) -> None:
    """`k` hits always, nearly all of them the nearest, and their similarities right."""
    numbers = random.Random(11)
    right = total = 0
    for _ in range(20):
        question = random_vector(numbers)
        expected = corpus.nearest(question, k=k, scope=scope)
        hits = await corpus.stores.vectors.search(question, k=k, scope=scope)
        assert len(hits) == k
        assert hits == sorted(hits, key=lambda hit: (-hit.similarity, hit.ref))
        for hit in hits:
            vector = corpus.vectors[hit.collection][hit.ref]
            assert hit.similarity == pytest.approx(cosine(vector, question), abs=2e-3)
        right += sum(hit.similarity >= expected[-1] - 1e-3 for hit in hits)
        total += k
    assert right / total >= least


@pytest.mark.parametrize("count", [1, 5])
async def test_documents_are_searched_without_loss(corpus: Corpus, count: int) -> None:
    """The same similarities as by looking at all."""
    numbers = random.Random(12)
    for _ in range(20):
        question = random_vector(numbers)
        scope = Scope(document_ids=tuple(numbers.sample(corpus.documents, k=count)))
        hits = await corpus.stores.vectors.search(question, k=100, scope=scope)
        expected = corpus.nearest(question, k=100, scope=scope)
        assert [hit.similarity for hit in hits] == pytest.approx(expected, abs=2e-3)


async def test_a_scope_never_costs_results(corpus: Corpus, database_url: str) -> None:
    """Where the index gives up before it has found enough of a collection, the key finds the rest."""
    question = random_vector(random.Random(13))
    async with open_pg_stores(database_url, space=SPACE, max_exact_chunks=0) as stores, stores.unit_of_work():
        async with stores.database.connection() as connection:
            await connection.execute("SET LOCAL hnsw.iterative_scan = off")
        for name, k in (("small", 100), ("middle", 100), ("small", 1)):
            hits = await stores.vectors.search(question, k=k, scope=Scope(name))
            expected = corpus.nearest(question, k=k, scope=Scope(name))
            assert [hit.similarity for hit in hits] == pytest.approx(expected, abs=2e-3)


async def test_more_than_there_is_gives_all_of_it(corpus: Corpus, database_url: str) -> None:
    """All if there are fewer, through the index too."""
    question = random_vector(random.Random(14))
    async with open_pg_stores(database_url, space=SPACE, max_exact_chunks=0) as stores:
        hits = await stores.vectors.search(question, k=1_500, scope=Scope("small"))
        assert len({hit.ref for hit in hits}) == 1_000


async def test_what_was_deleted_does_not_stand_in_the_way(migrated_database: MigratedDatabase) -> None:
    """The index still knows deleted rows; none of them takes a living one's place."""
    async with open_pg_stores(await migrated_database(), max_exact_chunks=0) as stores:
        numbers = random.Random(15)
        near, far = unit_vector(0), unit_vector(1)
        gone = await claimed(stores, "gone")
        await publish(stores, gone, [near] * 300)
        await publish(
            stores, await claimed(stores, "kept"), [random_vector(numbers) for _ in range(50)] + [far]
        )
        await stores.documents.delete(gone.document_id)
        for scope in (Scope(), Scope("default")):
            hits = await stores.vectors.search(near, k=51, scope=scope)
            assert [hit.document_name for hit in hits] == ["notes.txt"] * 51


async def test_memory_and_postgresql_give_the_same_order(migrated_database: MigratedDatabase) -> None:
    """Also among equals, which are many here: similarities are quarters, exact in any precision."""
    for seed in range(4):
        async with open_pg_stores(await migrated_database()) as stores:
            numbers = random.Random(seed)
            texts = [[quarter_vector(numbers) for _ in range(numbers.randint(1, 40))] for _ in range(6)]
            both: list[tuple[Stores, list[DocumentId]]] = [
                (each, [await ingest(each, n, vectors) for n, vectors in enumerate(texts)])
                for each in (memory_stores(), stores)
            ]
            for _ in range(10):
                question, k = quarter_vector(numbers), numbers.choice([1, 5, 100])
                for scope in (None, "0", "1", [2], [0, 3, 5]):
                    one, other = [await found(*each, question, k=k, scope=scope) for each in both]
                    assert one == other
                # Between the first search and the last all vectors enter the index.
                await stores.vectors.index(limit=30)


def quarter_vector(numbers: random.Random) -> list[float]:
    """A unit vector whose similarity to any other of its kind is a multiple of a quarter."""
    vector = [0.0] * CONTRACT_SPACE.dimensions
    for axis in numbers.sample(range(len(vector)), k=4):
        vector[axis] = numbers.choice([-0.5, 0.5])
    assert math.hypot(*vector) == 1
    return vector


async def ingest(stores: Stores, number: int, vectors: list[list[float]]) -> DocumentId:
    lease = await claimed(stores, f"document {number}", collection=str(number % 2))
    await stores.vectors.stage(lease.publication, [chunk(n, vector=v) for n, v in enumerate(vectors)])
    await stores.vectors.publish(lease.publication)
    return lease.document_id


async def publish(stores: PgStores, lease: Lease, vectors: list[list[float]]) -> None:
    await stores.vectors.stage(lease.publication, [chunk(n, vector=v) for n, v in enumerate(vectors)])
    await stores.vectors.publish(lease.publication)


async def found(
    stores: Stores, ids: list[DocumentId], question: list[float], *, k: int, scope: str | list[int] | None
) -> list[tuple[int, int, float]]:
    """The hits with their documents by number."""
    named = Scope(document_ids=tuple(ids[n] for n in scope)) if isinstance(scope, list) else Scope(scope)
    hits = await stores.vectors.search(question, k=k, scope=named)
    return [(ids.index(hit.document_id), hit.chunk.index, hit.similarity) for hit in hits]


async def test_numbers_that_are_none_are_invalid_input(corpus: Corpus) -> None:
    """InvalidInput instead of an error of the vendor's."""
    for number in (math.nan, math.inf, 1e6):
        with pytest.raises(InvalidInput):
            await corpus.stores.vectors.search([number] * 8, k=1, scope=Scope())


_ID: Final = uuid7()
_HASH: Final = bytes(32)


@pytest.mark.parametrize(
    ("statement", "parameters", "expected"),
    [
        (document_sql.GET, {"document_id": _ID}, "documents_pkey"),
        (document_sql.HOLDER_BY_BYTES, {"sha256": _HASH, "collection": "large"}, "revisions_sha256"),
        (document_sql.HOLDER_BY_ID, {"document_id": _ID}, "documents_pkey"),
        (contents._IS_USED, {"sha256": _HASH}, "revisions_sha256"),
        (contents._IS_USED, {"sha256": _HASH}, "revisions_unlocked_sha256"),
        (contents._SUSPECTED, {"limit": 5}, "content_suspects_due_at"),
        (document_sql.HASHES, {"document_id": _ID}, "revisions_document_id_id_key"),
        (document_sql.EVENTS, {"document_id": _ID, "after": 0, "limit": 5}, "document_events_document_id"),
        (document_sql.PRUNE_KEYS, {"seconds": 9.0}, "idempotency_keys_created_at"),
        (document_sql.PRUNE_EVENTS, {"seconds": 9.0}, "document_events_at"),
        (document_sql.LISTS[False, False], {"after": _ID, "limit": 5}, "documents_pkey"),
        (
            document_sql.LISTS[True, False],
            {"after": _ID, "limit": 5, "collection": "large"},
            "documents_collection_id_id_key",
        ),
        (document_sql.LISTS[False, True], {"after": _ID, "limit": 5, "status": "failed"}, "jobs_by_status"),
        (board._DUE, {"grace_seconds": 30.0, "limit": 5}, "jobs_waiting"),
        (board._WAITING, {}, "jobs_by_status"),
        (board._BACKLOG, {}, "jobs_waiting"),
        (jobs._DROP_FORMER, {"document_id": _ID, "revision_id": 10**6}, "revisions_document_id_id_key"),
        (pages._EXTENT, {"revision_id": 1}, "pages_pkey"),
        (pages._HEADINGS, {"revision_id": 1, "up_to": 9}, "pages_pkey"),
        (pages._READ_SPAN, {"revision_id": 1, "start": 5, "end": 9, "limit": 5}, "pages_pkey"),
        (vector_sql.LAST_STAGED, {"revision_id": 1, "space_id": 1}, "staged_vectors_pkey"),
    ],
    ids=[
        "get",
        "holder-by-bytes",
        "holder-by-id",
        "used",
        "used-unlocked",
        "suspected",
        "hashes",
        "events",
        "prune-keys",
        "prune-events",
        "list",
        "list-collection",
        "list-status",
        "due",
        "waiting",
        "backlog",
        "drop-former",
        "extent",
        "headings",
        "read-span",
        "last-staged",
    ],
)
async def test_every_statement_has_its_index(
    corpus: Corpus, statement: str, parameters: dict[str, object], expected: str
) -> None:
    """No table is read whole, however large it gets."""
    [(explained,)] = await rows(corpus.stores.database, f"EXPLAIN (FORMAT JSON) {statement}", **parameters)
    plan = list(nodes(explained[0]["Plan"]))
    assert expected in {node.get("Index Name") for node in plan}
    assert "Seq Scan" not in {node["Node Type"] for node in plan}


@pytest.mark.parametrize(
    ("k", "condition", "search_ef", "view"),
    [
        (5, None, 200, "64"),
        (100, None, 200, "200"),
        (40, None, 200, "80"),
        (5, {"parity": "odd"}, 200, "200"),
        (5, None, 30, "30"),
    ],
)
async def test_fewer_are_kept_in_view_where_fewer_are_wanted_of_few(
    migrated_database: MigratedDatabase,
    k: int,
    condition: dict[str, Any] | None,
    search_ef: int,
    view: str,
) -> None:
    """Never more than the setting says; and it holds for that search alone."""
    scope = Scope("some", filter=None if condition is None else parse_filter(condition))
    view_now = "SELECT current_setting('hnsw.ef_search')"
    async with open_pg_stores(await migrated_database(), search_ef=search_ef) as stores:
        async with stores.database.connection() as connection:
            await connection.execute("INSERT INTO collections (name) VALUES ('some')")
        async with stores.unit_of_work():
            await stores.vectors.search(unit_vector(0), k=k, scope=scope)
            assert await stores.database.fetch(view_now, {}) == [(view,)]
        for _ in range(4):
            await stores.vectors.search(unit_vector(0), k=k, scope=scope)
            assert await stores.database.fetch(view_now, {}) == [(str(search_ef),)]


async def test_more_are_kept_in_view_where_there_are_more(
    migrated_database: MigratedDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Up to what the index can."""
    url = await migrated_database()
    async with open_pg_stores(url) as stores:
        await publish(stores, await claimed(stores, "one"), [unit_vector(0)])
        await stores.lexical.index(limit=10)
    for vectors, views in ((10**6, range(64, 65)), (10, range(201, 1_000)), (1, range(300, 1_001))):
        monkeypatch.setattr("citewell_adapters.pgvector.view._WHOLE_VIEW_VECTORS", vectors)
        async with open_pg_stores(url) as stores, stores.unit_of_work():
            await stores.vectors.search(unit_vector(0), k=5, scope=Scope())
            [(view,)] = await stores.database.fetch("SELECT current_setting('hnsw.ef_search')", {})
            assert int(view) in views
