"""Published chunks enter the index behind publications, and before too many wait."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.house import House

from citewell.memory import MemoryVectorStore
from citewell.model import Publication
from citewell.usecases import IndexChunks
from citewell.usecases.index import MAX_WAITING_CHUNKS, make_room


class LazyVectorStore(MemoryVectorStore):
    """Says that so many chunks wait for an index, and remembers what it was asked to do."""

    waiting = 0
    published = 0

    async def index(self, *, limit: int, spare: int = 0) -> int:
        moved = min(limit, self.waiting) if self.waiting > spare else 0
        self.waiting -= moved
        return moved

    async def publish(self, publication: Publication) -> None:
        await super().publish(publication)
        self.published = self.waiting


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path)


@pytest.fixture
def vectors(house: House) -> LazyVectorStore:
    house.vectors = store = LazyVectorStore(house.database, house.embedder.space)
    return store


async def test_batch_by_batch_all_waiting_chunks_are_indexed(vectors: LazyVectorStore) -> None:
    """Until the reply is 0."""
    vectors.waiting = 100
    index_chunks, moved = IndexChunks(vectors=vectors), list[int]()
    while count := await index_chunks():
        moved.append(count)
    assert sum(moved) == 100
    assert len(moved) > 2
    assert vectors.waiting == 0


@pytest.mark.parametrize("chunks", [1, 3, 1_000])
async def test_for_each_chunk_too_many_one_is_indexed_first(vectors: LazyVectorStore, chunks: int) -> None:
    """However many wait: a small document after a huge one pays for itself alone."""
    vectors.waiting = 3 * MAX_WAITING_CHUNKS
    await make_room(vectors, chunks=chunks)
    assert vectors.waiting == 3 * MAX_WAITING_CHUNKS - chunks


async def test_as_long_as_few_wait_no_publication_waits(vectors: LazyVectorStore) -> None:
    """The background has time for them."""
    vectors.waiting = MAX_WAITING_CHUNKS
    await make_room(vectors, chunks=10 * MAX_WAITING_CHUNKS)
    assert vectors.waiting == MAX_WAITING_CHUNKS


async def test_an_ingestion_makes_room_before_it_publishes(house: House, vectors: LazyVectorStore) -> None:
    """One chunk for each of its own."""
    vectors.waiting = 2 * MAX_WAITING_CHUNKS
    document, job_id = await house.uploaded_job(b"The ferry leaves at nine. It is blue and slow. " * 30)
    await house.ingest(job_id)
    chunk_count = (await house.documents.get(document.id)).chunk_count
    assert chunk_count is not None
    assert chunk_count > 5
    assert vectors.published == 2 * MAX_WAITING_CHUNKS - chunk_count
