"""A quantized space: found by the signs of its vectors, then by the vectors, if that finds enough."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import psycopg
import pytest
from tests.conftest import MigratedDatabase, NewDatabase
from tests.pgstores import PgStores, cloned_database, open_pg_stores, rows
from tests.processes import Process, process, settings_on

from citewell.errors import Conflict, NotFound, SpaceMismatch
from citewell.filtering import parse_filter
from citewell.model import DocumentId, EmbeddedChunk, EmbeddingSpace, Mode, Scope
from citewell.testing.stores import chunk, claimed
from citewell_adapters.mock import MockEmbedder
from citewell_adapters.pgvector import OpenedSpace, Origin, PgDatabase, PgSpaces, PgVectorStore
from citewell_adapters.pgvector.halfvec import half_vector
from citewell_entrypoints.reembedding import BuildSpace

DIMENSIONS: Final = 128
SPACE: Final = EmbeddingSpace("generated", DIMENSIONS)
PLAIN: Final = {"vectors_1_hnsw"}
BINARY: Final = {"vectors_1_binary"}

# Documents of a hundred chunks: 30 in `large`, 2 in `small`. Each has a direction that its chunks lie around.
_CORPUS: Final = """
SELECT setseed(0.5);
INSERT INTO collections (name, chunk_count) VALUES ('large', 3000), ('small', 200);
CREATE TEMPORARY TABLE made AS
SELECT n::bigint, gen_random_uuid() AS id, CASE WHEN n <= 30 THEN 1 ELSE 2 END AS collection_id,
    ARRAY(SELECT random() - 0.5 FROM generate_series(1, 128) WHERE n > 0) AS around
FROM generate_series(1, 32) AS n;
INSERT INTO documents (id, collection_id, name, metadata)
SELECT id, collection_id, 'document ' || n, jsonb_build_object('third', n % 3) FROM made ORDER BY n;
INSERT INTO revisions (document_id, sha256, size_bytes, media_type, name, metadata)
SELECT id, sha256(n::text::bytea), 1, 'text/plain', 'document ' || n, '{}' FROM made ORDER BY n;
UPDATE documents AS d SET live_revision_id = r.id FROM revisions AS r WHERE r.document_id = d.id;
INSERT INTO chunks (revision_id, chunk_index, span_start, span_end, first_page, last_page, token_count,
    heading_path, text)
SELECT n, c, c, c + 1, 1, 1, 1, '{}', 'chunk ' || c || ' of ' || n FROM made, generate_series(0, 99) AS c;
DROP INDEX vectors_1_hnsw;
INSERT INTO vectors_1 (collection_id, document_id, revision_id, chunk_index, embedding)
SELECT collection_id, id, n, c, (
    SELECT array_agg(part + 1.4 * (random() - 0.5)) FROM unnest(around) AS part WHERE c >= 0
)::halfvec
FROM made, generate_series(0, 99) AS c;
CREATE INDEX vectors_1_hnsw ON vectors_1 USING hnsw (embedding halfvec_cosine_ops)
    WITH (ef_construction = 128);
ANALYZE;
"""

#: Near a chunk, on the way to one of another document.
_QUESTIONS: Final = """
SELECT (a.embedding + a.embedding + b.embedding)::real[] FROM vectors_1 AS a JOIN vectors_1 AS b
    ON b.revision_id = a.revision_id + 1 AND b.chunk_index = a.chunk_index
