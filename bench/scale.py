"""From ten thousand chunks to a million: `make bench-scale`.

    python -m bench.scale [--chunks 1000000] [--questions 200] [--dimensions 384] [--json FILE]

Fills a PostgreSQL of its own through the stores, in steps of 10,000, 100,000 and so on up to `--chunks`, with
vectors around 1,000 subtopics. At each step nearly all chunks come in without the index over the vectors,
which is then built over all, as for a bulk load; the last thousand are staged, published and moved into the
index as ingestion does. Then one client asks, as the service is set and by other sizes of HNSW's view:
recall is that of the ten nearest by an exact search in numpy. Prints a row a step, and writes them to a file
from which `python -m bench.report FILE` makes the tables and the plot of docs/performance.md.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self

import numpy as np
import psycopg
from numpy.typing import NDArray
from tests.engines import running_postgres
from tests.pgstores import PgStores, open_pg_stores

import citewell_migrations
from bench._clusters import Clusters
from bench._corpus import NewDocument, add_document, index_all, passage, without_index
from bench._figures import (
    EfPoint,
    ScaleResult,
    ScaleStep,
    command_of,
    now,
    percentile,
    this_machine,
    write_result,
)
from bench._tables import scale_table
from citewell.model import DEFAULT_COLLECTION, EmbeddingSpace, Hit, Scope

K: Final = 10
_FIRST_STEP: Final = 10_000
_CHUNKS_A_DOCUMENT: Final = 500
#: Of each step, inserted while the index is there.
_INSERTED: Final = 1_000
_WARM_UP: Final = 20
_EFS: Final = (40, 64, 100, 200, 400)
_DOCUMENTS_A_BATCH: Final = 20
_RESULTS: Final = Path(".citewell/bench/scale.json")

Halves = NDArray[np.float16]


def main() -> None:
    """Print the steps, and write them down."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--chunks", type=int, default=1_000_000)
    parser.add_argument("--questions", type=int, default=200)
    parser.add_argument("--dimensions", type=int, default=384)
    parser.add_argument("--json", type=Path, default=_RESULTS)
    arguments = parser.parse_args()
    machine = this_machine()
    steps = asyncio.run(
        measure(arguments.chunks, questions=arguments.questions, dimensions=arguments.dimensions)
    )
    result = ScaleResult(
        at=now(),
        machine=machine,
        command=command_of("bench.scale", sys.argv[1:]),
        dimensions=arguments.dimensions,
        questions=arguments.questions,
        steps=steps,
    )
    write_result(result, arguments.json)
    print(scale_table(result))
    print(f"\nwritten to {arguments.json}; `python -m bench.report {arguments.json}` puts it into the docs")


