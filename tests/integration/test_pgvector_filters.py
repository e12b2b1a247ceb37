"""Filters in PostgreSQL mean what they mean in memory, and are served by indexes."""

from __future__ import annotations

import itertools
import json
import random
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import count
from typing import Any, Final
from uuid import UUID, uuid4

import numpy as np
import psycopg
import pytest
import pytest_asyncio
from bench._generated import COLLECTION, Generated
from bench._generated import load as load_generated
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.filter_strategies import filters, metadata
from tests.house import memory_stores
from tests.integration.test_pgvector_search import SPACE as CORPUS_SPACE
from tests.integration.test_pgvector_search import Corpus, executed, indexes, load, quarter_vector
from tests.pgstores import PgStores, cloned_database, open_pg_stores

from citewell.filtering import matches, parse_filter
from citewell.model import Candidates, EmbeddingSpace, Scope, SearchPlan
from citewell.ports import LexicalStore
from citewell.testing.stores import Stores, chunk, claimed
from citewell.testing.vectors import cosine, random_vector
from citewell.usecases import CheckRecall
from citewell_adapters.pgvector.bounded import BoundedCache
from citewell_adapters.pgvector.filtered import all_matching
from citewell_adapters.pgvector.filters import compile_filter

Connection = psycopg.Connection[Any]

SEARCHED = "WITH searched AS (SELECT id FROM collections WHERE name = %(collection)s)"
OF_SOURCE = " SELECT DISTINCT x.document_id FROM searched AS c CROSS JOIN LATERAL "


@dataclass
class Documents:
    """A collection of documents in PostgreSQL, with their metadata. No two tests share it."""

    connection: Connection
    collection: int

    def put(self, given: Sequence[dict[str, Any]]) -> dict[UUID, dict[str, Any]]:
        """These documents in the place of those before; half of them get their metadata by an update."""
        self.connection.execute("DELETE FROM documents")
        documents = {uuid4(): each for each in given}
        statement = "INSERT INTO documents (id, collection_id, name, metadata) VALUES (%s, %s, 'a', %s)"
        for number, (document_id, each) in enumerate(documents.items()):
            first = each if number % 2 else {"a": ["before", 1, True]}
            self.connection.execute(statement, (document_id, self.collection, json.dumps(first)))
            if not number % 2:
                update = "UPDATE documents SET metadata = %s WHERE id = %s"
                self.connection.execute(update, (json.dumps(each), document_id))
        return documents

    def ids(self, query: str, parameters: dict[str, object]) -> set[UUID]:
        given = {"collection": "filtered", **parameters}
        found = self.connection.execute(query.encode(), given).fetchall()
        assert len({row[0] for row in found}) == len(found)
        return {row[0] for row in found}


@pytest.fixture(scope="module")
def documents(postgres_url: str, migrated_template: str) -> Iterator[Documents]:
    with (
        cloned_database(postgres_url, template=migrated_template) as url,
        psycopg.connect(url, autocommit=True) as connection,
    ):
        connection.execute("SET enable_seqscan = off")
        statement = "INSERT INTO collections (name) VALUES ('filtered') RETURNING id"
        row = connection.execute(statement).fetchone()
        assert row is not None
        yield Documents(connection, row[0])


@settings(max_examples=60, deadline=None)
@given(st.lists(metadata, min_size=1, max_size=6), st.lists(filters, min_size=4, max_size=8))
def test_sql_finds_what_the_reference_finds(
    documents: Documents, stored: list[dict[str, Any]], asked: list[dict[str, Any]]
) -> None:
    """Asked of each document, and found from each source."""
    there = documents.put(stored)
    for each in asked:
        condition = parse_filter(each)
        expected = {document_id for document_id, held in there.items() if matches(condition, held)}
        compiled = compile_filter(condition)
        one_by_one = f"SELECT d.id FROM documents AS d WHERE {compiled.matches('d.id')}"  # noqa: S608
        assert documents.ids(one_by_one, compiled.parameters) == expected
        query = f"{SEARCHED} SELECT document_id FROM ({all_matching(compiled)}) AS f"  # noqa: S608
        assert documents.ids(query, compiled.parameters) == expected
        for source in compiled.sources:
            query = SEARCHED + OF_SOURCE + f"({source.query}) AS x"
            found = documents.ids(query, compiled.parameters)
            assert found == expected if source.exact else found >= expected


