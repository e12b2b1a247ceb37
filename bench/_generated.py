"""A large generated collection in PostgreSQL, as ingestion would leave it, but loaded quickly.

Vectors lie around subtopics of topics, as those of texts do; words follow Zipf's law. The index is built at
the end.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import psycopg
from numpy.typing import NDArray
from psycopg.types.numeric import Int4, Int8
from uuid_utils.compat import uuid7

from citewell.lexical import TERM_SPACE, term_weights
from citewell.model import EmbeddingSpace
from citewell_adapters.pgvector.halfvec import HalfVector, HalfVectorBinaryDumper

__all__ = [
    "COLLECTION",
    "SUBTOPICS",
    "TOPICS",
    "Generated",
    "Vectors",
    "generate",
    "load",
    "noise",
    "question_words",
    "unit",
]

COLLECTION: Final = "generated"
TOPICS: Final = 50
SUBTOPICS: Final = 20
_VOCABULARY: Final = 30_000
_WORDS_A_CHUNK: Final = 40

_COPY_CHUNKS: Final = """
COPY chunks (revision_id, chunk_index, span_start, span_end, first_page, last_page, token_count, heading_path,
    text) FROM STDIN
"""

Vectors = NDArray[np.float32]


@dataclass(frozen=True)
class Generated:
    """Chunk n is one of document n % documents; its vector is around topic n % documents % TOPICS."""

    space: EmbeddingSpace
    documents: int
    vectors: Vectors

    def metadata(self, document: int) -> dict[str, Any]:
        """Numbers by which a filter keeps a known share of the documents."""
        mixed = document * 7919 % 1_000_003
        return {
            "tenth": mixed % 10,
            "share": mixed % 1_000,
            "topic": document % TOPICS,
            "language": ["en", "de", "fr", "it"][mixed % 4],
            "tags": [f"tag{mixed % 7}", f"tag{mixed % 11}"],
        }

    def questions(self, count: int, *, seed: int = 1) -> Vectors:
        """Vectors near some of the chunks'."""
        chance = np.random.default_rng(seed)
        near = self.vectors[chance.choice(len(self.vectors), size=count, replace=False)]
        return unit(near + 0.7 * noise(chance, count, self.space.dimensions))


def generate(*, chunks: int, documents: int, dimensions: int, seed: int = 0) -> Generated:
    """The same for the same numbers."""
    chance = np.random.default_rng(seed)
    topics = noise(chance, TOPICS, dimensions)
    subtopics = noise(chance, TOPICS * SUBTOPICS, dimensions)
    topic = np.arange(chunks) % documents % TOPICS
    subtopic = topic * SUBTOPICS + chance.integers(SUBTOPICS, size=chunks)
    points = topics[topic] + 0.7 * subtopics[subtopic] + 0.7 * noise(chance, chunks, dimensions)
    return Generated(EmbeddingSpace("generated", dimensions), documents, unit(points))


def question_words(chance: np.random.Generator) -> list[list[int]]:
    """Four words, common and rare ones."""
    return [[int(word)] for word in dict.fromkeys(_words(chance, 4))]


def load(url: str, generated: Generated) -> None:
    """Fill a migrated database in which the space was opened."""
    with psycopg.connect(url) as connection:
        connection.adapters.register_dumper(HalfVector, HalfVectorBinaryDumper)
        connection.execute("SET maintenance_work_mem = '1GB'")
        index = _one(connection, "SELECT pg_get_indexdef('vectors_1_hnsw'::regclass)")
        connection.execute("DROP INDEX vectors_1_hnsw")
        collection = _one(
            connection,
            f"INSERT INTO collections (name, chunk_count) VALUES ('{COLLECTION}', {len(generated.vectors)}) "  # noqa: S608
            "RETURNING id",
        )
        _load_documents(connection, generated, collection)
        _load_chunks(connection, generated, collection)
        connection.execute(index)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("VACUUM ANALYZE")


def _load_documents(connection: psycopg.Connection[Any], generated: Generated, collection: int) -> None:
    ids = [uuid7() for _ in range(generated.documents)]
    statement = "COPY documents (id, collection_id, name, metadata) FROM STDIN"
    with connection.cursor().copy(statement) as copy:
        for number, document_id in enumerate(ids):
            metadata = json.dumps(generated.metadata(number))
            copy.write_row((document_id, collection, f"document {number}", metadata))
    connection.execute(
        """
        INSERT INTO revisions (document_id, sha256, size_bytes, media_type, name, metadata)
        SELECT id, sha256(id::text::bytea), 1, 'text/plain', name, metadata FROM documents ORDER BY id
        """
    )
    connection.execute(
        "UPDATE documents AS d SET live_revision_id = r.id FROM revisions AS r WHERE r.document_id = d.id"
    )


def _load_chunks(connection: psycopg.Connection[Any], generated: Generated, collection: int) -> None:
    live = connection.execute("SELECT id, live_revision_id FROM documents ORDER BY id").fetchall()
    places = [(*live[n % len(live)], n // len(live)) for n in range(len(generated.vectors))]
    with connection.cursor().copy(
        "COPY vectors_1 (collection_id, document_id, revision_id, chunk_index, embedding) "
        "FROM STDIN (FORMAT BINARY)"
    ) as copy:
        halves = generated.vectors.astype(np.float16)
        for (document_id, revision_id, number), vector in zip(places, halves, strict=True):
            copy.write_row(
                (Int4(collection), document_id, Int8(revision_id), Int4(number), HalfVector(vector.tolist()))
            )
    with connection.cursor().copy(_COPY_CHUNKS) as copy:
        for _, revision_id, number in places:
            text = f"passage {number}"
            copy.write_row((revision_id, number, 100 * number, 100 * number + 9, 1, 1, 2, [], text))
    chance = np.random.default_rng(2)
    with connection.cursor().copy(
        "COPY lexical (collection_id, document_id, revision_id, chunk_index, terms, weights) FROM STDIN"
    ) as copy:
        for document_id, revision_id, number in places:
            terms = Counter(_words(chance, _WORDS_A_CHUNK))
            weights = ",".join(f"{term + 1}:{w:.7g}" for term, w in sorted(term_weights(terms).items()))
            place = (collection, document_id, revision_id, number)
            copy.write_row((*place, [-collection, *sorted(terms)], f"{{{weights}}}/{TERM_SPACE}"))


def _words(chance: np.random.Generator, count: int) -> list[int]:
    """Word n occurs about 1 / n times as often as the first."""
    drawn = np.exp(chance.random(count) * math.log(_VOCABULARY))
    return [int(word) for word in drawn]


def noise(chance: np.random.Generator, count: int, dimensions: int) -> Vectors:
    """So many vectors of about unit length, in all directions alike."""
    return (chance.standard_normal((count, dimensions)) / math.sqrt(dimensions)).astype(np.float32)


def unit(vectors: NDArray[Any]) -> Vectors:
    """Each of them with length 1."""
    scaled: Vectors = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
    return scaled


def _one(connection: psycopg.Connection[Any], query: str) -> Any:
    row = connection.execute(query.encode()).fetchone()
    assert row is not None
    return row[0]
