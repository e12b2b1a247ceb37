"""What an index over the signs of vectors costs and finds, beside the one over the vectors.

    python -m bench.quantization [--chunks 100000] [--questions 200] [--dimensions 384] [--database URL]

Fills a PostgreSQL of its own, or takes one on this machine that holds the generated collection already,
quantizes its space and undoes that. While both indexes are there each question is asked of both, one after
the other. Recall is that of the k nearest by an exact search in numpy; CPU is what a search costs
PostgreSQL.
"""

from __future__ import annotations

import argparse
import asyncio
import time
from dataclasses import dataclass, field
from typing import Any, Final, Self

import numpy as np
import psutil
from numpy.typing import NDArray
from tests.pgstores import rows

from bench._generated import COLLECTION, Generated, generate
from bench.filters import FILTERS, filled_database
from citewell.filtering import matches, parse_filter
from citewell.model import Scope
from citewell_adapters.pgvector import OpenedSpace, PgDatabase, PgSpaces, PgVectorStore

KEPT: Final = ("no filter", "50 %", "10 %")
KS: Final = (10, 100)
_WARM_UP: Final = 12

Floats = NDArray[np.float32]


def main() -> None:
    """Print how long each index took and how large it is, and what searches by them find."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--chunks", type=int, default=100_000)
    parser.add_argument("--dimensions", type=int, default=384)
    parser.add_argument("--questions", type=int, default=200)
    parser.add_argument("--database")
    arguments = parser.parse_args()
    generated = generate(chunks=arguments.chunks, documents=arguments.chunks, dimensions=arguments.dimensions)
    with filled_database(arguments.database, generated) as url:
        asyncio.run(measure(url, generated, questions=arguments.questions))


async def measure(url: str, generated: Generated, *, questions: int) -> None:
    """There and back."""
    asked = _Asked.of(generated, questions + _WARM_UP)
    async with (
        PgDatabase(url, max_size=3, statement_timeout_seconds=3_600) as database,
        # One connection each, so that it is known whose processor time it is.
        PgDatabase(url, max_size=1) as one,
        PgDatabase(url, max_size=1) as other,
    ):
        spaces = PgSpaces(database)
        space = await spaces.active()
        if space is None:
            raise SystemExit("the database has no active embedding space")
        [(table,)] = await rows(database, f"SELECT pg_table_size('vectors_{space.id}')")
        print(f"table of {len(generated.vectors):,} vectors: {table / 1e6:.1f} MB")
        for quantized in (True, False):
            began = time.perf_counter()

            async def compare(trial: OpenedSpace, *, began: float = began) -> bool:
                took = time.perf_counter() - began
                [(size,)] = await rows(database, f"SELECT pg_relation_size('{trial.index}')")
                kind = _kind(quantized=trial.quantized)
                print(f"index over {kind}: {size / 1e6:.1f} MB, built in {took:.1f} s", flush=True)
                if trial.quantized:
                    async with (
                        PgVectorStore(one, space.space) as by_vectors,
                        PgVectorStore(other, space.space, opened=trial) as by_signs,
                    ):
                        searches = [
                            await _Search.by(one, by_vectors, quantized=False),
                            await _Search.by(other, by_signs, quantized=True),
                        ]
                        await _ask(searches, generated, asked)
                return True

            await spaces.reindex(space.id, quantized=quantized, accept=compare)


@dataclass(frozen=True, slots=True)
class _Asked:
    """Questions, and their similarities to all vectors as the database has them."""

    questions: list[list[float]]
    similarities: Floats

    @classmethod
    def of(cls, generated: Generated, count: int) -> Self:
        asked = generated.questions(count)
        return cls(asked.tolist(), _as_stored(asked) @ _as_stored(generated.vectors).T)


@dataclass(slots=True)
class _Search:
    """Searches by one of the indexes: what they took, in milliseconds, and found."""

    store: PgVectorStore
    quantized: bool
    process: psutil.Process
    cpu: float = 0.0
    times: list[float] = field(default_factory=list)
    recalls: list[float] = field(default_factory=list)

    @classmethod
    async def by(cls, database: PgDatabase, store: PgVectorStore, *, quantized: bool) -> Self:
        [(pid,)] = await rows(database, "SELECT pg_backend_pid()")
        return cls(store, quantized, psutil.Process(pid))

    def begin(self) -> None:
        self.cpu = _cpu_seconds(self.process)
        self.times.clear()
        self.recalls.clear()

    async def ask(self, question: list[float], similarities: Floats, *, scope: Scope, k: int) -> None:
        began = time.perf_counter()
        found = await self.store.nearest(question, k=k, scope=scope, exact=False)
        self.times.append(1_000 * (time.perf_counter() - began))
        least = np.partition(similarities, -k)[-k] - 1e-5
        self.recalls.append(sum((item.similarity or -1.0) >= least for item in found.items) / k)

    def __str__(self) -> str:
        cpu = 1_000 * (_cpu_seconds(self.process) - self.cpu) / len(self.times)
        p50, p95 = np.quantile(self.times, 0.5), np.quantile(self.times, 0.95)
        columns = f"{np.mean(self.recalls):6.4f}  {p50:6.2f}  {p95:6.2f}  {cpu:6.2f}"
        return f"{_kind(quantized=self.quantized):8} {columns}"


async def _ask(searches: list[_Search], generated: Generated, asked: _Asked) -> None:
    print(f"{'filter':10} {'k':>4}  {'index of':8} recall  p50 ms  p95 ms  CPU ms")
    for name in KEPT:
        scope, kept = _scope(generated, FILTERS[name])
        for k in KS:
            for number, (question, all_of_it) in enumerate(
                zip(asked.questions, asked.similarities, strict=True)
            ):
                for search in searches:
                    if number == _WARM_UP:
                        search.begin()
                    await search.ask(question, all_of_it[kept], scope=scope, k=k)
            for search in searches:
                print(f"{name:10} {k:4}  {search}", flush=True)


def _scope(generated: Generated, given: dict[str, Any] | None) -> tuple[Scope, NDArray[np.bool_]]:
    """The scope with the filter, and which vectors are in it; each document has one."""
    condition = None if given is None else parse_filter(given)
    kept = [
        condition is None or matches(condition, generated.metadata(n)) for n in range(generated.documents)
    ]
    return Scope(COLLECTION, filter=condition), np.array(kept)


def _as_stored(vectors: Floats) -> Floats:
    """In numbers as the database has them, with length 1."""
    halves = vectors.astype(np.float16).astype(np.float32)
    scaled: Floats = halves / np.linalg.norm(halves, axis=1, keepdims=True)
    return scaled


def _cpu_seconds(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


def _kind(*, quantized: bool) -> str:
    return "signs" if quantized else "vectors"


if __name__ == "__main__":
    main()
