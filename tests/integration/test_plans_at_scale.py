"""At 100,000 chunks every statement of a query finds its rows through the index that is meant for it.

What the stores run is seen as the server ran it, often enough for it to keep general plans.
"""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

import pytest
import pytest_asyncio
from tests.large_corpus import CHUNKS, SPACE, Read, make_large_corpus, reads
from tests.pgstores import PgStores, cloned_database, open_pg_stores, rows

from citewell.filtering import parse_filter
from citewell.model import Citation, DocumentId, Scope, Status
from citewell.testing.vectors import random_vector
from citewell_adapters.pgvector import PgPassageStore, PgVectorStore
from citewell_adapters.pgvector.halfvec import half_vector

#: After five executions PostgreSQL may keep a general plan.
TIMES: Final = 7
#: Whatever reads more rows of a table or an index has in truth read it whole.
MOST_ROWS: Final = CHUNKS // 20
#: Tables that are small however much there is, and may be read whole.
SMALL: Final = {"collections", "embedding_spaces", "term_changes", "unindexed", "unindexed_words"}
#: Two rare words, one of two forms; one that is in some two hundred chunks; one that is in most.
WORDS: Final = [[25_000], [28_000, 29_000], [1_500], [2]]
VECTOR: Final = random_vector(random.Random(3), dimensions=SPACE.dimensions)

Call = Callable[[], Awaitable[object]]


@dataclass(frozen=True)
class Corpus:
    """The stores, and the documents of each collection by their ids."""

    stores: PgStores
    documents: Mapping[str, Sequence[DocumentId]]

    def scope(self, name: str) -> Scope:
        """A collection by its name, everything, or a number of documents."""
        if name == "everything":
            return Scope()
        if name.isdigit():
            return Scope(document_ids=tuple(self.documents["large"][: int(name)]))
        return Scope(name)

    async def indexes(self, call: Call) -> set[str]:
        """Those that a call reads: none of them for long, and no large table whole."""
        found = await reads(self.stores, call, times=TIMES)
        assert found, "the server has told no plan"
        assert [read for read in found if read.index is None and read.table not in SMALL] == []
        assert [read for read in found if read.rows > MOST_ROWS] == []
        return {read.index for read in found if read.index is not None}


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def corpus(postgres_url: str, migrated_template: str) -> AsyncIterator[Corpus]:
    with cloned_database(postgres_url, template=migrated_template) as url:
        await make_large_corpus(url)
        async with open_pg_stores(url, space=SPACE) as stores:
            found = await rows(
                stores.database,
                """
                SELECT c.name, array_agg(d.id ORDER BY d.id)
                FROM documents AS d JOIN collections AS c ON c.id = d.collection_id GROUP BY c.name
                """,
            )
            yield Corpus(stores, dict(found))


@pytest.mark.parametrize(
    ("statement", "index"),
    [
        ("SELECT count(*) FROM chunks WHERE token_count = 19", None),
        ("SELECT revision_id FROM chunks ORDER BY revision_id, chunk_index", "chunks_pkey"),
    ],
    ids=["table", "index"],
)
async def test_a_reading_of_a_whole_table_or_index_is_seen(
    corpus: Corpus, statement: str, index: str | None
) -> None:
    """Else the other tests would prove nothing."""

    async def call() -> None:
        async with corpus.stores.database.connection() as connection:
            await connection.execute(statement.encode())

    assert await reads(corpus.stores, call, times=1) == [Read("chunks", index, CHUNKS)]
    with pytest.raises(AssertionError):
        await corpus.indexes(call)


@pytest.mark.parametrize("k", [5, 100])
@pytest.mark.parametrize("scope", ["everything", "large", "middle"])
async def test_many_vectors_are_searched_through_hnsw(corpus: Corpus, scope: str, k: int) -> None:
    """In the order of the index; none of the others is read for the vectors."""
    found = await corpus.indexes(lambda: corpus.stores.vectors.search(VECTOR, k=k, scope=corpus.scope(scope)))
    assert "vectors_1_hnsw" in found
    assert "vectors_1_pkey" not in found


