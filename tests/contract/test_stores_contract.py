"""Every store keeps its contract: in memory and on PostgreSQL."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from itertools import count

import pytest
import pytest_asyncio
from tests.pgstores import PgStores, cloned_database, next_revision, open_pg_stores

from citewell.errors import StaleLease
from citewell.memory import (
    MemoryContentLedger,
    MemoryDatabase,
    MemoryDocumentStore,
    MemoryJobBoard,
    MemoryJobStore,
    MemoryPageStore,
    MemoryPassageStore,
    MemoryVectorStore,
    MemoryVersionStore,
)
from citewell.memory.state import RevisionRow
from citewell.model import DEFAULT_COLLECTION, Page, Publication, RevisionId
from citewell.ports import IndexedStore, LexicalStore, PageStore, PassageStore, VectorStore, VersionStore
from citewell.testing.board import JobBoardContract
from citewell.testing.caching import VersionStoreContract
from citewell.testing.contents import ContentLedgerContract
from citewell.testing.documents import DocumentStoreContract
from citewell.testing.filters import FilterContract
from citewell.testing.jobs import JobStoreContract
from citewell.testing.lexical import LexicalStoreContract
from citewell.testing.pages import NewRevision, PageStoreContract
from citewell.testing.passages import PassageStoreContract
from citewell.testing.recall import IndexedStoreContract
from citewell.testing.stores import (
    CONTRACT_SPACE,
    Stores,
    StoresContract,
    chunk,
    claimed,
)
from citewell.testing.vectors import NewPublication, VectorStoreContract
from citewell_adapters.pgvector import PgPassageStore, PgVersionStore


def revisions_of(new_publication: NewPublication) -> NewRevision:
    async def make() -> RevisionId:
        return (await new_publication()).revision_id

    return make


class OurStoresContract(StoresContract):
    """What stores over one database can promise besides."""

    async def test_what_comes_too_late_for_a_deleted_document_is_refused(self, stores: Stores) -> None:
        """The worker has lost its job with the document, and leaves nothing behind."""
        lease = await claimed(stores, "one")
        await stores.documents.delete(lease.document_id)
        with pytest.raises(StaleLease):
            await stores.pages.add(lease.revision_id, [Page(1, 0, "one")])
        with pytest.raises(StaleLease):
            await stores.vectors.stage(lease.publication, [chunk(0)])
        assert await stores.pages.read(lease.revision_id) == []
        assert await stores.vectors.staged(lease.revision_id) is None


@pytest.fixture
def memory() -> MemoryDatabase:
    return MemoryDatabase()


@pytest.fixture
def memory_stores(memory: MemoryDatabase) -> Stores:
    return Stores(
        MemoryDocumentStore(memory),
        MemoryJobStore(memory),
        MemoryJobBoard(memory),
        MemoryContentLedger(memory),
        MemoryPageStore(memory),
        MemoryVectorStore(memory, CONTRACT_SPACE),
        memory.unit_of_work,
    )


@pytest.fixture
def memory_new_publication(memory: MemoryDatabase, memory_stores: Stores) -> NewPublication:
    contents = count()

    async def make(
        *, collection: str = DEFAULT_COLLECTION, replacing: Publication | None = None
    ) -> Publication:
        if replacing is None:
            lease = await claimed(memory_stores, f"document {next(contents)}", collection=collection)
            return lease.publication
        revision_id = RevisionId(next(memory.revision_ids))
        async with memory.tables() as tables:
            tables.revisions[revision_id] = RevisionRow(replacing.document_id, replacing.sha256, "text/plain")
        return replace(replacing, revision_id=revision_id)

    return make


class TestMemoryDocumentStore(DocumentStoreContract):
    @pytest.fixture
    def stores(self, memory_stores: Stores) -> Stores:
        return memory_stores


class TestMemoryFilters(FilterContract):
    @pytest.fixture
    def stores(self, memory_stores: Stores) -> Stores:
        return memory_stores


class TestMemoryJobStore(JobStoreContract):
    @pytest.fixture
    def stores(self, memory_stores: Stores) -> Stores:
        return memory_stores


class TestMemoryJobBoard(JobBoardContract):
    @pytest.fixture
    def stores(self, memory_stores: Stores) -> Stores:
        return memory_stores


class TestMemoryContentLedger(ContentLedgerContract):
    @pytest.fixture
    def stores(self, memory_stores: Stores) -> Stores:
        return memory_stores


class TestMemoryPageStore(PageStoreContract):
    @pytest.fixture
    def pages(self, memory_stores: Stores) -> PageStore:
        return memory_stores.pages

    @pytest.fixture
    def new_revision(self, memory_new_publication: NewPublication) -> NewRevision:
        return revisions_of(memory_new_publication)


class TestMemoryVectorStore(VectorStoreContract):
    @pytest.fixture
    def vectors(self, memory_stores: Stores) -> VectorStore:
        return memory_stores.vectors

    @pytest.fixture
    def new_publication(self, memory_new_publication: NewPublication) -> NewPublication:
        return memory_new_publication


class TestMemoryVersionStore(VersionStoreContract):
    @pytest.fixture
    def stores(self, memory_stores: Stores) -> Stores:
        return memory_stores

    @pytest.fixture
    def versions(self, memory: MemoryDatabase) -> VersionStore:
        return MemoryVersionStore(memory)

    @pytest.fixture
    def lexical(self, memory: MemoryDatabase) -> LexicalStore:
        return MemoryVectorStore(memory, CONTRACT_SPACE)


class TestMemoryStores(OurStoresContract):
    @pytest.fixture
    def stores(self, memory_stores: Stores) -> Stores:
        return memory_stores


@pytest.fixture(scope="session")
def shared_database_url(postgres_url: str, migrated_template: str) -> Iterator[str]:
    """One database for all contract tests; each empties it before it begins."""
    with cloned_database(postgres_url, template=migrated_template) as url:
        yield url


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def shared_stores(shared_database_url: str) -> AsyncIterator[PgStores]:
    async with open_pg_stores(shared_database_url) as stores:
        yield stores


@pytest_asyncio.fixture(loop_scope="session")
async def pg_stores(shared_stores: PgStores) -> PgStores:
    async with shared_stores.database.connection() as connection:
        await connection.execute("DELETE FROM documents")
        await connection.execute("DELETE FROM content_suspects")
        await connection.execute("UPDATE collections SET chunk_count = 0")
    return shared_stores


@pytest.fixture
def pg_new_publication(pg_stores: PgStores) -> NewPublication:
    contents = count()

    async def make(
        *, collection: str = DEFAULT_COLLECTION, replacing: Publication | None = None
    ) -> Publication:
        if replacing is not None:
            return replace(replacing, revision_id=await next_revision(pg_stores, replacing.document_id))
        lease = await claimed(pg_stores, f"document {next(contents)}", collection=collection)
        return lease.publication

    return make


class TestPgDocumentStore(DocumentStoreContract):
    @pytest.fixture
    def stores(self, pg_stores: PgStores) -> Stores:
        return pg_stores


class TestPgFilters(FilterContract):
    @pytest.fixture
    def stores(self, pg_stores: PgStores) -> Stores:
        return pg_stores


class TestPgJobStore(JobStoreContract):
    @pytest.fixture
    def stores(self, pg_stores: PgStores) -> Stores:
        return pg_stores


class TestPgJobBoard(JobBoardContract):
    @pytest.fixture
    def stores(self, pg_stores: Stores) -> Stores:
        return pg_stores


class TestPgContentLedger(ContentLedgerContract):
    @pytest.fixture
    def stores(self, pg_stores: Stores) -> Stores:
        return pg_stores


class TestPgPageStore(PageStoreContract):
    @pytest.fixture
    def pages(self, pg_stores: PgStores) -> PageStore:
        return pg_stores.pages

    @pytest.fixture
    def new_revision(self, pg_new_publication: NewPublication) -> NewRevision:
        return revisions_of(pg_new_publication)


class TestMemoryLexicalStore(LexicalStoreContract):
    @pytest.fixture
    def vectors(self, memory_stores: Stores) -> VectorStore:
        return memory_stores.vectors

    @pytest.fixture
    def lexical(self, memory: MemoryDatabase) -> LexicalStore:
        return MemoryVectorStore(memory, CONTRACT_SPACE)

    @pytest.fixture
    def new_publication(self, memory_new_publication: NewPublication) -> NewPublication:
        return memory_new_publication


class TestMemoryIndexedStore(IndexedStoreContract):
    @pytest.fixture
    def vectors(self, memory_stores: Stores) -> VectorStore:
        return memory_stores.vectors

    @pytest.fixture
    def indexed(self, memory: MemoryDatabase) -> IndexedStore:
        return MemoryVectorStore(memory, CONTRACT_SPACE)

    @pytest.fixture
    def new_publication(self, memory_new_publication: NewPublication) -> NewPublication:
        return memory_new_publication


class TestPgIndexedStore(IndexedStoreContract):
    @pytest.fixture
    def vectors(self, pg_stores: PgStores) -> VectorStore:
        return pg_stores.vectors

    @pytest.fixture
    def indexed(self, pg_stores: PgStores) -> IndexedStore:
        return pg_stores.lexical

    @pytest.fixture
    def new_publication(self, pg_new_publication: NewPublication) -> NewPublication:
        return pg_new_publication


class TestPgVectorStore(VectorStoreContract):
    @pytest.fixture
    def vectors(self, pg_stores: PgStores) -> VectorStore:
        return pg_stores.vectors

    @pytest.fixture
    def new_publication(self, pg_new_publication: NewPublication) -> NewPublication:
        return pg_new_publication


class TestMemoryPassageStore(PassageStoreContract):
    @pytest.fixture
    def stores(self, memory_stores: Stores) -> Stores:
        return memory_stores

    @pytest.fixture
    def passages(self, memory: MemoryDatabase) -> PassageStore:
        return MemoryPassageStore(memory)


class TestPgPassageStore(PassageStoreContract):
    @pytest.fixture
    def stores(self, pg_stores: PgStores) -> Stores:
        return pg_stores

    @pytest.fixture
    def passages(self, pg_stores: PgStores) -> PassageStore:
        return PgPassageStore(pg_stores.database)


class TestPgVersionStore(VersionStoreContract):
    @pytest.fixture
    def stores(self, pg_stores: PgStores) -> Stores:
        return pg_stores

    @pytest.fixture
    def versions(self, pg_stores: PgStores) -> VersionStore:
        return PgVersionStore(pg_stores.database)

    @pytest.fixture
    def lexical(self, pg_stores: PgStores) -> LexicalStore:
        return pg_stores.lexical


class TestPgStores(OurStoresContract):
    @pytest.fixture
    def stores(self, pg_stores: PgStores) -> Stores:
        return pg_stores


class TestPgLexicalStore(LexicalStoreContract):
    @pytest.fixture
    def vectors(self, pg_stores: PgStores) -> VectorStore:
        return pg_stores.vectors

    @pytest.fixture
    def lexical(self, pg_stores: PgStores) -> LexicalStore:
        return pg_stores.lexical

    @pytest.fixture
    def new_publication(self, pg_new_publication: NewPublication) -> NewPublication:
        return pg_new_publication