@pytest.fixture(scope="module")
def corpus_url(postgres_url: str, migrated_template: str) -> Iterator[str]:
    with cloned_database(postgres_url, template=migrated_template) as url:
        yield url


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def corpus(corpus_url: str) -> AsyncIterator[Corpus]:
    async with open_pg_stores(corpus_url, space=CORPUS_SPACE) as stores:
        yield Corpus(stores, await load(stores))


def large(given: dict[str, Any]) -> Scope:
    """In the collection of 150 documents of 100 chunks."""
    return Scope("large", filter=parse_filter(given))


FEW: Final[list[tuple[dict[str, Any], int]]] = [
    ({"number": {"gte": 10, "lt": 13}}, 300),
    ({"number": {"in": [5, 7]}, "parity": "odd"}, 200),
    ({"parity": "odd", "number": {"lt": 4}}, 200),
    ({"or": [{"number": 3}, {"number": {"gt": 148}}], "not": {"parity": "even"}}, 200),
]
MANY: Final = [{"parity": "odd"}, {"number": {"lt": 100}}, {"parity": {"ne": "odd"}}, {"not": {"number": 3}}]


@pytest.mark.parametrize(("given", "count"), FEW, ids=str)
async def test_few_documents_are_found_and_read_through_keys(
    corpus: Corpus, given: dict[str, Any], count: int
) -> None:
    """Exactly, whatever is in the rest of the collection; nothing is read whole."""
    read = await executed(corpus, large(given), k=5)
    assert "vectors_1_pkey" in indexes(read)
    assert {"document_values_number", "document_values_string"} & indexes(read)
    assert "vectors_1_hnsw" not in indexes(read)
    assert "Seq Scan" not in read
    vector = random_vector(random.Random(1))
    found = await corpus.stores.lexical.candidates(vector, [], k=500, scope=large(given))
    assert (len(found.items), found.plan) == (count, SearchPlan(exact=True, matched=count))


@pytest.mark.parametrize("given", MANY, ids=str)
@pytest.mark.parametrize("k", [1, 50])
async def test_many_documents_are_searched_through_hnsw(
    corpus: Corpus, given: dict[str, Any], k: int
) -> None:
    """Each is asked on the way whether it matches; nothing is read whole."""
    read = await executed(corpus, large(given), k=k)
    assert {"vectors_1_hnsw", "document_values_document"} <= indexes(read)
    # To count the chunks of some documents is no reading of them.
    assert "vectors_1_pkey" not in read["Index Scan"]
    assert "Seq Scan" not in read
    found = await corpus.stores.lexical.candidates(
        random_vector(random.Random(1)), [], k=k, scope=large(given)
    )
    assert len(found.items) == k
    assert found.plan is not None
    assert (found.plan.exact, found.plan.topped_up) == (False, False)


async def test_what_the_index_did_not_find_is_read(corpus: Corpus, corpus_url: str) -> None:
    """`k` chunks whenever so many match, and the nearest ones, also where the index gives up early."""
    numbers = random.Random(13)
    async with (
        open_pg_stores(corpus_url, space=CORPUS_SPACE, max_exact_chunks=0, max_exact_matching=0) as stores,
        stores.unit_of_work(),
    ):
        async with stores.database.connection() as connection:
            await connection.execute("SET LOCAL hnsw.iterative_scan = off")
        for given, count in [*FEW, ({"parity": {"nin": ["odd", "even"]}}, 0)]:
            question = random_vector(numbers)
            scope = large(given)
            found = await stores.lexical.candidates(question, [], k=250, scope=scope)
            similarities = [each.similarity for each in found.items]
            assert len(similarities) == min(count, 250)
            assert found.plan is not None
            assert found.plan.topped_up is (count > 0)
            assert not found.plan.exact
            vectors = corpus.vectors["large"]
            inside = [vector for ref, vector in vectors.items() if ref in {each.ref for each in found.items}]
            best = sorted((cosine(question, vector) for vector in inside), reverse=True)
            assert similarities == pytest.approx(best, abs=2e-3)


