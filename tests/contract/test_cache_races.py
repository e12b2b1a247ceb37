"""Questions by way of the cache race with replacements and deletes: no reply shows what was over before."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from tests.conftest import MigratedDatabase
from tests.pgstores import open_pg_stores

from citewell.caching import MemoryCache
from citewell.errors import DocumentNotFound
from citewell.lexical import WordEncoder
from citewell.memory import (
    MemoryContentLedger,
    MemoryDatabase,
    MemoryDocumentStore,
    MemoryJobBoard,
    MemoryJobStore,
    MemoryPageStore,
    MemoryVectorStore,
    MemoryVersionStore,
)
from citewell.model import Asked, CachedReply, DocumentId, MadeReply, Mode, Scope, SearchOptions
from citewell.ports import EmbeddingRole, VersionStore
from citewell.testing.caching import deleted, go_live
from citewell.testing.stores import CONTRACT_SPACE, Stores, chunk, claimed, unit_vector
from citewell.usecases import CacheReplies, LexicalLeg, Search
from citewell_adapters.pgvector import PgVersionStore

DOCUMENTS = 4
WRITERS = 2
READERS = 6


class OneEmbedder:
    """All texts mean the same."""

    space = CONTRACT_SPACE
    max_tokens = 100

    def count_tokens(self, text: str) -> int:
        return len(text)

    async def embed(self, texts: Sequence[str], *, role: EmbeddingRole) -> Sequence[list[float]]:
        return [unit_vector(0) for _ in texts]


@dataclass
class Race:
    """Documents whose text says which change they are of, and what has been committed of each."""

    stores: Stores
    versions: VersionStore
    numbers: random.Random
    changes: int
    change: int = 0
    committed: dict[DocumentId, int] = field(default_factory=dict)
    going: set[DocumentId] = field(default_factory=set)
    gone: set[DocumentId] = field(default_factory=set)
    replies: list[CachedReply] = field(default_factory=list)

    def __post_init__(self) -> None:
        vectors: Any = self.stores.vectors
        self.search = Search(
            embedder=OneEmbedder(),
            vectors=vectors,
            documents=self.stores.documents,
            lexical=LexicalLeg(vectors, WordEncoder()),
        )
        # Two processes that share one cache.
        shared = MemoryCache()
        self.caches = [
            CacheReplies(
                versions=self.versions,
                layers={"process": MemoryCache(), "shared": shared},
                fingerprint="",
            )
            for _ in range(2)
        ]

    async def publish(self, document_id: DocumentId | None) -> DocumentId:
        """A new document, or a new revision of this one, with chunks that say their change."""
        self.change += 1
        change = self.change
        lease = await claimed(self.stores, f"change {change}", document_id=document_id)
        encoder = WordEncoder()
        text = f"lamp {change}"
        staged = [chunk(index, text=text, vector=unit_vector(0)) for index in (0, 1)]
        await self.stores.vectors.stage(
            lease.publication,
            [replace(each, terms=encoder.passage(text)) for each in staged],
        )
        await go_live(self.stores, lease)
        self.committed[lease.document_id] = change
        return lease.document_id

    async def write(self) -> None:
        """Replace, delete and make documents of one's own."""
        mine = [await self.publish(None) for _ in range(DOCUMENTS)]
        for _ in range(self.changes):
            place = self.numbers.randrange(DOCUMENTS)
            if self.numbers.random() < 0.3:
                self.going.add(mine[place])
                await deleted(self.stores, mine[place])
                self.gone.add(mine[place])
                mine[place] = await self.publish(None)
            else:
                await self.publish(mine[place])
            await asyncio.sleep(0.001 * self.numbers.random())

    async def read(self, over: asyncio.Event) -> None:
        """Ask until the writers are done."""
        while not over.is_set():
            known = sorted(set(self.committed) - self.going)
            scope = self.numbers.choice(
                [Scope(), Scope("default"), Scope(document_ids=tuple(known[:2])), Scope("elsewhere")]
            )
            mode = self.numbers.choice(list(Mode))
            gone, committed = set(self.gone), dict(self.committed)
            try:
                reply = await self.ask(scope, mode)
            except DocumentNotFound:
                assert self.going & set(scope.document_ids or ())
                continue
            self.replies.append(reply)
            self.check(json.loads(reply.body), scope, gone=gone, committed=committed)
            await asyncio.sleep(0)

    async def ask(self, scope: Scope, mode: Mode) -> CachedReply:
        options = SearchOptions(mode=mode, collapse=False)
        cache = self.numbers.choice(self.caches)
        return await cache(Asked("lamp", scope, 100, options), lambda: self.make(scope, options))

    async def make(self, scope: Scope, options: SearchOptions) -> MadeReply:
        found = await self.found(scope, options)
        body = json.dumps(found).encode()
        return MadeReply(body, body, len(found))

    async def found(self, scope: Scope, options: SearchOptions) -> list[list[str]]:
        found = await self.search("lamp", scope=scope, top_k=100, options=options)
        return sorted([str(hit.document_id), hit.chunk.text] for hit in found.hits)

    def check(
        self,
        found: list[list[str]],
        scope: Scope,
        *,
        gone: set[DocumentId],
        committed: dict[DocumentId, int],
    ) -> None:
        """Nothing that was deleted or replaced when the question came; all that was there."""
        shown: dict[str, set[int]] = {}
        for name, text in found:
            shown.setdefault(name, set()).add(int(text.removeprefix("lamp ")))
        assert not {str(document_id) for document_id in gone} & set(shown)
        for changes in shown.values():
            assert len(changes) == 1, "a document of two moments"
        for document_id, change in committed.items():
            if str(document_id) in shown:
                assert min(shown[str(document_id)]) >= change, "a text that had been replaced"
            elif scope.collection != "elsewhere" and scope.document_ids is None:
                # Left out can only be what was deleted meanwhile.
                assert document_id in self.going


@pytest.mark.parametrize("seed", range(3))
async def test_in_memory_no_reply_is_stale(seed: int) -> None:
    """A reply that began after a commit never shows the former state."""
    database = MemoryDatabase()
    stores = Stores(
        MemoryDocumentStore(database),
        MemoryJobStore(database),
        MemoryJobBoard(database),
        MemoryContentLedger(database),
        MemoryPageStore(database),
        MemoryVectorStore(database, CONTRACT_SPACE),
        database.unit_of_work,
    )
    await run(Race(stores, MemoryVersionStore(database), random.Random(seed), changes=40))


async def test_on_postgresql_no_reply_is_stale(migrated_database: MigratedDatabase) -> None:
    """A reply that began after a commit never shows the former state."""
    async with open_pg_stores(await migrated_database()) as stores:
        await run(Race(stores, PgVersionStore(stores.database), random.Random(7), changes=15))


async def run(race: Race) -> None:
    """All at once; then what is kept is what a search finds."""
    over = asyncio.Event()
    readers = [asyncio.create_task(race.read(over)) for _ in range(READERS)]
    await asyncio.gather(*(race.write() for _ in range(WRITERS)))
    over.set()
    await asyncio.gather(*readers)
    for _ in range(2):
        for mode in Mode:
            reply = await race.ask(Scope(), mode)
            assert json.loads(reply.body) == await race.found(
                Scope(), SearchOptions(mode=mode, collapse=False)
            )
    assert any(reply.layer == "process" for reply in race.replies)
    assert any(reply.layer is None for reply in race.replies)
