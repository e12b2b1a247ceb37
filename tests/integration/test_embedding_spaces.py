"""The embedding model of a database in use is changed, and changed back, while all goes on."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import LiteralString

import pytest
from psycopg import sql
from tests.conftest import MigratedDatabase
from tests.pgstores import rows
from tests.processes import Process, process, settings_on

from citewell.errors import Conflict, EmbedderUnavailable, NotFound, SpaceMismatch
from citewell.model import EmbeddingSpace, Mode, Scope, Vector
from citewell.ports import Chunker, Embedder, EmbeddingRole, TokenCounter
from citewell.usecases.turns import Turn
from citewell_adapters.mock import MockEmbedder
from citewell_adapters.pgvector import LiveChunk, OpenedSpace, Origin, PgDatabase, PgSpaces, PgVectorStore
from citewell_entrypoints import builders
from citewell_entrypoints.reembedding import BuildSpace
from citewell_entrypoints.settings import Settings, SettingsError
from citewell_entrypoints.spaces import ServedSpaces, SpaceParts

MOCK = Origin("mock", None)
TEXTS = [f"The ferry number {n} leaves the harbour of town {n} at dawn." for n in range(8)]


class CountingEmbedder(MockEmbedder):
    """Keeps what it embedded; stops after so many texts, if told to."""

    def __init__(self, *, dimensions: int, at_most: int | None = None) -> None:
        super().__init__(dimensions=dimensions)
        self.texts: list[str] = []
        self.at_most = at_most

    async def embed(self, texts: Sequence[str], *, role: EmbeddingRole) -> Sequence[Vector]:
        if self.at_most is not None and len(self.texts) + len(texts) > self.at_most:
            raise EmbedderUnavailable("stopped")
        self.texts += texts
        return await super().embed(texts, role=role)


class Operator:
    """What `citewell reembed` does."""

    def __init__(self, url: str, database: PgDatabase) -> None:
        self.url = url
        self.database = database
        self.spaces = PgSpaces(database)

    async def prepare(self, dimensions: int) -> OpenedSpace:
        """The mock's space of so many dimensions."""
        return await self.spaces.prepare(EmbeddingSpace("mock", dimensions), MOCK)

    def builder(self, embedder: MockEmbedder, *, texts_per_second: float | None = None) -> BuildSpace:
        """Batches of four."""
        return BuildSpace(
            spaces=self.spaces, embedder=embedder, batch_texts=4, texts_per_second=texts_per_second
        )

    async def activate(self, dimensions: int) -> CountingEmbedder:
        """Fills and activates; the embedder that was paid."""
        embedder = CountingEmbedder(dimensions=dimensions)
        target = await self.prepare(dimensions)
        await self.builder(embedder).activate(target)
        return embedder

    async def stale(self) -> list[int]:
        """For each inactive space how many vectors are of what is not live."""
        query = """
            SELECT count(*) FROM {} AS v
            WHERE NOT EXISTS (SELECT FROM documents AS d WHERE d.live_revision_id = v.revision_id)
        """
        async with self.database.connection() as connection:
            return [
                (await (await connection.execute(_named(query, state.space))).fetchall())[0][0]
                for state in await self.spaces.list()
                if not state.space.active
            ]


def _named(query: LiteralString, space: OpenedSpace) -> sql.Composed:
    return sql.SQL(query).format(space.vectors)


@asynccontextmanager
async def operating(url: str) -> AsyncIterator[Operator]:
    async with PgDatabase(url) as database:
        yield Operator(url, database)


@pytest.fixture
async def house(
    migrated_database: MigratedDatabase, tmp_path: Path
) -> AsyncIterator[tuple[Process, Operator]]:
    """A process that serves mock-64 with eight documents, and an operator."""
    url = await migrated_database()
    async with process(settings_on(url, tmp_path)) as running, operating(url) as operator:
        for text in TEXTS:
            await running.add(text)
        yield running, operator


async def names(running: Process, question: str, *, mode: Mode = Mode.DENSE) -> list[str]:
    return [hit.chunk.text for hit in await running.search(question, mode=mode, top_k=20)]


