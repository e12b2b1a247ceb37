"""Words on PostgreSQL: which indexes serve them, and counts that stay true."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from itertools import count
from typing import Any, Final

import psycopg
import pytest
import pytest_asyncio
from tests.conftest import MigratedDatabase, NewDatabase
from tests.integration.test_pgvector_search import indexes, nodes
from tests.pgstores import PgStores, next_revision, open_pg_stores, rows

import citewell_migrations
from citewell.lexical import WordEncoder
from citewell.model import (
    Chunk,
    DocumentId,
    EmbeddedChunk,
    Publication,
    Scope,
    Span,
)
from citewell.testing.stores import chunk, claimed, unit_vector
from citewell_adapters.pgvector.candidates import MAX_SAMPLED_CHUNKS
from citewell_adapters.pgvector.halfvec import half_vector

COMMON: Final = 1
RARE: Final = 700_000_000
CHUNKS_A_DOCUMENT: Final = 500


@pytest_asyncio.fixture(loop_scope="session")
async def stores(migrated_database: MigratedDatabase) -> AsyncIterator[PgStores]:
    async with open_pg_stores(await migrated_database()) as opened:
        yield opened


@dataclass(frozen=True)
class Corpus:
    """Two collections, the first nine times as large; COMMON is everywhere, RARE in few chunks."""

    stores: PgStores
    documents: list[DocumentId]


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def corpus(new_database_of_module: str) -> AsyncIterator[Corpus]:
    numbers = random.Random(1)
    async with open_pg_stores(new_database_of_module) as opened:
        documents = []
        for number in range(10):
            lease = await claimed(opened, f"document {number}", collection="one" if number else "two")
            chunks = [
                with_terms(index, [COMMON, *numbers.choices(range(2, 3_000), k=12)], rare=index % 250 == 0)
                for index in range(CHUNKS_A_DOCUMENT)
            ]
            await published(opened, lease.publication, chunks)
            documents.append(lease.document_id)
        while await opened.vectors.index(limit=256):
            pass
        async with opened.database.connection() as connection:
            await connection.execute("VACUUM ANALYZE")
        yield Corpus(opened, documents)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def new_database_of_module(postgres_url: str, migrated_template: str) -> AsyncIterator[str]:
    from tests.pgstores import cloned_database

    with cloned_database(postgres_url, template=migrated_template) as url:
        yield url


def with_terms(index: int, terms: list[int], *, rare: bool = False) -> EmbeddedChunk:
    counted = Counter([*terms, RARE] if rare else terms)
    return replace(chunk(index, vector=unit_vector(index % 8)), terms=counted)


async def published(stores: PgStores, publication: Publication, chunks: list[EmbeddedChunk]) -> Publication:
    await stores.vectors.stage(publication, chunks)
    await stores.vectors.publish(publication)
    return publication


async def executed(corpus: Corpus, scope: Scope, words: list[list[int]], *, dense: bool = False) -> set[str]:
    """The indexes that the statement reads."""
    vectors: Any = corpus.stores.vectors
    statement, parameters = vectors._statements.candidates.choose(scope, words, k=10, dense=dense)
    parameters["vector"] = half_vector(unit_vector(0)) if dense else None
    async with corpus.stores.database.connection() as connection:
        cursor = await connection.execute(b"EXPLAIN (ANALYZE, FORMAT JSON) " + statement, parameters)
        row = await cursor.fetchone()
    assert row is not None
    found: dict[str, set[str]] = {}
    for node in nodes(row[0][0]["Plan"]):
        names = found.setdefault(node["Node Type"], set())
        names.add(node.get("Index Name") or node.get("Relation Name", ""))
    # To search everything is to sum up all collections; few changes wait to be counted.
    everything = {"collections"} if scope == Scope() else set()
    assert found.get("Seq Scan", set()) <= {"term_changes", *everything}
    return indexes(found)


@pytest.mark.parametrize("dense", [False, True])
@pytest.mark.parametrize("scope", [Scope(), Scope("one"), Scope("two")], ids=str)
async def test_words_are_found_through_gin(corpus: Corpus, scope: Scope, dense: bool) -> None:
    """And counted through their own index; no table is read whole."""
    read = await executed(corpus, scope, [[RARE], [COMMON, 5]], dense=dense)
    assert {"lexical_terms", "term_counts_pkey"} <= read
    if dense and scope.collection != "two":
        assert "vectors_1_hnsw" in read


async def test_documents_are_read_through_the_key(corpus: Corpus) -> None:
    """Their chunks are few; the words may be everywhere."""
    read = await executed(corpus, Scope(document_ids=(corpus.documents[3],)), [[RARE], [COMMON]])
    assert "lexical_pkey" in read
    assert "lexical_terms" not in read


async def test_chunks_are_looked_for_by_the_rarest_words(corpus: Corpus) -> None:
    """A word that is in more than 3,000 chunks adds to the score, and brings none by itself."""
    stores = corpus.stores
    found = await stores.lexical.candidates(None, [[RARE], [COMMON]], k=100, scope=Scope("one"))
    assert len(found.items) == 9 * CHUNKS_A_DOCUMENT // 250
    alone = await stores.lexical.candidates(None, [[RARE]], k=100, scope=Scope("one"))
    assert min(each.bm25 or 0 for each in found.items) > min(each.bm25 or 0 for each in alone.items)
    common = await stores.lexical.candidates(None, [[COMMON]], k=20, scope=Scope("one"))
    assert len(common.items) == 20


async def true_counts(stores: PgStores) -> dict[tuple[int, int], int]:
    """In how many indexed chunks of a collection a term is, counted anew."""
    query = """
        SELECT collection_id, term, count(*) FROM lexical CROSS JOIN LATERAL unnest(terms) AS term
        WHERE term >= 0 GROUP BY 1, 2
    """
    return {(collection, term): number for collection, term, number in await rows(stores.database, query)}


async def kept_counts(stores: PgStores) -> dict[tuple[int, int], int]:
    """The same as it is kept."""
    query = """
        SELECT collection_id, term, sum(chunks)::int
        FROM (SELECT * FROM term_counts UNION ALL SELECT * FROM term_changes) AS kept
        GROUP BY 1, 2 HAVING sum(chunks) <> 0
    """
    return {(collection, term): number for collection, term, number in await rows(stores.database, query)}


class Doings:
    """Whatever may happen to documents, at random; `live`: what is."""

    def __init__(self, stores: PgStores, seed: int) -> None:
        self.stores = stores
        self.numbers = random.Random(seed)
        self.live: list[Publication] = []
        self._names = count()

    async def new(self) -> None:
        collection = self.numbers.choice(["one", "two"])
        lease = await claimed(self.stores, f"document {next(self._names)}", collection=collection)
        self.live.append(await published(self.stores, lease.publication, self._chunks()))

    async def replace(self) -> None:
        former = self._one()
        new = replace(former, revision_id=await next_revision(self.stores, former.document_id))
        self.live.append(await published(self.stores, new, self._chunks()))

    async def publish_again(self) -> None:
        self.live.append(await published(self.stores, self._one(), self._chunks()))

    async def stage_and_discard(self) -> None:
        publication = self._one()
        await self.stores.vectors.stage(publication, self._chunks())
        await self.stores.vectors.discard(publication.revision_id)
        self.live.append(publication)

    async def delete(self) -> None:
        await self.stores.vectors.delete(self._one().document_id)

    async def delete_by_cascade(self) -> None:
        query = "DELETE FROM documents WHERE id = %(id)s RETURNING 1"
        await rows(self.stores.database, query, id=self._one().document_id)

    async def index(self) -> None:
        await self.stores.vectors.index(limit=3)

    async def any(self) -> None:
        usual = [self.new, self.new, self.index]
        on_live = [
            self.replace,
            self.publish_again,
            self.stage_and_discard,
            self.delete,
            self.delete_by_cascade,
        ]
        await self.numbers.choice([*usual, *(on_live if self.live else ())])()

    def _one(self) -> Publication:
        return self.live.pop(self.numbers.randrange(len(self.live)))

    def _chunks(self) -> list[EmbeddedChunk]:
        lengths = range(self.numbers.randint(1, 4))
        return [with_terms(index, self.numbers.choices(range(9), k=4)) for index in lengths]


@pytest.mark.parametrize("seed", range(3))
async def test_counts_stay_true_whatever_happens(stores: PgStores, seed: int) -> None:
    """By one's own hand or by a cascade, folded or not."""
    doings = Doings(stores, seed)
    for _ in range(40):
        await doings.any()
        assert await kept_counts(stores) == await true_counts(stores)
    while doings.live:
        await doings.delete()
    assert await kept_counts(stores) == {}
    assert await rows(stores.database, "SELECT 1 FROM lexical") == []