@pytest.mark.parametrize("scope", ["small", "other-7", "1", "20"])
async def test_few_vectors_are_read_through_their_key(corpus: Corpus, scope: str) -> None:
    """Those of a small collection or of some documents, exactly."""
    found = await corpus.indexes(
        lambda: corpus.stores.vectors.search(VECTOR, k=10, scope=corpus.scope(scope))
    )
    assert "vectors_1_pkey" in found
    assert "vectors_1_hnsw" not in found


@pytest.mark.parametrize("vector", [None, VECTOR], ids=["lexical", "hybrid"])
@pytest.mark.parametrize("scope", ["everything", "large", "small"])
async def test_words_are_found_through_gin(corpus: Corpus, scope: str, vector: list[float] | None) -> None:
    """And counted through the key of the counts."""
    found = await corpus.indexes(
        lambda: corpus.stores.lexical.candidates(vector, WORDS, k=100, scope=corpus.scope(scope))
    )
    assert {"lexical_terms", "term_counts_pkey"} <= found
    assert "lexical_pkey" not in found
    assert ("vectors_1_hnsw" in found) is (vector is not None and scope != "small")


@pytest.mark.parametrize("vector", [None, VECTOR], ids=["lexical", "hybrid"])
@pytest.mark.parametrize("scope", ["1", "20"])
async def test_words_of_documents_are_read_through_their_key(
    corpus: Corpus, scope: str, vector: list[float] | None
) -> None:
    """Their chunks are few, however many chunks elsewhere have the words."""
    found = await corpus.indexes(
        lambda: corpus.stores.lexical.candidates(vector, WORDS, k=100, scope=corpus.scope(scope))
    )
    assert {"lexical_pkey", "term_counts_pkey"} <= found
    assert not {"lexical_terms", "vectors_1_hnsw"} & found
    assert ("vectors_1_pkey" in found) is (vector is not None)


#: Filters that some sixty to a hundred of 3,200 documents match, and filters that many match.
FEW: Final[list[tuple[dict[str, Any], str]]] = [
    ({"year": 2001}, "document_values_number"),
    ({"tags": "tag 49"}, "document_values_string"),
    ({"year": {"gte": 2000, "lt": 2002}, "language": "de"}, "document_values_number"),
]
MANY: Final[list[dict[str, Any]]] = [{"language": "en"}, {"year": {"gte": 2000}}, {"tags": {"ne": "tag 49"}}]


@pytest.mark.parametrize("vector", [None, VECTOR], ids=["lexical", "hybrid"])
@pytest.mark.parametrize(("given", "index"), FEW, ids=[str(given) for given, _ in FEW])
async def test_what_few_documents_match_is_read_through_the_keys(
    corpus: Corpus, given: dict[str, Any], index: str, vector: list[float] | None
) -> None:
    """The documents through the index of their values, then their words and vectors."""
    scope = Scope("large", filter=parse_filter(given))
    found = await corpus.indexes(lambda: corpus.stores.lexical.candidates(vector, WORDS, k=50, scope=scope))
    assert {index, "lexical_pkey"} <= found
    assert not {"lexical_terms", "vectors_1_hnsw"} & found
    assert "vectors_1_pkey" in found


@pytest.mark.parametrize("name", ["everything", "large"])
@pytest.mark.parametrize("given", MANY, ids=str)
async def test_what_many_documents_match_is_found_on_the_way(
    corpus: Corpus, given: dict[str, Any], name: str
) -> None:
    """Of each document that the indexes bring it is asked whether it matches."""
    scope = Scope(None if name == "everything" else name, filter=parse_filter(given))
    found = await corpus.indexes(lambda: corpus.stores.lexical.candidates(VECTOR, WORDS, k=20, scope=scope))
    assert {"vectors_1_hnsw", "lexical_terms", "document_values_document"} <= found
    assert "lexical_pkey" not in found