async def test_a_second_space_is_built_activated_and_followed_without_a_restart(
    house: tuple[Process, Operator],
) -> None:
    """Each live chunk is embedded once; the process goes over with its next call and finds the same."""
    running, operator = house
    await running.index()
    before = await names(running, TEXTS[3])
    embedder = await operator.activate(32)
    assert sorted(embedder.texts) == sorted(TEXTS)
    assert running.dimensions == 64
    assert (await names(running, TEXTS[3]))[0] == TEXTS[3]
    assert running.dimensions == 32
    assert sorted(await names(running, TEXTS[3])) == sorted(before)
    assert await running.add("A lighthouse shows two flashes.") is not None
    assert (await names(running, "lighthouse flashes"))[0] == "A lighthouse shows two flashes."
    assert running.worker.embedder().space.dimensions == 32


async def test_what_is_added_replaced_and_deleted_meanwhile_is_right_in_both(
    house: tuple[Process, Operator],
) -> None:
    """The inactive space never holds what is not live, and lacks nothing when it is activated."""
    running, operator = house
    replaced = await running.add("The museum is closed on Mondays.")
    deleted = await running.add("Bread is baked before sunrise.")
    target = await operator.prepare(32)
    await operator.builder(MockEmbedder(dimensions=32)).fill(target)
    await running.add("The museum is open on Mondays.", document_id=replaced)
    await running.delete(deleted)
    await running.add("The lamp is lit at dusk.")
    assert await operator.stale() == [0]
    assert await operator.spaces.activate(target) == 2
    embedder = await operator.activate(32)
    assert sorted(embedder.texts) == ["The lamp is lit at dusk.", "The museum is open on Mondays."]
    found = await names(running, "museum bread lamp")
    assert sorted(found) == sorted([*TEXTS, *embedder.texts])
    assert await operator.stale() == [0]


async def test_an_interrupted_build_goes_on_where_it_was(house: tuple[Process, Operator]) -> None:
    """No text whose vector was stored is embedded again."""
    _, operator = house
    target = await operator.prepare(32)
    stopped = CountingEmbedder(dimensions=32, at_most=5)
    with pytest.raises(EmbedderUnavailable):
        await operator.builder(stopped).fill(target)
    state = await operator.spaces.state(target)
    assert (state.vectors, state.live_chunks) == (4, 8)
    rest = CountingEmbedder(dimensions=32)
    await operator.builder(rest).fill(target)
    assert sorted(stopped.texts + rest.texts) == sorted(TEXTS)


async def test_a_build_can_be_throttled(house: tuple[Process, Operator]) -> None:
    """Eight texts at thirty a second take a quarter of a second at least."""
    _, operator = house
    loop = asyncio.get_running_loop()
    began = loop.time()
    await operator.builder(MockEmbedder(dimensions=32), texts_per_second=30.0).fill(
        await operator.prepare(32)
    )
    assert loop.time() - began >= 0.25


async def test_queries_run_all_the_while_each_wholly_in_one_space(house: tuple[Process, Operator]) -> None:
    """Through switches there and back no query fails, and each finds its text first, with similarity 1."""
    running, operator = house
    done = asyncio.Event()
    asked = 0

    async def ask(mode: Mode) -> None:
        nonlocal asked
        while not done.is_set():
            for text in TEXTS[:4]:
                hits = await running.search(text, mode=mode, top_k=8)
                assert hits[0].chunk.text == text
                assert len(hits) == 8
                # A vector of one space among those of another would not be its own nearest.
                assert mode is Mode.LEXICAL or hits[0].similarity > 0.99
                asked += 1

    async def write() -> None:
        while not done.is_set():
            document_id = await running.add("Zebras graze elsewhere.")
            await running.delete(document_id)

    queries = [asyncio.create_task(ask(mode)) for mode in (Mode.DENSE, Mode.HYBRID, Mode.DENSE)]
    for round_number in range(4):
        await operator.activate(64 if round_number % 2 else 32)
        await asyncio.sleep(0.1)
    done.set()
    await asyncio.gather(*queries)
    assert asked > 20
    done.clear()
    writer = asyncio.create_task(write())
    for dimensions in (32, 64):
        await operator.activate(dimensions)
        await asyncio.sleep(0.2)
    done.set()
    await writer
    assert await operator.stale() == [0]


