"""How well a way of cutting serves retrieval: how much of the right excerpts comes back, and how little else.

    python -m bench.chunking FOLDER [--tokens 200 ...] [--overlap 40 ...] [--context off on] [--top-k 5]
                             [--budget 4000] [--corpora NAME ...] [--vectors FOLDER]

FOLDER holds long documents (`NAME.md`) and `questions_df.csv` with `question`, `corpus_id` and `references`,
a JSON list of excerpts with `start_index` and `end_index`. Each way of cutting fills a PostgreSQL of its own,
as an ingestion would, and is asked all questions in each mode. Of the characters of the best `top-k`
passages, and of the best `budget` characters: recall is the share of the right excerpts that is among them,
precision the share of them that is right, IoU the right ones among them by all that are right or among them;
all in percent, overlapping passages counted once. `--vectors` keeps the vectors there for the next run.
"""

from __future__ import annotations

import argparse
import asyncio
import csv
import itertools
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean

import psycopg
from tests.engines import running_postgres
from tests.pgstores import PgStores, open_pg_stores

import citewell_migrations
from bench._vectors import KeptVectors
from bench.quality import submitted
from citewell.chunking import PageLayout, Passages, SentenceChunker, in_context, in_context_within
from citewell.model import Chunk, EmbeddedChunk, Mode, Page, Scope, SearchOptions
from citewell.usecases import LexicalLeg, Search
from citewell_adapters.local import LocalEmbedder
from citewell_adapters.plaintext import TextParser
from citewell_adapters.snowball import SnowballEncoder

MODES = (Mode.DENSE, Mode.LEXICAL, Mode.HYBRID)


@dataclass(frozen=True, slots=True)
class Question:
    """A question, and the places of the excerpts that answer it."""

    text: str
    document: str
    right: frozenset[int]


@dataclass(frozen=True, slots=True)
class Way:
    """A way of cutting."""

    tokens: int
    overlap: int
    context: str


@dataclass(frozen=True, slots=True)
class Grade:
    """Of one question, each from 0 to 1."""

    recall: float
    precision: float
    iou: float