async def test_who_finds_another_at_the_counts_leaves_the_change_to_the_next(stores: PgStores) -> None:
    """Nobody waits, nothing is lost, and what comes to nothing leaves no row."""
    leases = [await claimed(stores, f"{number}") for number in range(3)]
    for lease in leases:
        await published(stores, lease.publication, [with_terms(0, [1, 2]), with_terms(1, [2])])
    while await stores.vectors.index(limit=100):
        pass
    async with stores.unit_of_work():
        await rows(stores.database, "SELECT pg_advisory_xact_lock(hashtext('citewell term counts'))")
        async with open_pg_stores(stores.database._url) as others:
            await others.vectors.delete(leases[0].document_id)
            assert await kept_counts(others) == await true_counts(others) == {(1, 1): 2, (1, 2): 4}
            found = await others.lexical.candidates(None, [[1]], k=5, scope=Scope("default"))
            [highest] = {found.highest_bm25}
    changes = "SELECT term, chunks FROM term_changes ORDER BY term"
    assert await rows(stores.database, changes) == [(1, -1), (2, -2)]
    assert await stores.vectors.index(limit=100) == 0
    assert await rows(stores.database, changes) == []
    assert await rows(stores.database, "SELECT term, chunks FROM term_counts ORDER BY term") == [
        (1, 2),
        (2, 4),
    ]
    found = await stores.lexical.candidates(None, [[1]], k=5, scope=Scope("default"))
    assert found.highest_bm25 == highest
    for lease in leases[1:]:
        await stores.vectors.delete(lease.document_id)
    assert await rows(stores.database, "SELECT 1 FROM term_counts") == []