async def test_a_former_space_is_caught_up_before_it_is_activated_again(
    house: tuple[Process, Operator],
) -> None:
    """Rolling back pays for what came after the switch alone, and finds it."""
    running, operator = house
    await operator.activate(32)
    await running.add("The lamp is lit at dusk.")
    embedder = await operator.activate(64)
    assert embedder.texts == ["The lamp is lit at dusk."]
    assert (await names(running, "lamp dusk"))[0] == "The lamp is lit at dusk."
    assert running.dimensions == 64


async def test_an_ingestion_that_a_switch_comes_upon_ends_in_the_new_space(
    house: tuple[Process, Operator],
) -> None:
    """What it staged is forgotten, it is cut and embedded anew, and its counts are right."""
    running, operator = house
    text = "\n\n".join(f"Paragraph {n} tells of the harbour and of its master {n}." for n in range(6))
    document, job_id = await running.submit(text)
    stage = running.worker.stage_revision()
    lease = await running.worker.jobs().claim(job_id, lease_seconds=60)
    assert lease is not None
    vectors = running.worker.vectors()
    await stage(lease, turn=Turn(running.worker.board(), seconds=60))
    await running.worker.jobs().defer(lease, seconds=0, counted=False)
    assert await vectors.staged(lease.revision_id) is not None
    await operator.activate(32)
    assert await vectors.staged(lease.revision_id) is None
    assert await rows(operator.database, "SELECT count(*) FROM staged_vectors") == [(0,)]
    await running.worker.steady_ingest()(job_id)
    ready = await running.api.documents().get(document.id)
    chunks = await vectors.chunks(document.id, limit=100)
    assert (ready.status.value, ready.chunk_count) == ("ready", len(chunks))
    assert len(chunks) == 6


async def test_an_ingestion_in_the_middle_of_its_work_goes_on_in_the_new_space(
    house: tuple[Process, Operator],
) -> None:
    """The worker finds out when it stages, gives the job back, and takes it up again at once."""
    running, operator = house
    document, job_id = await running.submit("The beacon burns. It burns all night.")
    staged = asyncio.Event()
    switched = asyncio.Event()
    embedder = running.worker.spaces().now().embedder
    embed = embedder.embed

    async def slowly(texts: Sequence[str], *, role: EmbeddingRole) -> Sequence[Vector]:
        staged.set()
        await switched.wait()
        return await embed(texts, role=role)

    embedder.embed = slowly  # type: ignore[method-assign]
    ingestion = asyncio.create_task(running.worker.steady_ingest()(job_id))
    await staged.wait()
    await operator.activate(32)
    switched.set()
    await ingestion
    assert (await running.api.documents().get(document.id)).status.value == "ready"
    assert (await names(running, "beacon"))[0].startswith("The beacon")


async def test_a_restart_serves_what_is_active_whatever_the_settings_say(
    migrated_database: MigratedDatabase, tmp_path: Path
) -> None:
    """The database is the truth once it holds vectors; before, the settings are."""
    url = await migrated_database()
    async with process(settings_on(url, tmp_path)) as running, operating(url) as operator:
        await running.add(TEXTS[0])
        await operator.activate(32)
    async with process(settings_on(url, tmp_path)) as running:
        assert running.dimensions == 32
        await running.delete((await running.search(TEXTS[0]))[0].document_id)
    async with process(settings_on(url, tmp_path, embeddings_dim=48)) as running:
        assert running.dimensions == 48