def main() -> None:
    """Print a line per way of cutting and mode."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--tokens", type=int, nargs="+", default=[200])
    parser.add_argument("--overlap", type=int, nargs="+", default=[40])
    parser.add_argument("--context", nargs="+", choices=["off", "on"], default=["on"])
    parser.add_argument("--top-k", type=int, default=5)
    parser.add_argument("--budget", type=int, default=4_000)
    parser.add_argument("--corpora", nargs="*", default=[])
    parser.add_argument("--vectors", type=Path)
    asyncio.run(measure(parser.parse_args()))


async def measure(arguments: argparse.Namespace) -> None:
    """Each way of cutting in a database of its own."""
    ways = [Way(*each) for each in itertools.product(arguments.tokens, arguments.overlap, arguments.context)]
    names = arguments.corpora or sorted(path.stem for path in arguments.folder.glob("*.md"))
    questions = [each for each in read_questions(arguments.folder) if each.document in names]
    print(f"{len(questions)} questions on {', '.join(names)}")
    print(f"{'':42}| top {arguments.top_k:<16} | {arguments.budget} characters")
    print(f"tokens overlap context chunks length mode     |{2 * ' recall precision  IoU |'}")
    async with LocalEmbedder() as local:
        embedder = KeptVectors(local, arguments.vectors)
        for way in ways:
            with running_postgres() as url:
                with psycopg.connect(url, autocommit=True) as connection:
                    citewell_migrations.apply(connection)
                async with open_pg_stores(url, space=embedder.space) as stores:
                    lengths: list[int] = []
                    for name in names:
                        lengths += await publish(stores, embedder, arguments.folder / f"{name}.md", way)
                    while await stores.vectors.index(limit=256):
                        pass
                    await ask(stores, embedder, questions, way, lengths, arguments)


async def ask(
    stores: PgStores,
    embedder: KeptVectors,
    questions: Sequence[Question],
    way: Way,
    lengths: Sequence[int],
    arguments: argparse.Namespace,
) -> None:
    """All questions in each mode."""
    leg = LexicalLeg(stores.lexical, SnowballEncoder())
    search = Search(embedder=embedder, vectors=stores.vectors, documents=stores.documents, lexical=leg)
    for mode in MODES:
        best, within = [], []
        for question in questions:
            found = await search(question.text, scope=Scope(), top_k=100, options=SearchOptions(mode=mode))
            shown = [(hit.document_name.removesuffix(".md"), hit.chunk.span) for hit in found.hits]
            places = [(name, place) for name, span in shown for place in range(span.start, span.end)]
            top = sum(span.end - span.start for _, span in shown[: arguments.top_k])
            best.append(grade(places[:top], question))
            within.append(grade(places[: arguments.budget], question))
        print(
            f"{way.tokens:6} {way.overlap:7} {way.context:7} {len(lengths):6} {fmean(lengths):6.0f} {mode:8} "
            f"|{means(best)} |{means(within)} |",
            flush=True,
        )


def means(grades: Sequence[Grade]) -> str:
    """In percent."""
    recall, precision, iou = (
        100 * fmean(values)
        for values in zip(*((each.recall, each.precision, each.iou) for each in grades), strict=True)
    )
    return f"{recall:7.1f} {precision:9.1f} {iou:4.1f}"


def grade(places: Sequence[tuple[str, int]], question: Question) -> Grade:
    """How right the places are."""
    shown = set(places)
    right = {(question.document, place) for place in question.right}
    both = len(shown & right)
    return Grade(both / len(right), both / len(shown) if shown else 0.0, both / len(shown | right))


async def publish(stores: PgStores, embedder: KeptVectors, path: Path, way: Way) -> list[int]:
    """Cut, embed and analyse a document as an ingestion would; the lengths of its chunks."""
    chunks, encoder = await cut(embedder, path, way), SnowballEncoder()
    texts, terms = [chunk.text for chunk in chunks], [encoder.passage(chunk.text) for chunk in chunks]
    if way.context == "on":
        texts = [
            in_context_within(
                embedder.max_tokens,
                chunk.text,
                name=path.name,
                heading_path=chunk.heading_path,
                count_tokens=embedder.count_tokens,
            )
            for chunk in chunks
        ]
        terms = [
            encoder.passage(in_context(chunk.text, name=path.name, heading_path=chunk.heading_path))
            for chunk in chunks
        ]
    vectors = await embedder.embed(texts, role="passage")
    publication = await submitted(stores, path.name)
    embedded = [EmbeddedChunk(*each) for each in zip(chunks, vectors, terms, strict=True)]
    await stores.vectors.stage(publication, embedded)
    await stores.vectors.publish(publication)
    return [len(chunk.text) for chunk in chunks]


async def cut(embedder: KeptVectors, path: Path, way: Way) -> list[Chunk]:
    """The chunks of a document, through the parser and all that comes behind it."""
    chunker = SentenceChunker(
        max_tokens=way.tokens, overlap_tokens=way.overlap, count_tokens=embedder.count_tokens
    )
    parser, layout, passages = TextParser(), PageLayout(), Passages(chunker, embedder.count_tokens)
    media_type = parser.detect(b"", name=path.name)
    assert media_type is not None, f"{path} is no text"
    pages: list[Page] = []
    async for part in parser.parse(path, media_type=media_type):
        pages += layout.feed(part)
    pages += layout.finish()
    return [chunk for page in pages for chunk in passages.feed(page)] + passages.finish()


def read_questions(folder: Path) -> list[Question]:
    """The questions of the folder."""
    with (folder / "questions_df.csv").open(encoding="utf-8", newline="") as file:
        return [
            Question(
                row["question"],
                row["corpus_id"],
                frozenset(
                    place
                    for excerpt in json.loads(row["references"])
                    for place in range(excerpt["start_index"], excerpt["end_index"])
                ),
            )
            for row in csv.DictReader(file)
        ]


if __name__ == "__main__":
    main()