async def test_words_are_worth_the_same_before_and_after_they_are_indexed(stores: PgStores) -> None:
    """The first documents of a collection have an IDF at once."""
    for number in range(4):
        lease = await claimed(stores, f"{number}")
        chunks = [with_terms(index, [COMMON, *([2] if index % 2 else [])]) for index in range(6)]
        await published(stores, lease.publication, [*chunks, with_terms(6, [3], rare=number == 2)])
    question = [[COMMON], [2], [RARE]]
    before = await stores.lexical.candidates(None, question, k=50, scope=Scope())
    while await stores.vectors.index(limit=3):
        now = await stores.lexical.candidates(None, question, k=50, scope=Scope())
        assert now.items == before.items
        assert now.highest_bm25 == pytest.approx(before.highest_bm25)
    assert await rows(stores.database, "SELECT 1 FROM unindexed_words") == []


async def test_of_many_that_wait_some_are_counted(stores: PgStores) -> None:
    """So no search reads more than it needs, and frequencies are of the same chunks as the total."""
    lease = await claimed(stores, "long")
    chunks = [with_terms(index, [COMMON, 2 + index % 4]) for index in range(4 * MAX_SAMPLED_CHUNKS)]
    await published(stores, lease.publication, chunks)
    before = await stores.lexical.candidates(None, [[2]], k=1, scope=Scope())
    while await stores.vectors.index(limit=256):
        pass
    after = await stores.lexical.candidates(None, [[2]], k=1, scope=Scope())
    assert before.highest_bm25 == pytest.approx(after.highest_bm25, rel=0.05)


async def test_what_was_live_before_there_were_words_is_found_at_once_and_gets_them(
    new_database: NewDatabase,
) -> None:
    """By its vectors meanwhile; `encode` adds the words, whether it is in the index yet or not."""
    url = await new_database()
    migrations = list(citewell_migrations.carried_migrations())
    with psycopg.connect(url, autocommit=True) as connection:
        citewell_migrations.apply(connection, migrations=migrations[:3])
        connection.execute(_OLD_DATA)
        citewell_migrations.apply(connection)
    encoder = WordEncoder()
    async with open_pg_stores(url) as stores:
        question = encoder.question("ferry")
        found = await stores.lexical.candidates(unit_vector(0), question, k=5, scope=Scope("default"))
        assert [each.bm25 for each in found.items] == [None, None]
        assert [await stores.lexical.encode(encoder) for _ in range(3)] == [1, 1, 0]
        found = await stores.lexical.candidates(None, question, k=5, scope=Scope("default"))
        assert [hit and hit.chunk.text for hit in await stores.lexical.hits(found.items)] == [
            "The ferry waits.",
            "The ferry leaves.",
        ]
        assert await kept_counts(stores) == await true_counts(stores)


async def test_analysing_waits_for_nobody(stores: PgStores) -> None:
    """A document that is being published or deleted is left to the next time."""
    lease = await claimed(stores, "one")
    text = Chunk(0, Span(0, 5), "ferry", 1, 1, (), 1)
    await published(stores, lease.publication, [EmbeddedChunk(text, unit_vector(0))])
    async with stores.unit_of_work():
        await rows(stores.database, "SELECT 1 FROM documents FOR UPDATE")
        async with open_pg_stores(stores.database._url) as others:
            assert await others.lexical.encode(WordEncoder()) == 0
    assert await stores.lexical.encode(WordEncoder()) == 1


#: Two live documents as version 3 of the schema has them: one waits for the index, one is in it.
_OLD_DATA: Final = """
INSERT INTO collections (name, chunk_count) VALUES ('default', 2);
INSERT INTO embedding_spaces (model, dimensions, active) VALUES ('contract', 8, true);
SELECT citewell_create_vectors(1, 8);
INSERT INTO documents (id, collection_id, name, metadata, live_revision_id)
VALUES ('00000000-0000-0000-0000-000000000001', 1, 'a', '{}', 1),
    ('00000000-0000-0000-0000-000000000002', 1, 'b', '{}', 2);
INSERT INTO revisions (document_id, sha256, size_bytes, media_type, name, metadata)
SELECT id, sha256('x'), 1, 'text/plain', 'a', '{}' FROM documents ORDER BY id;
INSERT INTO chunks VALUES (1, 0, 0, 16, 1, 1, 4, '{}', 'The ferry waits.'),
    (2, 0, 0, 17, 1, 1, 4, '{}', 'The ferry leaves.');
INSERT INTO staged_vectors VALUES (1, 1, 0, '[1,0,0,0,0,0,0,0]');
INSERT INTO unindexed VALUES (1, 1, 1, '00000000-0000-0000-0000-000000000001', 1);
INSERT INTO vectors_1 VALUES (1, '00000000-0000-0000-0000-000000000002', 2, 0, '[1,0,0,0,0,0,0,0]');
"""