async def test_vectors_of_which_nobody_noted_the_origin_need_their_settings(
    migrated_database: MigratedDatabase, tmp_path: Path
) -> None:
    """As before: a start with other settings is refused; with the same it notes them."""
    url = await migrated_database()
    async with process(settings_on(url, tmp_path)) as running, operating(url) as operator:
        await running.add(TEXTS[0])
        await rows(operator.database, "UPDATE embedding_spaces SET backend = NULL RETURNING 1")
        with pytest.raises(SpaceMismatch, match="APP_EMBEDDINGS_MODEL"):
            async with process(settings_on(url, tmp_path, embeddings_dim=32)):
                pass
        async with process(settings_on(url, tmp_path)):
            pass
        async with process(settings_on(url, tmp_path, embeddings_dim=32)) as other:
            assert other.dimensions == 64


async def test_an_embedder_that_cannot_be_opened_costs_the_meaning_not_the_answer(
    house: tuple[Process, Operator],
) -> None:
    """After a switch to a model that this process lacks it goes by words, and says so."""
    running, operator = house
    await operator.activate(32)
    query = (
        "UPDATE embedding_spaces SET backend = 'local', backend_model = '/nowhere' WHERE active RETURNING 1"
    )
    await rows(operator.database, query)
    answer = await running.api.answer_question()(TEXTS[2], scope=Scope())
    assert answer.degraded == ("embedder",)
    assert answer.hits[0].chunk.text == TEXTS[2]


async def test_an_inactive_space_can_be_searched_and_is_refused_to_a_writer(
    house: tuple[Process, Operator],
) -> None:
    """For comparing; nothing can be staged there."""
    running, operator = house
    target = await operator.prepare(32)
    embedder = MockEmbedder(dimensions=32)
    await operator.builder(embedder).fill(target)
    async with PgVectorStore(operator.database, target.space, opened=target) as store:
        [vector] = await embedder.embed([TEXTS[5]], role="question")
        [hit] = await store.search(vector, k=1, scope=Scope())
        assert hit.chunk.text == TEXTS[5]
        with pytest.raises(SpaceMismatch):
            await store.delete(hit.document_id)
    assert len(await running.search(TEXTS[5], top_k=8)) == 8


async def test_only_an_inactive_space_is_dropped(house: tuple[Process, Operator]) -> None:
    """Its row and its table go; the active one stays, and what is not there is said."""
    running, operator = house
    target = await operator.prepare(32)
    await operator.builder(MockEmbedder(dimensions=32)).fill(target)
    active = await operator.spaces.active()
    assert active is not None
    with pytest.raises(Conflict, match="active"):
        await operator.spaces.drop(active.id)
    assert (await operator.spaces.drop(target.id)).space == target.space
    with pytest.raises(NotFound):
        await operator.spaces.drop(target.id)
    with pytest.raises(NotFound):
        await operator.spaces.activate(target)
    assert [state.space.id for state in await operator.spaces.list()] == [active.id]
    assert await rows(
        operator.database, "SELECT to_regclass(%(name)s)", name=f"inactive_vectors_{target.id}"
    ) == [(None,)]
    assert (await names(running, TEXTS[0]))[0] == TEXTS[0]


async def test_two_builders_of_one_space_do_not_pay_twice(house: tuple[Process, Operator]) -> None:
    """The second is told to wait."""
    _, operator = house
    target = await operator.prepare(32)
    async with operator.spaces.building(target):
        with pytest.raises(Conflict, match="another process"):
            async with operator.spaces.building(target):
                pass
    async with operator.spaces.building(target):
        pass


async def test_what_the_model_cannot_read_whole_is_counted(house: tuple[Process, Operator]) -> None:
    """Passages were cut for another model's window."""
    _, operator = house
    builder = operator.builder(MockEmbedder(dimensions=32, max_tokens=8))
    await operator.builder(MockEmbedder(dimensions=16, max_tokens=64)).fill(await operator.prepare(16))
    await builder.fill(await operator.prepare(32))
    assert (builder.embedded, builder.too_long) == (len(TEXTS), len(TEXTS))