WHERE a.chunk_index < %(count)s / 30.0 ORDER BY a.revision_id, a.chunk_index LIMIT %(count)s
"""


@dataclass(frozen=True)
class House:
    """Stores, and an operator."""

    url: str
    stores: PgStores
    spaces: PgSpaces

    async def quantize(self) -> bool:
        """As if it had been measured that enough is found."""
        return await self.spaces.reindex(1, quantized=True, accept=accepted)

    async def unquantize(self) -> bool:
        return await self.spaces.reindex(1, quantized=False, accept=accepted)

    async def indexes(self) -> set[str]:
        """Those over the vectors, but for the key."""
        query = "SELECT indexname FROM pg_indexes WHERE tablename ~ 'vectors_1$'"
        return {name for (name,) in await rows(self.stores.database, query)} - {"vectors_1_pkey"}

    async def questions(self, count: int) -> list[list[float]]:
        return [list(vector) for (vector,) in await rows(self.stores.database, _QUESTIONS, count=count)]


async def accepted(_trial: OpenedSpace) -> bool:
    return True


async def refused(_trial: OpenedSpace) -> bool:
    return False


@pytest.fixture(scope="module")
def corpus(postgres_url: str, migrated_template: str) -> Iterator[str]:
    """The name of a database with the corpus, as a template."""
    with cloned_database(postgres_url, template=migrated_template) as url:
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(
                "INSERT INTO embedding_spaces (model, dimensions, active) VALUES (%s, %s, true) "
                "RETURNING citewell_create_vectors(id, dimensions)",
                (SPACE.model, SPACE.dimensions),
            )
            connection.execute(_CORPUS.encode())
        yield urlsplit(url).path[1:]


@pytest.fixture
async def house(new_database: NewDatabase, corpus: str) -> AsyncIterator[House]:
    url = await new_database(template=corpus)
    async with open_pg_stores(url, space=SPACE) as stores:
        yield House(url, stores, PgSpaces(stores.database))


async def executed(house: House, store: PgVectorStore, scope: Scope, *, k: int) -> set[str]:
    """The indexes that a search reads, and the tables that it reads whole."""
    [question] = await house.questions(1)
    statement, parameters = store._statements.candidates.choose(scope, [[1], [2]], k=k, dense=True)
    async with house.stores.database.connection() as connection:
        cursor = await connection.execute(
            b"EXPLAIN (ANALYZE, FORMAT JSON) " + statement, {**parameters, "vector": half_vector(question)}
        )
        row = await cursor.fetchone()
    assert row is not None
    found, waiting = set(), [row[0][0]["Plan"]]
    while waiting:
        node = waiting.pop()
        if node.get("Actual Loops", 1):
            found.add(node.get("Index Name") or f"{node['Node Type']} on {node.get('Relation Name')}")
            waiting += node.get("Plans", [])
    return found


FILTERED: Final = Scope("large", filter=parse_filter({"third": 1}))


@pytest.mark.parametrize("scope", [Scope(), Scope("large"), FILTERED], ids=["all", "large", "filtered"])
async def test_a_quantized_space_is_searched_by_its_signs(house: House, scope: Scope) -> None:
    """Through its one index, and the table is not read whole."""
    assert await house.quantize()
    assert await house.indexes() == BINARY
    async with open_pg_stores(house.url, space=SPACE, max_exact_matching=0) as stores:
        for k in (1, 10, 100):
            found = await executed(house, stores.lexical, scope, k=k)
            assert "vectors_1_binary" in found
            assert not {"vectors_1_pkey", "Seq Scan on vectors_1"} & found


async def test_what_is_small_is_searched_exactly(house: House) -> None:
    """As in any space, through the key."""
    await house.quantize()
    async with open_pg_stores(house.url, space=SPACE) as stores:
        [(document_id,)] = await rows(stores.database, "SELECT id FROM documents LIMIT 1")
        for scope in (Scope("small"), Scope(document_ids=(DocumentId(document_id),)), FILTERED):
            found = await executed(house, stores.lexical, scope, k=10)
            assert "vectors_1_pkey" in found
            assert not {"vectors_1_binary", "Seq Scan on vectors_1"} & found


@pytest.mark.parametrize("scope", [Scope(), Scope("large"), FILTERED], ids=["all", "large", "filtered"])
async def test_the_vectors_choose_of_what_the_signs_find(house: House, scope: Scope) -> None:
    """Nearly all that an exact search finds, with the same similarities, the best first."""
    await house.quantize()
    questions = await house.questions(30)
    async with open_pg_stores(house.url, space=SPACE, max_exact_matching=0) as stores:
        for k in (10, 100):
            right = 0
            for question in questions:
                exact = await stores.lexical.nearest(question, k=k, scope=scope, exact=True)
                found = await stores.lexical.nearest(question, k=k, scope=scope, exact=False)
                assert found.plan is not None
                assert (found.plan.exact, found.plan.topped_up, len(found.items)) == (False, False, k)
                nearest = {item.ref: item.similarity for item in exact.items}
                both = [(item.ref, item.similarity) for item in found.items if item.ref in nearest]
                assert both == [each for each in nearest.items() if each in both]
                right += len(both)
            assert right >= 0.9 * k * len(questions)


@pytest.mark.parametrize("quantized", [True, False])
async def test_what_is_not_accepted_changes_nothing(house: House, quantized: bool) -> None:
    """Refused, failed or cancelled: the index that was built is gone, the other one serves."""
    if not quantized:
        await house.quantize()
    before = await house.indexes()
    seen: list[set[str]] = []
    built = asyncio.Event()

    async def fails(_trial: OpenedSpace) -> bool:
        seen.append(await house.indexes())
        raise SpaceMismatch

    async def waits(_trial: OpenedSpace) -> bool:
        seen.append(await house.indexes())
        built.set()
        await asyncio.sleep(60)
        return True

    assert not await house.spaces.reindex(1, quantized=quantized, accept=refused)
    assert await house.indexes() == before
    with pytest.raises(SpaceMismatch):
        await house.spaces.reindex(1, quantized=quantized, accept=fails)
    assert await house.indexes() == before
    waiting = asyncio.create_task(house.spaces.reindex(1, quantized=quantized, accept=waits))
    await built.wait()
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert await house.indexes() == before
    assert seen == [before | {"vectors_1_new"}] * 2
    assert (await house.spaces.get(1)).quantized is not quantized


async def test_on_trial_the_signs_are_held_against_the_vectors(house: House) -> None:
    """While all others still search by the vectors."""
    found: list[set[str]] = []

    async def accept(trial: OpenedSpace) -> bool:
        async with PgVectorStore(house.stores.database, SPACE, opened=trial) as store:
            found.append(await executed(house, store, Scope(), k=10))
        found.append(await executed(house, house.stores.lexical, Scope(), k=10))
        return True

    assert await house.spaces.reindex(1, quantized=True, accept=accept)
    assert [{name for name in each if name.startswith("vectors")} for each in found] == [
        {"vectors_1_new"},
        {"vectors_1_hnsw"},
    ]


async def test_what_an_interrupted_run_left_is_taken_away(house: House) -> None:
    """Whatever kind it was and however far it came, by the next run of either kind."""
    leave = "CREATE INDEX vectors_1_new ON vectors_1 USING hnsw (embedding halfvec_cosine_ops)"
    async with house.stores.database.connection() as connection:
        await connection.execute(leave.encode())
        assert await house.unquantize()
        assert await house.indexes() == PLAIN
        await connection.execute(leave.encode())
        assert await house.quantize()
        assert await house.indexes() == BINARY
        await connection.execute(leave.encode())
        assert await house.quantize()
        assert await house.indexes() == BINARY


async def test_an_interrupted_build_leaves_nothing(house: House) -> None:
    """Its statement is cancelled, and what there is of the index dropped."""
    async with house.stores.database.transaction() as connection:
        # Whoever builds concurrently waits for it.
        await connection.execute("INSERT INTO collections (name) VALUES ('other')")
        await connection.execute("DELETE FROM vectors_1 WHERE chunk_index = 0")
        building = asyncio.create_task(house.quantize())
        while "vectors_1_new" not in await house.indexes():
            pass
        building.cancel()
        await asyncio.sleep(0.1)
    with pytest.raises(asyncio.CancelledError):
        await building
    assert await house.indexes() == PLAIN
    assert await house.quantize()


async def test_quantizing_and_back_leaves_the_index_as_it_was(house: House) -> None:
    """The same definition, under its name; and either of them done twice is done once."""
    query = "SELECT pg_get_indexdef('vectors_1_hnsw'::regclass)"
    before = await rows(house.stores.database, query)
    for _ in range(2):
        assert await house.quantize()
        assert await house.indexes() == BINARY
    for _ in range(2):
        assert await house.unquantize()
        assert await house.indexes() == PLAIN
    assert await rows(house.stores.database, query) == before
    async with open_pg_stores(house.url, space=SPACE) as stores:
        assert "vectors_1_hnsw" in await executed(house, stores.lexical, Scope(), k=10)


async def test_a_build_sets_nothing_for_good(house: House) -> None:
    """Its connection goes back to the pool with the limits that it came with."""
    query = "SELECT current_setting('statement_timeout'), current_setting('maintenance_work_mem')"
    async with PgDatabase(house.url, max_size=2, statement_timeout_seconds=7) as database:
        async with database.connection() as first, database.connection() as second:
            before = await (await first.execute(query)).fetchall()
            del second
        assert await PgSpaces(database).reindex(1, quantized=True, accept=accepted)
        async with database.connection() as first, database.connection() as second:
            for connection in (first, second):
                assert await (await connection.execute(query)).fetchall() == before


async def test_one_process_at_a_time_changes_the_index(house: House) -> None:
    """The second one is told so; the first goes on."""

    async def accept(_trial: OpenedSpace) -> bool:
        with pytest.raises(Conflict, match="another process"):
            await house.unquantize()
        return True

    assert await house.spaces.reindex(1, quantized=True, accept=accept)
    with pytest.raises(NotFound):
        await house.spaces.reindex(99, quantized=True, accept=accepted)


@pytest.mark.parametrize("to_quantized", [True, False])
async def test_a_store_that_does_not_know_is_refused(house: House, to_quantized: bool) -> None:
    """Its searches fail at once instead of reading the table, its writes are right, and reopened it finds."""
    if not to_quantized:
        await house.quantize()
    [question] = await house.questions(1)
    async with open_pg_stores(house.url, space=SPACE) as stores:
        calls: list[Callable[[], Awaitable[object]]] = [
            lambda: stores.vectors.search(question, k=5, scope=Scope()),
            lambda: stores.lexical.candidates(question, [[1]], k=5, scope=Scope("large")),
        ]
        for _ in range(8):
            await asyncio.gather(*(call() for call in calls))
        await (house.quantize() if to_quantized else house.unquantize())
        for call in calls * 2:
            with pytest.raises(SpaceMismatch):
                await call()
        lease = await claimed(stores, "text", collection="large")
        await stores.vectors.stage(lease.publication, [EmbeddedChunk(chunk(0).chunk, question)])
        await stores.vectors.publish(lease.publication)
        assert await stores.lexical.index(limit=10) == 1
        [hit] = await stores.vectors.search(question, k=5, scope=Scope(document_ids=(lease.document_id,)))
        assert hit.similarity == pytest.approx(1, abs=1e-3)
        async with open_pg_stores(house.url, space=SPACE) as reopened:
            for scope in (Scope(), Scope("large")):
                [best, *_] = await reopened.vectors.search(question, k=5, scope=scope)
                assert best.document_id == lease.document_id
            await stores.vectors.delete(lease.document_id)
            [best, *_] = await reopened.vectors.search(question, k=5, scope=Scope())
            assert best.document_id != lease.document_id


@pytest.mark.parametrize("quantized", [True, False])
async def test_an_index_may_be_built_anew_under_searches(house: House, quantized: bool) -> None:
    """By REINDEX, which keeps its name: no search is refused."""
    if quantized:
        await house.quantize()
    [question] = await house.questions(1)
    async with open_pg_stores(house.url, space=SPACE) as stores:
        assert len(await stores.vectors.search(question, k=5, scope=Scope())) == 5
        index = (BINARY if quantized else PLAIN).copy().pop()
        async with house.stores.database.connection() as connection:
            await connection.execute(f"REINDEX INDEX CONCURRENTLY {index}".encode())
        assert len(await stores.vectors.search(question, k=5, scope=Scope())) == 5
        assert index in await executed(house, stores.lexical, Scope(), k=5)


async def test_vectors_of_one_sign_or_of_zeros_cost_no_hit(house: House) -> None:
    """All have the same signs: what is found is not the nearest, but it is as much as was asked for."""
    await house.quantize()
    async with house.stores.database.connection() as connection:
        await connection.execute(
            "UPDATE vectors_1 SET embedding = (SELECT array_agg(abs(x)) FROM unnest(embedding::real[]) AS x)"
            "::halfvec WHERE chunk_index > 0"
        )
        await connection.execute(
            "UPDATE vectors_1 SET embedding = array_fill(0::real, ARRAY[128])::halfvec WHERE chunk_index = 0"
        )
    async with open_pg_stores(house.url, space=SPACE) as stores:
        for question in ([1.0] * DIMENSIONS, [0.0] * DIMENSIONS, [-1.0] * DIMENSIONS):
            hits = await stores.vectors.search(question, k=100, scope=Scope("large"))
            assert len(hits) == 100


TEXTS: Final = [f"The ferry number {n} leaves the harbour of town {n} at dawn." for n in range(8)]


@pytest.fixture
async def running(migrated_database: MigratedDatabase, tmp_path: Path) -> AsyncIterator[tuple[Process, str]]:
    """A process with eight documents, and the URL of its database."""
    url = await migrated_database()
    async with process(settings_on(url, tmp_path)) as opened:
        for text in TEXTS:
            await opened.add(text)
        await opened.index()
        yield opened, url


async def test_processes_go_on_through_it(running: tuple[Process, str]) -> None:
    """There and back no question fails and no upload or delete, and each text is found first."""
    opened, url = running
    done = asyncio.Event()
    asked = 0

    async def ask(mode: Mode) -> None:
        nonlocal asked
        while not done.is_set():
            for text in TEXTS[:4]:
                hits = await opened.search(text, mode=mode, top_k=8)
                assert hits[0].chunk.text == text
                asked += 1

    async def write() -> None:
        while not done.is_set():
            document_id = await opened.add("Zebras graze elsewhere.")
            await opened.index()
            await opened.delete(document_id)

    async with PgDatabase(url) as database:
        work = [asyncio.create_task(each) for each in (ask(Mode.DENSE), ask(Mode.HYBRID), write())]
        for quantized in (True, False, True):
            assert await PgSpaces(database).reindex(1, quantized=quantized, accept=accepted)
            answered = asked + 8
            while asked < answered:
                await next(iter(asyncio.as_completed([*work, asyncio.sleep(0.01)])))
        done.set()
        await asyncio.gather(*work)
        assert (await PgSpaces(database).get(1)).quantized
    assert [hit.chunk.text for hit in await opened.search(TEXTS[5], top_k=1)] == [TEXTS[5]]


async def test_a_space_stays_quantized_when_another_is_active(running: tuple[Process, str]) -> None:
    """Each space has its index; one that is inactive can be quantized, too."""
    opened, url = running
    async with PgDatabase(url) as database:
        spaces = PgSpaces(database)
        assert await spaces.reindex(1, quantized=True, accept=accepted)
        target = await spaces.prepare(EmbeddingSpace("mock", 32), Origin("mock", None))
        build = BuildSpace(spaces=spaces, embedder=MockEmbedder(dimensions=32), batch_texts=4)
        await build.fill(target)
        assert await spaces.reindex(target.id, quantized=True, accept=accepted)
        assert await spaces.reindex(target.id, quantized=False, accept=accepted)
        await build.activate(target)
        assert [state.space.quantized for state in await spaces.list()] == [True, False]
        assert (await opened.search(TEXTS[2]))[0].chunk.text == TEXTS[2]
        assert opened.dimensions == 32
        back = BuildSpace(spaces=spaces, embedder=MockEmbedder(dimensions=64), batch_texts=4)
        await back.activate(await spaces.get(1))
        assert [state.space.quantized for state in await spaces.list()] == [True, False]
        assert (await opened.search(TEXTS[2]))[0].chunk.text == TEXTS[2]
        assert opened.dimensions == 64
