"""What versions cost on PostgreSQL, and what they tell apart there."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, LiteralString

from tests.conftest import MigratedDatabase
from tests.pgstores import PgStores, open_pg_stores, rows

from citewell.caching import MemoryCache
from citewell.lexical import WordEncoder
from citewell.model import Asked, EmbeddingSpace, MadeReply, Mode, Scope, SearchOptions
from citewell.testing.caching import go_live, live, of
from citewell.testing.scripted import ScriptedEmbedder
from citewell.testing.stores import CONTRACT_SPACE, chunk, claimed, unit_vector
from citewell.usecases import CacheReplies, LexicalLeg, Search
from citewell_adapters.pgvector import (
    OpenedSpace,
    Origin,
    PgDatabase,
    PgDocumentStore,
    PgSpaces,
    PgVectorStore,
    PgVersionStore,
)


class CountedDatabase(PgDatabase):
    """Remembers the statements of its connections."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.statements: list[str] = []

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[Any]:
        async with super().connection() as connection:
            yield _Counted(connection, self.statements)

    async def fetch(self, query: LiteralString | bytes, parameters: Mapping[str, object]) -> list[Any]:
        self.statements.append(str(query))
        return await super().fetch(query, parameters)


class _Counted:
    def __init__(self, connection: Any, statements: list[str]) -> None:
        self._connection = connection
        self._statements = statements

    async def execute(self, statement: Any, *arguments: Any, **options: Any) -> Any:
        self._statements.append(str(statement))
        return await self._connection.execute(statement, *arguments, **options)


async def test_a_hit_costs_one_statement_and_a_miss_one_more(migrated_database: MigratedDatabase) -> None:
    """And many hits at the same time cost two: the one under way, and the one for all others."""
    url = await migrated_database()
    async with (
        open_pg_stores(url) as stores,
        CountedDatabase(url) as database,
        PgVectorStore(database, CONTRACT_SPACE) as vectors,
    ):
        await live(stores, "the lamp")
        search = Search(
            embedder=ScriptedEmbedder(),
            vectors=vectors,
            documents=PgDocumentStore(database),
            lexical=LexicalLeg(vectors, WordEncoder()),
        )
        replies = CacheReplies(
            versions=PgVersionStore(database), layers={"process": MemoryCache()}, fingerprint=""
        )
        for mode in Mode:
            options = SearchOptions(mode=mode)

            async def make(options: SearchOptions = options) -> MadeReply:
                found = await search("lamp", scope=Scope("default"), options=options)
                return MadeReply(b"body", b"body", len(found.hits))

            asked = Asked("lamp", Scope("default"), 5, options)
            database.statements.clear()
            await make()
            without = len(database.statements)
            database.statements.clear()
            assert (await replies(asked, make)).layer is None
            assert len(database.statements) == without + 1
            database.statements.clear()
            assert (await replies(asked, make)).layer == "process"
            assert len(database.statements) == 1
            database.statements.clear()
            await asyncio.gather(*(replies(asked, make) for _ in range(50)))
            assert len(database.statements) <= 2


async def test_a_version_is_read_by_index(migrated_database: MigratedDatabase) -> None:
    """However many documents there are, the read touches a few pages."""
    from citewell_adapters.pgvector import versions

    async with open_pg_stores(await migrated_database()) as stores:
        lease = await live(stores, "one")
        await rows(
            stores.database,
            """
            INSERT INTO documents (id, collection_id, name, metadata)
            SELECT gen_random_uuid(), c.id, 'other', '{}' FROM collections AS c, generate_series(1, 5000)
            RETURNING 1
            """,
        )
        await rows(stores.database, "INSERT INTO collections (name) SELECT 'c' || n "
                   "FROM generate_series(1, 2000) AS n RETURNING 1")  # fmt: skip
        async with stores.database.connection() as connection:
            await connection.execute("ANALYZE documents, collections, embedding_spaces")
        plan = await rows(
            stores.database,
            f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {versions._READ}",
            names=["default"],
            document_ids=[lease.document_id],
        )
        used = plan[0][0][0]["Plan"]
        assert used["Shared Hit Blocks"] + used["Shared Read Blocks"] <= 20


async def test_what_is_not_committed_is_not_seen(migrated_database: MigratedDatabase) -> None:
    """Nor waited for."""
    async with open_pg_stores(await migrated_database()) as stores:
        lease = await claimed(stores, "one")
        await stores.vectors.stage(lease.publication, [chunk(0)])
        versions, scopes = PgVersionStore(stores.database), [Scope(), Scope("default"), of(lease)]
        before = await versions.versions(scopes)
        seen: list[Any] = []

        async with PgDatabase(_url(stores)) as other, stores.unit_of_work():
            await stores.jobs.complete(lease, page_count=1, chunk_count=1)
            await stores.vectors.publish(lease.publication)
            seen.append(await PgVersionStore(other).versions(scopes))
        assert seen == [before]
        assert await versions.versions(scopes) != before


async def test_another_space_changes_all_versions(migrated_database: MigratedDatabase) -> None:
    """Going over to another one, and going back: results of neither time before count again."""
    async with open_pg_stores(await migrated_database()) as stores:
        lease = await live(stores, "one")
        versions, scopes = PgVersionStore(stores.database), [Scope(), Scope("default"), of(lease)]
        spaces = PgSpaces(stores.database)
        origin = Origin("mock", None)
        former = await spaces.active()
        assert former is not None
        other = await spaces.prepare(EmbeddingSpace("other", 4), origin)
        missing = await spaces.missing(other, after=None, limit=10)
        assert missing is not None
        await spaces.add(other, missing.chunks, [unit_vector(0, dimensions=4)])
        seen = [await versions.versions(scopes)]
        for target in (other, former, other):
            target = OpenedSpace(target.id, target.space, active=False)
            assert await spaces.activate(target) == 0
            seen.append(await versions.versions(scopes))
        for place in range(len(scopes)):
            assert len({each[place].documents for each in seen}) == 4
            assert len({each[place].counts for each in seen}) == 4


async def test_processes_agree_and_databases_do_not(migrated_database: MigratedDatabase) -> None:
    """The same text means the same data in any process: another database has other texts."""
    url = await migrated_database()
    async with (
        open_pg_stores(url) as one,
        PgDatabase(url) as other,
        open_pg_stores(await migrated_database()) as elsewhere,
    ):
        scopes = [Scope(), Scope("default"), Scope(document_ids=())]
        found = await PgVersionStore(one.database).versions(scopes)
        assert await PgVersionStore(other).versions(scopes) == found
        foreign = await PgVersionStore(elsewhere.database).versions(scopes)
        assert not {each.counts for each in found} & {each.counts for each in foreign}


async def test_publications_at_the_same_time_do_not_stop_each_other(
    migrated_database: MigratedDatabase,
) -> None:
    """Each collection's version grows with each; none meets a deadlock."""
    async with open_pg_stores(await migrated_database()) as stores:
        leases = [await claimed(stores, str(number), collection=f"c{number % 2}") for number in range(12)]
        for lease in leases:
            await stores.vectors.stage(lease.publication, [chunk(0)])
        await asyncio.gather(*(go_live(stores, lease) for lease in leases))
        assert await rows(stores.database, "SELECT version FROM collections ORDER BY name") == [(6,), (6,)]


def _url(stores: PgStores) -> str:
    return stores.database._url
