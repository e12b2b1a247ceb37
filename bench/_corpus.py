"""A collection of generated texts with the mock embedder's vectors and the words as ingestion has them.

Everything goes through the stores' own staging, publication and indexing; only the index over the vectors is
taken away for as long, and built over all of them at the end.
"""

from __future__ import annotations

import random
import sys
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Final

import psutil
import psycopg
from tests.pgstores import PgStores, open_pg_stores

from citewell.model import Chunk, DocumentId, EmbeddedChunk, EmbeddingSpace, Span, Submission, Vector
from citewell_adapters.mock import MockEmbedder
from citewell_adapters.snowball import SnowballEncoder

__all__ = [
    "QUESTION",
    "NewDocument",
    "add_document",
    "fill",
    "index_all",
    "passage",
    "question",
    "texts",
    "without_index",
]

#: For a single document, whose passages are read whatever is asked.
QUESTION: Final = "What is this document about?"

_SYLLABLES: Final = "ba ce di fo gu ha je ki lo mu na pe ri so tu va we xi yo za bre cla dro fle gri".split()  # noqa: SIM905
_VOCABULARY: Final = 5_000
_WORDS_A_PASSAGE: Final = 110
#: So many are moved into the table of vectors at once.
_BATCH: Final = 5_000
#: Of a chunk in HNSW's graph, besides its vector.
_GRAPH_BYTES: Final = 1_000
_LEAST_MEGABYTES: Final = 192


@dataclass(frozen=True, slots=True)
class NewDocument:
    """What ingestion would have made of an upload."""

    name: str
    metadata: dict[str, Any]
    chunks: Sequence[EmbeddedChunk]


def texts(documents: int, chunks: int, *, seed: int = 0) -> Iterator[list[str]]:
    """The passages of each document, of some 750 characters: words by Zipf's law, some of them of its own."""
    chance = random.Random(seed)
    words = sorted(
        {"".join(chance.choices(_SYLLABLES, k=chance.randint(2, 4))) for _ in range(3 * _VOCABULARY)}
    )
    chance.shuffle(words)
    frequent = [1 / rank for rank in range(1, _VOCABULARY + 1)]
    for _ in range(documents):
        own = chance.sample(words[200:_VOCABULARY], 20)
        yield [
            " ".join(
                chance.choices(words[:_VOCABULARY], frequent, k=_WORDS_A_PASSAGE - 10)
                + chance.choices(own, k=10)
            )
            for _ in range(chunks)
        ]


def question() -> str:
    """Six words of the first document, two of them frequent ones."""
    words = next(texts(1, 1))[0].split()
    return " ".join(words[:2] + words[-4:])


async def documents(space: EmbeddingSpace, *, count: int, chunks: int) -> AsyncIterator[NewDocument]:
    """So many of so many chunks, the same each time. `tenth` is by chance, as a filter may ask for it."""
    embedder, encoder = MockEmbedder(dimensions=space.dimensions), SnowballEncoder()
    for number, passages in enumerate(texts(count, chunks)):
        vectors = await embedder.embed(passages, role="passage")
        made = [
            EmbeddedChunk(_chunk(index, text), vector, encoder.passage(text))
            for index, (text, vector) in enumerate(zip(passages, vectors, strict=True))
        ]
        yield NewDocument(f"document-{number}.txt", {"tenth": number * 7919 % 1_000_003 % 10}, made)


def passage(index: int, vector: Vector) -> EmbeddedChunk:
    """A chunk that is there for its vector."""
    return EmbeddedChunk(_chunk(index, f"passage {index}"), vector, {})


def _chunk(index: int, text: str) -> Chunk:
    return Chunk(index, Span(index * 1_000, index * 1_000 + len(text)), text, 1, 1, (), _WORDS_A_PASSAGE)


async def fill(url: str, space: EmbeddingSpace, *, count: int, chunks: int) -> list[DocumentId]:
    """Load the generated documents into a migrated database; their ids."""
    async with open_pg_stores(url, space=space, statement_timeout_seconds=600) as stores:
        with without_index(url, chunks=count * chunks, dimensions=space.dimensions):
            ids = []
            waiting = 0
            async for document in documents(space, count=count, chunks=chunks):
                ids.append(await add_document(stores, document))
                waiting += len(document.chunks)
                if waiting >= _BATCH:
                    await index_all(stores)
                    waiting = 0
            await index_all(stores)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("VACUUM ANALYZE")
    return ids


async def add_document(stores: PgStores, document: NewDocument, *, collection: str = "default") -> DocumentId:
    """Stage and publish it, as a worker does at the end of an ingestion."""
    content = document.name.encode()
    submitted = await stores.documents.submit(
        Submission(
            name=document.name,
            collection=collection,
            media_type="text/plain",
            sha256=sha256(content).hexdigest(),
            size_bytes=len(content),
            metadata=document.metadata,
        )
    )
    assert submitted.job_id is not None
    lease = await stores.jobs.claim(submitted.job_id, lease_seconds=300)
    assert lease is not None
    await stores.vectors.stage(lease.publication, document.chunks)
    async with stores.unit_of_work():
        await stores.vectors.publish(lease.publication)
        await stores.jobs.complete(lease, page_count=1, chunk_count=len(document.chunks))
    return lease.document_id


async def index_all(stores: PgStores) -> None:
    """Move what waits to where searches look first."""
    while await stores.lexical.index(limit=_BATCH):
        pass


@contextmanager
def without_index(url: str, *, chunks: int, dimensions: int) -> Iterator[None]:
    """Takes away the index over the vectors, and builds it over all at the end: then there are `chunks`."""
    with psycopg.connect(url, autocommit=True) as connection:
        found = connection.execute(
            "SELECT indexname, indexdef FROM pg_indexes "
            "WHERE tablename ~ '^vectors_[0-9]+$' AND indexdef ~ ' hnsw '"
        ).fetchall()
        [(name, definition)] = found
        connection.execute(f"DROP INDEX {name}".encode())
        try:
            yield
        finally:
            # Tells if the memory did not do: from there on it would be slow.
            connection.add_notice_handler(lambda told: print(told.message_primary, file=sys.stderr))
            memory = _index_megabytes(chunks, dimensions)
            connection.execute(f"SET maintenance_work_mem = '{memory}MB'".encode())
            connection.execute(str(definition).encode())


def _index_megabytes(chunks: int, dimensions: int) -> int:
    """What a graph of so many takes while it is built, with a third more, as far as it is free."""
    needed = chunks * (2 * dimensions + _GRAPH_BYTES) * 4 // 3
    free: int = psutil.virtual_memory().available // 2
    return max(_LEAST_MEGABYTES, min(needed, free) // 1_048_576)