def steps_to(chunks: int) -> list[int]:
    """Powers of ten below, and the whole; each a multiple of a document's chunks."""
    sizes = [size for size in (_FIRST_STEP * 10**n for n in range(9)) if size < chunks]
    whole = -(-max(chunks, 2 * _INSERTED) // _CHUNKS_A_DOCUMENT) * _CHUNKS_A_DOCUMENT
    return [*sizes, whole]


async def measure(chunks: int, *, questions: int, dimensions: int) -> list[ScaleStep]:
    """Each step stands on the one before."""
    clusters = Clusters(dimensions)
    space = EmbeddingSpace("generated", dimensions)
    held: list[Halves] = []
    steps: list[ScaleStep] = []
    with running_postgres() as url:
        with psycopg.connect(url, autocommit=True) as connection:
            citewell_migrations.apply(connection)
        async with open_pg_stores(url, space=space, statement_timeout_seconds=3_600) as stores:
            for size in steps_to(chunks):
                say(f"{size:,} chunks")
                step = await _step(stores, url, clusters, held, size=size, questions=questions)
                say(f"{step}")
                steps.append(step)
    return steps


async def _step(
    stores: PgStores, url: str, clusters: Clusters, held: list[Halves], *, size: int, questions: int
) -> ScaleStep:
    present = sum(map(len, held))
    blocks = (size - present) // _CHUNKS_A_DOCUMENT
    live = _INSERTED // _CHUNKS_A_DOCUMENT
    began = time.perf_counter()
    with without_index(url, chunks=size, dimensions=clusters.dimensions):
        for number in range(blocks - live):
            await _add(stores, clusters, held)
            if number % _DOCUMENTS_A_BATCH == 0:
                await index_all(stores)
        await index_all(stores)
        loaded = time.perf_counter()
    built = time.perf_counter()
    for _ in range(live):
        await _add(stores, clusters, held)
    await index_all(stores)
    inserted = time.perf_counter()
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("VACUUM ANALYZE")
        table, index = _sizes(connection)
    asked = _Asked.of(clusters, held, questions=questions)
    times, recall = await _ask(stores, asked)
    return ScaleStep(
        chunks=size,
        loaded=(blocks - live) * _CHUNKS_A_DOCUMENT / (loaded - began),
        build=built - loaded,
        table=table / 1e6,
        index=index / 1e6,
        inserts=_INSERTED / (inserted - built),
        p50=percentile(times, 0.50),
        p95=percentile(times, 0.95),
        recall=recall,
        curve=[await _point(url, asked, ef=ef) for ef in _EFS],
    )


async def _add(stores: PgStores, clusters: Clusters, held: list[Halves]) -> None:
    """One document more."""
    vectors = clusters.vectors(len(held), _CHUNKS_A_DOCUMENT).astype(np.float16)
    chunks = [passage(index, vector.tolist()) for index, vector in enumerate(vectors)]
    await add_document(stores, NewDocument(f"document-{len(held)}.txt", {}, chunks))
    held.append(vectors)


@dataclass(frozen=True, slots=True)
class _Asked:
    """Questions, and for each the similarity of the tenth of all chunks."""

    vectors: NDArray[np.float32]
    least: NDArray[np.float32]

    @classmethod
    def of(cls, clusters: Clusters, held: list[Halves], *, questions: int) -> Self:
        vectors = clusters.questions(held, questions + _WARM_UP).astype(np.float16).astype(np.float32)
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        return cls(vectors, _tenth_best(held, vectors))


async def _point(url: str, asked: _Asked, *, ef: int) -> EfPoint:
    space = EmbeddingSpace("generated", asked.vectors.shape[1])
    async with open_pg_stores(url, space=space, search_ef=ef) as stores:
        times, recall = await _ask(stores, asked)
    return EfPoint(ef, percentile(times, 0.50), percentile(times, 0.95), recall)


async def _ask(stores: PgStores, asked: _Asked) -> tuple[list[float], float]:
    """Milliseconds of each search, and the mean recall."""
    times: list[float] = []
    recalls: list[float] = []
    for vector, expected in zip(asked.vectors.tolist(), asked.least, strict=True):
        began = time.perf_counter()
        hits = await stores.vectors.search(vector, k=K, scope=Scope(DEFAULT_COLLECTION))
        times.append(1_000 * (time.perf_counter() - began))
        recalls.append(_recall(hits, expected))
    return times[_WARM_UP:], float(np.mean(recalls[_WARM_UP:]))


def _tenth_best(held: list[Halves], asked: NDArray[np.float32]) -> NDArray[np.float32]:
    """For each question the similarity of the tenth of all chunks, in numbers as the database has them."""
    best = np.full((len(asked), K), -1.0, dtype=np.float32)
    for block in _blocks(held):
        block /= np.linalg.norm(block, axis=1, keepdims=True)
        found = np.concatenate([best, asked @ block.T], axis=1)
        best = np.partition(found, -K, axis=1)[:, -K:]
    least: NDArray[np.float32] = best.min(axis=1)
    return least


def _blocks(held: list[Halves]) -> Iterator[NDArray[np.float32]]:
    for start in range(0, len(held), _DOCUMENTS_A_BATCH):
        yield np.concatenate(held[start : start + _DOCUMENTS_A_BATCH]).astype(np.float32)


def _recall(hits: Any, least: float) -> float:
    """The share of the ten nearest that was found; hits beyond the tenth by no more than rounding count."""
    found: list[Hit] = list(hits)
    return sum(hit.similarity >= least - 1e-5 for hit in found) / K


def _sizes(connection: psycopg.Connection[Any]) -> tuple[int, int]:
    """Bytes of the table of vectors, and of the index over them."""
    row = connection.execute(
        "SELECT pg_table_size(tablename::regclass), pg_relation_size(indexname::regclass) FROM pg_indexes "
        "WHERE tablename ~ '^vectors_[0-9]+$' AND indexdef ~ ' hnsw '"
    ).fetchone()
    assert row is not None
    return int(row[0]), int(row[1])


def say(line: str) -> None:
    """Tell what is going on."""
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
