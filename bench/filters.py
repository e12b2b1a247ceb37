"""Recall and speed of filtered searches: 100,000 chunks, as few and as many documents.

    python -m bench.filters [--chunks 100000] [--documents 100000] [--questions 200] [--database URL]

Fills a PostgreSQL of its own, or one that holds the generated collection already, and asks it with filters
that keep 50 %, 10 %, 1 % and 0.1 % of the documents, by chance, and with some that keep topics that are near
the question, or far from it. Recall is that of the ten nearest by an exact search in numpy. `vectors` is a
search for ten; `both legs` brings as many candidates of each leg as a query does by default.
"""

from __future__ import annotations

import argparse
import asyncio
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final

import numpy as np
import psycopg
from tests.engines import running_postgres
from tests.pgstores import PgStores, open_pg_stores

import citewell_migrations
from bench._generated import COLLECTION, TOPICS, Generated, generate, load, question_words
from citewell.filtering import matches, parse_filter
from citewell.model import Hit, Scope
from citewell.usecases import SearchDefaults

K: Final = 10
DEFAULTS: Final = SearchDefaults()

FILTERS: Final[dict[str, dict[str, Any] | None]] = {
    "no filter": None,
    "50 %": {"share": {"lt": 500}},
    "50 %, two conditions": {"share": {"lt": 750}, "language": {"ne": "en"}},
    "10 %": {"tenth": 3},
    "10 %, negated": {"not": {"tenth": {"gte": 1}}},
    "1 %": {"share": {"gte": 100, "lt": 110}},
    "1 %, two conditions": {"tenth": 3, "share": {"lt": 100}},
    "0.1 %": {"share": 77},
    "tags, 27 %": {"tags": {"in": ["tag1", "tag9"]}},
    "half of the topics": {"topic": {"lt": TOPICS // 2}},
    "a tenth of the topics": {"topic": {"lt": TOPICS // 10}},
}


def main() -> None:
    """Print a line for each filter."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--chunks", type=int, default=100_000)
    parser.add_argument("--documents", type=int, default=100_000)
    parser.add_argument("--dimensions", type=int, default=384)
    parser.add_argument("--questions", type=int, default=200)
    parser.add_argument("--database")
    arguments = parser.parse_args()
    generated = generate(
        chunks=arguments.chunks, documents=arguments.documents, dimensions=arguments.dimensions
    )
    with filled_database(arguments.database, generated) as url:
        asyncio.run(measure(url, generated, questions=arguments.questions))


@contextmanager
def filled_database(url: str | None, generated: Generated) -> Iterator[str]:
    """The one of this URL, or a new one with the collection in it."""
    if url is not None:
        yield url
        return
    with running_postgres() as url:
        with psycopg.connect(url, autocommit=True) as connection:
            citewell_migrations.apply(connection)
        asyncio.run(open_space(url, generated))
        load(url, generated)
        yield url


async def open_space(url: str, generated: Generated) -> None:
    """Make the table of the vectors."""
    async with open_pg_stores(url, space=generated.space):
        pass


async def measure(url: str, generated: Generated, *, questions: int) -> None:
    """Ask each question with each filter."""
    print(f"{'':24}  {'matching':>8}  {'vectors':^25}  {'both legs':^18}")
    print(f"{'':24}  {'chunks':>8}  {'recall@10':>9}  {'p50':>5} {'p95 ms':>8}  {'p50':>8} {'p95 ms':>8}")
    async with open_pg_stores(url, space=generated.space) as stores:
        for name, given in FILTERS.items():
            await measure_filter(stores, generated, name, given, questions=questions)


async def measure_filter(
    stores: PgStores, generated: Generated, name: str, given: dict[str, Any] | None, *, questions: int
) -> None:
    """Ask each question; some before, so that statements are planned."""
    condition = None if given is None else parse_filter(given)
    scope = Scope(COLLECTION, filter=condition)
    documents = range(generated.documents)
    kept = np.array([condition is None or matches(condition, generated.metadata(n)) for n in documents])
    mask = kept[np.arange(len(generated.vectors)) % generated.documents]
    # As the database rounds them; its similarity is that of what it has.
    inside = generated.vectors[mask].astype(np.float16).astype(np.float32)
    inside /= np.linalg.norm(inside, axis=1, keepdims=True)
    chance = np.random.default_rng(5)
    recalls: list[float] = []
    times: dict[str, list[float]] = {"vectors": [], "both": []}
    for number, asked in enumerate(generated.questions(questions + 12)):
        vector = asked.astype(np.float16).astype(np.float32)
        length = np.linalg.norm(vector)
        begun = time.perf_counter()
        hits = await stores.vectors.search(vector.tolist(), k=K, scope=scope)
        found = time.perf_counter()
        candidates = DEFAULTS.candidates_within(scope)
        await stores.lexical.candidates(vector.tolist(), question_words(chance), k=candidates, scope=scope)
        if number < 12:
            continue
        times["vectors"].append(1000 * (found - begun))
        times["both"].append(1000 * (time.perf_counter() - found))
        recalls.append(recall(hits, inside @ vector / length))
    columns = "  ".join(f"{np.median(each):8.2f} {np.quantile(each, 0.95):8.2f}" for each in times.values())
    print(f"{name:24}  {len(inside):8}  {np.mean(recalls):9.4f} {columns}", flush=True)


def recall(hits: Sequence[Hit], similarities: Any) -> float:
    """The share of the k nearest that was found; hits beyond the k-th by no more than rounding count."""
    expected = np.sort(similarities)[::-1][:K]
    if len(hits) != len(expected):
        raise SystemExit(f"{len(hits)} hits where there have to be {len(expected)}")
    return float(np.mean([hit.similarity >= expected[-1] - 1e-5 for hit in hits]))


if __name__ == "__main__":
    main()