async def test_a_bad_setting_is_noticed(postgres_url: str, migrated_template: str) -> None:
    """An index that keeps one vector in view finds too little, and the comparison says so."""
    # Without clusters, so that all are about as far from each other: the hardest there is.
    chance = np.random.default_rng(3)
    vectors = chance.standard_normal((4_000, 96)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    generated = Generated(EmbeddingSpace("generated", 96), 40, vectors)
    embedder, means = DrawnEmbedder(generated), list[float]()
    with cloned_database(postgres_url, template=migrated_template) as url:
        async with open_pg_stores(url, space=generated.space):
            load_generated(url, generated)
        for ef in (1, 200):
            async with open_pg_stores(url, space=generated.space, search_ef=ef) as stores:
                check = CheckRecall(embedder=embedder, store=stores.lexical)
                recalls = [await check("any", scope=Scope(COLLECTION), k=10) for _ in range(20)]
                assert None not in recalls
                means.append(sum(recall or 0.0 for recall in recalls) / len(recalls))
                few = Scope(COLLECTION, filter=parse_filter({"share": {"lt": 100}}))
                assert await check("any", scope=few, k=10) is None
    assert means[0] < 0.94
    assert means[1] > 0.95


class DrawnEmbedder:
    """An Embedder that gives each text a vector near some of the generated ones."""

    max_tokens = 10

    def __init__(self, generated: Generated) -> None:
        self.space = generated.space
        self._vectors = itertools.cycle(generated.questions(50).tolist())

    def count_tokens(self, text: str) -> int:
        return len(text)

    async def embed(self, texts: Sequence[str], *, role: str) -> list[list[float]]:
        return list(itertools.islice(self._vectors, len(texts)))


WORDS: Final = [[[1], [2, 3]], [[4]], [[9], [1]], []]
FILTERS: Final = [
    {"n": {"lt": 3}},
    {"n": {"gte": 1}},
    {"n": {"ne": 2}},
    {"parity": 1, "n": {"in": [1, 3]}},
    {"missing": 1},
    {"missing": {"ne": 1}},
]


@pytest.mark.parametrize("max_exact", [2_000, 0])
async def test_memory_and_postgresql_find_the_same(
    postgres_url: str, migrated_template: str, max_exact: int
) -> None:
    """In both legs, in what is in the index and what waits for it, exactly or through the index."""
    numbers = random.Random(3)
    with cloned_database(postgres_url, template=migrated_template) as url:
        async with open_pg_stores(url, max_exact_chunks=max_exact, max_exact_matching=max_exact) as pg:
            memory = memory_stores()
            await fill(memory, random.Random(1))
            await fill(pg, random.Random(1))
            memory_lexical = memory.vectors
            for _ in range(3):
                for given in FILTERS:
                    for words in WORDS:
                        for collection in ("0", None):
                            scope = Scope(collection, filter=parse_filter(given))
                            vector = quarter_vector(numbers)
                            for asked in (vector, None):
                                one, other = [
                                    await told(each, asked, words, scope=scope)
                                    for each in (memory_lexical, pg.lexical)
                                ]
                                assert one == other
                await pg.vectors.index(limit=15)


async def told(
    store: Any, vector: list[float] | None, words: list[list[int]], *, scope: Scope
) -> list[tuple[int, int, float, float]]:
    lexical: LexicalStore = store
    found: Candidates = await lexical.candidates(vector, words, k=8, scope=scope)
    hits = await lexical.hits(found.items)
    return sorted(
        (int(hit.document_name), hit.chunk.index, each.similarity or -1.0, round(each.bm25 or 0.0, 4))
        for each, hit in zip(found.items, hits, strict=True)
        if hit is not None
    )


async def fill(stores: Stores | PgStores, numbers: random.Random) -> None:
    """Six documents in two collections, with metadata and words; their names are their numbers."""
    for number in range(6):
        metadata = {"n": number, "parity": number % 2}
        lease = await claimed(
            stores, f"{number}", collection=str(number // 4), metadata=metadata, name=str(number)
        )
        chunks = [
            replace(
                chunk(n, vector=quarter_vector(numbers)),
                terms={term: numbers.randint(1, 3) for term in numbers.sample(range(1, 6), k=2)},
            )
            for n in range(numbers.randint(3, 9))
        ]
        await stores.vectors.stage(lease.publication, chunks)
        async with stores.unit_of_work():
            await stores.vectors.publish(lease.publication)
            await stores.jobs.complete(lease, page_count=1, chunk_count=len(chunks))


def test_statements_are_kept_as_long_as_they_are_asked_for() -> None:
    """Each filter's shape makes one; the number is bounded."""
    cache, numbers = BoundedCache[str, int](max_items=3), count()
    made = [cache.get(key, lambda: next(numbers)) for key in "abcadab"]
    assert made == [0, 1, 2, 0, 3, 0, 4]
    assert len(cache) == 3