async def test_the_last_of_what_comes_in_is_added_while_writers_wait(house: tuple[Process, Operator]) -> None:
    """A switch can embed a few itself, so that it comes to an end however much is uploaded."""
    running, operator = house
    target, embedder = await operator.prepare(32), MockEmbedder(dimensions=32)
    await operator.builder(embedder).fill(target)
    await running.add("The lamp is lit at dusk.")
    writing: list[asyncio.Task[object]] = []

    async def embed(chunks: Sequence[LiveChunk]) -> Sequence[Vector]:
        writing.append(asyncio.create_task(running.add("The bell rings at noon.")))
        await asyncio.sleep(0.3)
        assert not writing[0].done()
        assert (await names(running, TEXTS[1]))[0] == TEXTS[1]
        return await embedder.embed([chunk.text for chunk in chunks], role="passage")

    assert await operator.spaces.activate(target) == 1
    assert await operator.spaces.activate(target, embed=embed) == 0
    await asyncio.gather(*writing)
    assert {"The lamp is lit at dusk.", "The bell rings at noon."} < set(await names(running, "lamp bell"))
    assert running.dimensions == 32


async def test_a_switch_lets_others_go_first_and_holds_nobody_up(house: tuple[Process, Operator]) -> None:
    """While a long transaction holds on to the vectors it tries again and again; queries and writers run."""
    running, operator = house
    target = await operator.prepare(32)
    await operator.builder(MockEmbedder(dimensions=32)).fill(target)
    async with operator.database.unit_of_work():
        await rows(operator.database, "SELECT count(*) FROM vectors_1")
        switching = asyncio.create_task(_switch(operator, target))
        for text in TEXTS:
            await asyncio.wait_for(running.search(text), 5)
            await asyncio.sleep(0.1)
        assert not switching.done()
    assert await switching == 0
    assert (await names(running, TEXTS[1]))[0] == TEXTS[1]


async def _switch(operator: Operator, target: OpenedSpace) -> int:
    async with PgDatabase(operator.url) as database:
        return await PgSpaces(database).activate(target)


async def test_what_is_embedded_anew_is_what_an_ingestion_embeds(house: tuple[Process, Operator]) -> None:
    """The passage in its context: the document's title and the headings above."""
    running, operator = house
    embedder = running.worker.spaces().now().embedder
    embed, ingested = embedder.embed, list[str]()

    async def recorded(texts: Sequence[str], *, role: EmbeddingRole) -> Sequence[Vector]:
        ingested.extend(texts)
        return await embed(texts, role=role)

    embedder.embed = recorded  # type: ignore[method-assign]
    target = await operator.prepare(32)
    await operator.builder(MockEmbedder(dimensions=32)).fill(target)
    text = "# The lamp\n\nIt shows two flashes.\n\nIt is lit at dusk by the keeper of the northern mole."
    await running.add(text, name="harbour rules.md")
    rest = CountingEmbedder(dimensions=32)
    await operator.builder(rest).fill(target)
    assert sorted(rest.texts) == sorted(ingested)
    assert any("harbour rules" in text and "The lamp" in text for text in rest.texts)


async def test_sizes_of_chunks_that_the_next_model_cannot_read_stop_nothing_but_a_start(
    house: tuple[Process, Operator], tmp_path: Path
) -> None:
    """A process that follows cuts by the defaults; one that starts says what is wrong."""
    _, operator = house

    def chunker(settings: Settings, embedder: Embedder, count_tokens: TokenCounter) -> Chunker:
        if settings.chunk_tokens is not None and embedder.space.dimensions == 32:
            raise SettingsError("too long")
        return builders.settings_chunker(settings, embedder, count_tokens)

    parts = SpaceParts(builders.settings_embedder, chunker)
    settings = settings_on(operator.url, tmp_path)
    async with ServedSpaces(operator.database, settings, parts=parts) as spaces:
        await operator.activate(32)
        await spaces.steady(lambda: spaces.now().vectors.index(limit=1))
        assert spaces.now().embedder.space.dimensions == 32
        assert len(spaces.now().chunker.split("Two sentences. " * 40)) == 1
    with pytest.raises(SettingsError):
        await ServedSpaces(operator.database, settings, parts=parts).__aenter__()
