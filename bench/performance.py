"""How fast it is, and how near to what its parts can do: `make bench`.

    python -m bench.performance [--quick] [--rounds 5] [--seconds 2] [--chunks 20000] [--embedder mock|local]
        [--json FILE]

Starts `citewell serve` of its own, twice: with 250 documents of 80 chunks of 1,536 dimensions, and with a
collection of 20,000 chunks of 384. All is generated and seeded; the embedder is the mock one. Prints medians
over the rounds, and writes all values to a file from which `python -m bench.report FILE` makes the tables and
the plot of docs/performance.md. Beside each figure stands its ceiling: what the part that does the work can
do alone, measured right after it. `--embedder local` also measures the ingestion with the packaged model.
`--quick` is a try with little data.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import httpx
from tests.e2e.serving import Service

from bench._corpus import QUESTION, fill, question
from bench._figures import BenchResult, Figure, QueryFigure, command_of, now, this_machine, write_result
from bench._ingesting import Ingestion, measure_ingestion
from bench._queries import Asking, Question, Say, measure_queries, warm_up
from bench._service import api_memory, help_figure, later_starts, memory_figures, timed_start
from bench._tables import bench_tables
from citewell.model import DocumentId
from citewell_adapters.mock import MockEmbedder
from citewell_entrypoints.supervisor.postgres import PostgresServer

WIDE: Final = 1_536
NARROW: Final = 384
CHUNKS_A_DOCUMENT: Final = 80
_RESULTS: Final = Path(".citewell/bench/bench.json")


@dataclass(frozen=True, slots=True)
class Plan:
    """How much of what. seconds: of each measurement of queries."""

    rounds: int = 5
    seconds: float = 2.0
    clients: Sequence[int] = (1, 10, 50)
    wide_chunks: int = 20_000
    chunks: int = 20_000
    pages: int = 300
    embedder: str = "mock"

    @property
    def asking(self) -> Asking:
        """How each question is asked."""
        return Asking(self.rounds, self.seconds, self.clients)


QUICK: Final = Plan(rounds=1, seconds=0.5, wide_chunks=2_400, chunks=2_400, pages=40)


def main() -> None:
    """Print the figures, and write them down."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--rounds", type=int)
    parser.add_argument("--seconds", type=float)
    parser.add_argument("--chunks", type=int)
    parser.add_argument("--embedder", choices=("mock", "local"), default="mock")
    parser.add_argument("--json", type=Path, default=_RESULTS)
    arguments = parser.parse_args()
    usual = QUICK if arguments.quick else Plan()
    plan = Plan(
        rounds=arguments.rounds or usual.rounds,
        seconds=arguments.seconds or usual.seconds,
        wide_chunks=usual.wide_chunks,
        chunks=arguments.chunks or usual.chunks,
        pages=usual.pages,
        embedder=arguments.embedder,
    )
    with tempfile.TemporaryDirectory(prefix="citewell-bench-") as scratch:
        result = measure(plan, Path(scratch), say=lambda line: print(line, file=sys.stderr, flush=True))
    write_result(result, arguments.json)
    print(bench_tables(result))
    print(f"\nwritten to {arguments.json}; `python -m bench.report {arguments.json}` puts it into the docs")


def measure(plan: Plan, scratch: Path, *, say: Say) -> BenchResult:
    """All of it."""
    machine = this_machine()
    starts: list[float] = []
    queries = within_documents(plan, scratch / "wide", starts, say=say)
    narrow = scratch / "narrow"
    found, figures = within_collection(plan, narrow, starts, say=say)
    say("starting again and again")
    figures += [
        Figure("first start, until `/readyz` is 200", "s", starts),
        later_starts(narrow, rounds=plan.rounds, APP_EMBEDDINGS_DIM=str(NARROW)),
        help_figure(),
    ]
    if plan.embedder == "local":
        figures += local_ingestion(plan, scratch / "local", say=say)
    return BenchResult(
        at=now(),
        machine=machine,
        command=command_of("bench.performance", sys.argv[1:]),
        rounds=plan.rounds,
        seconds=plan.seconds,
        queries=[*queries, *found],
        figures=figures,
    )


def within_documents(plan: Plan, folder: Path, starts: list[float], *, say: Say) -> list[QueryFigure]:
    """Questions to one of many documents."""
    with timed_start(folder, starts, APP_EMBEDDINGS_DIM=str(WIDE)) as service:
        say("loading the documents")
        ids = loaded(service, WIDE, chunks=plan.wide_chunks)
        within = {"document_id": str(ids[len(ids) // 2]), "question": QUESTION, "mode": "dense"}
        asked = [
            Question("one document, dense", within),
            Question("one document, dense, asked before", within, kept=True),
        ]
        warm_up(service, asked)
        return measure_queries(service, asked, plan.asking, say=say)


def within_collection(
    plan: Plan, folder: Path, starts: list[float], *, say: Say
) -> tuple[list[QueryFigure], list[Figure]]:
    """Questions to a collection; before them ingestion, after them memory."""
    with timed_start(folder, starts, APP_EMBEDDINGS_DIM=str(NARROW)) as service:
        with httpx.Client(base_url=service.url, timeout=600) as client:
            ingestion = Ingestion("mock", NARROW, plan.pages, plan.rounds)
            figures = measure_ingestion(client, folder, ingestion, say=say)
        say("loading the collection")
        loaded(service, NARROW, chunks=plan.chunks)
        size = f"{plan.chunks:,} chunks"
        words = question()
        dense = {"question": words, "mode": "dense"}
        asked = [
            Question(f"{size}, dense", dense),
            Question(f"{size}, dense, a filter keeps a tenth", {**dense, "filter": {"tenth": 3}}),
            Question(f"{size}, hybrid", {"question": words}),
        ]
        warm_up(service, asked)
        before = api_memory(service)
        queries = measure_queries(service, asked, plan.asking, say=say)
        memory = [*memory_figures(service), growth(service, queries, before, seconds=plan.seconds)]
        return queries, [*figures, *memory]


def loaded(service: Service, dimensions: int, *, chunks: int) -> list[DocumentId]:
    """The ids of the documents that are in it now."""
    url = PostgresServer(service.data_dir).url
    space = MockEmbedder(dimensions=dimensions).space
    return asyncio.run(fill(url, space, count=chunks // CHUNKS_A_DOCUMENT, chunks=CHUNKS_A_DOCUMENT))


def local_ingestion(plan: Plan, folder: Path, *, say: Say) -> list[Figure]:
    """With the packaged model."""
    with (
        timed_start(folder, [], APP_EMBEDDINGS_BACKEND="local", APP_EMBEDDINGS_DIM="") as service,
        httpx.Client(base_url=service.url, timeout=600) as client,
    ):
        ingestion = Ingestion("local", NARROW, max(plan.pages // 4, 20), plan.rounds)
        return measure_ingestion(client, folder, ingestion, say=say)


def growth(service: Service, queries: Sequence[QueryFigure], before: float, *, seconds: float) -> Figure:
    """before: the API's memory when it had answered a few questions."""
    asked = sum(seconds * sum(figure.per_second) for figure in queries)
    return Figure(
        f"memory of an API process after {asked:,.0f} questions, over after the first",
        "×",
        [api_memory(service) / before],
    )


if __name__ == "__main__":
    main()