async def test_texts_are_read_through_their_keys(corpus: Corpus) -> None:
    """Of the candidates that were chosen, of a document, and around a chunk."""
    stores, [document] = corpus.stores, corpus.documents["large"][:1]
    candidates = await stores.lexical.candidates(VECTOR, WORDS, k=20, scope=Scope("large"))
    assert len(candidates.items) >= 20
    found = await corpus.indexes(lambda: stores.lexical.hits(candidates.items))
    assert found == {"chunks_pkey", "revisions_pkey", "documents_pkey", "collections_pkey", "pages_pkey"}
    found = await corpus.indexes(lambda: stores.vectors.chunks(document, after=3, limit=10))
    assert {"documents_pkey", "vectors_1_pkey", "chunks_pkey"} <= found
    sha256 = (await stores.documents.get(document)).sha256
    around = PgPassageStore(stores.database).around
    found = await corpus.indexes(lambda: around([Citation(document, sha256, 7)], neighbours=2))
    assert {"documents_pkey", "revisions_pkey", "chunks_pkey", "pages_pkey"} <= found


LISTS: Final[list[tuple[dict[str, Any], str]]] = [
    ({}, "documents_pkey"),
    ({"collection": "large"}, "documents_collection_id_id_key"),
    ({"status": Status.FAILED}, "jobs_by_status"),
    ({"collection": "large", "status": Status.FAILED}, "jobs_by_status"),
]


@pytest.mark.parametrize(("which", "index"), LISTS, ids=[", ".join(which) or "all" for which, _ in LISTS])
async def test_documents_are_listed_in_the_order_of_an_index(
    corpus: Corpus, which: dict[str, Any], index: str
) -> None:
    """From the first on, and from somewhere in the middle."""
    middle = corpus.documents["large"][1_600]
    for after in (None, middle):
        listing = partial(corpus.stores.documents.list, after=after, limit=50, **which)
        found = await corpus.indexes(listing)
        assert index in found


async def test_jobs_are_found_through_their_indexes(corpus: Corpus) -> None:
    """Those that are due, those that wait, and how much does."""
    board = corpus.stores.board
    assert len(await board.due(grace_seconds=30.0, limit=10)) == 10
    assert "jobs_waiting" in await corpus.indexes(lambda: board.due(grace_seconds=30.0, limit=10))
    assert await corpus.indexes(board.waiting) & {"jobs_waiting", "jobs_by_status"}
    assert "jobs_waiting" in await corpus.indexes(board.backlog)


async def test_a_delete_reads_what_is_the_documents(corpus: Corpus) -> None:
    """In its cascades, too."""
    stores = corpus.stores

    async def delete() -> None:
        document = corpus.documents["large"][5]
        await stores.vectors.delete(document)
        await stores.documents.delete(document)

    found = await corpus.indexes(delete)
    assert {"vectors_1_pkey", "lexical_pkey", "chunks_pkey", "pages_pkey", "jobs_document_id_key"} <= found


@pytest.mark.parametrize(
    ("scope", "dense", "words", "most"),
    [
        ("1", True, False, 260),
        ("1", True, True, 110),
        ("large", True, False, 3_000),
        ("large", False, True, 110),
        ("large", True, True, 5_200),
    ],
    ids=["document", "document, hybrid", "vectors", "words", "hybrid"],
)
async def test_a_search_touches_no_more_buffers_than_it_needs(
    corpus: Corpus, scope: str, most: int, *, dense: bool, words: bool
) -> None:
    """Of 8 kB each, whatever the machine: a row that became wide, or is read for nothing, shows here."""
    assert isinstance(corpus.stores.vectors, PgVectorStore)
    statements = corpus.stores.vectors._statements
    asked = corpus.scope(scope)
    if words:
        query, parameters = statements.candidates.choose(asked, WORDS, k=100, dense=dense)
    else:
        query, parameters = statements.nearest.choose(asked, k=10)
    if dense:
        parameters["vector"] = half_vector(VECTOR)
    async with corpus.stores.database.connection() as connection:
        explaining = b"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) " + query
        # The first time it also reads what it has to know of the tables.
        await connection.execute(explaining, parameters)
        [[[explained]]] = await (await connection.execute(explaining, parameters)).fetchall()
    plan = explained["Plan"]
    touched = plan["Shared Hit Blocks"] + plan["Shared Read Blocks"]
    assert touched <= most
