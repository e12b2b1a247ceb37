"""How good the ranking is, by mode: collections with judgements, through the stores of the service.

    python -m bench.quality FOLDER [NAME ...] [--vectors FOLDER] [--vector-weight 0.4] [--rerank-depth 20]

FOLDER holds collections in BEIR form (`NAME/corpus.jsonl`, `queries.jsonl`, `qrels.tsv`). Each is cut by the
chunker, embedded by the `local` embedder, analysed and published in a PostgreSQL of its own, and asked by the
search of the service; the best chunk of a document counts for it. Printed are nDCG@10 and recall@100 in
percent, and the milliseconds of a question. `--vectors` keeps the vectors there for the next run.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from math import log2
from pathlib import Path
from statistics import fmean

import psycopg
from tests.engines import running_postgres
from tests.pgstores import PgStores, open_pg_stores

import citewell_migrations
from bench._vectors import KeptVectors
from citewell.chunking import ChunkSizes, SentenceChunker, in_context, in_context_within
from citewell.model import (
    Chunk,
    DocumentId,
    EmbeddedChunk,
    Fusion,
    Mode,
    Publication,
    Scope,
    SearchOptions,
    Submission,
)
from citewell.ports import Embedder
from citewell.ranking import HeuristicReranker
from citewell.usecases import LexicalLeg, RerankStage, Search
from citewell_adapters.local import LocalEmbedder
from citewell_adapters.snowball import SnowballEncoder

MODES = {
    "dense": SearchOptions(mode=Mode.DENSE),
    "lexical": SearchOptions(mode=Mode.LEXICAL),
    "rrf": SearchOptions(fusion=Fusion.RRF, vector_weight=0.5),
    "hybrid": SearchOptions(rerank=False),
    "reranked": SearchOptions(),
}


@dataclass(frozen=True, slots=True)
class Collection:
    """Texts, their titles and questions by id; for each question how relevant which texts are."""

    name: str
    texts: Mapping[str, str]
    headings: Mapping[str, tuple[str, ...]]
    questions: Mapping[str, str]
    relevance: Mapping[str, Mapping[str, int]]


def main() -> None:
    """Print a line per collection and mode."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("names", nargs="*")
    parser.add_argument("--vectors", type=Path)
    parser.add_argument("--vector-weight", type=float)
    parser.add_argument("--rerank-depth", type=int, default=20)
    arguments = parser.parse_args()
    folders = [path.parent for path in sorted(arguments.folder.glob("*/qrels.tsv"))]
    print(f"{'collection':14} {'mode':8} nDCG@10  recall@100  ms", flush=True)
    for folder in folders:
        if not arguments.names or folder.name in arguments.names:
            asyncio.run(measure(read(folder), arguments))


async def measure(collection: Collection, arguments: argparse.Namespace) -> None:
    """Bring a collection into an empty database and ask all of its questions in each mode."""
    async with LocalEmbedder() as local:
        embedder = KeptVectors(local, arguments.vectors)
        with running_postgres() as url:
            with psycopg.connect(url, autocommit=True) as connection:
                citewell_migrations.apply(connection)
            async with open_pg_stores(url, space=embedder.space) as stores:
                names = await publish(collection, stores, embedder)
                leg = LexicalLeg(stores.lexical, SnowballEncoder())
                search = Search(
                    embedder=embedder,
                    vectors=stores.vectors,
                    documents=stores.documents,
                    lexical=leg,
                    rerank=RerankStage(HeuristicReranker(leg.encoder), depth=arguments.rerank_depth),
                )
                for mode, options in MODES.items():
                    await ask(collection, search, names, mode=mode, options=options, arguments=arguments)


async def ask(
    collection: Collection,
    search: Search,
    names: Mapping[DocumentId, str],
    *,
    mode: str,
    options: SearchOptions,
    arguments: argparse.Namespace,
) -> None:
    """Print the line of one mode."""
    if mode in {"hybrid", "reranked"} and arguments.vector_weight is not None:
        options = replace(options, vector_weight=arguments.vector_weight)
    gains, recalls, began = [], [], time.perf_counter()
    for question_id, relevant in collection.relevance.items():
        found = await search(collection.questions[question_id], scope=Scope(), top_k=100, options=options)
        ranking = list(
            dict.fromkeys(
                names[place.document_id] for hit in found.hits for place in (hit.place, *hit.also_in)
            )
        )
        gains.append(ndcg(ranking, relevant))
        recalls.append(len(relevant.keys() & set(ranking)) / len(relevant))
    milliseconds = 1000 * (time.perf_counter() - began) / len(gains)
    print(
        f"{collection.name:14} {mode:8} {fmean(gains):7.3f}  {fmean(recalls):10.3f}  {milliseconds:.1f}",
        flush=True,
    )


def ndcg(ranking: Sequence[str], relevant: Mapping[str, int], *, k: int = 10) -> float:
    """With linear gains, as trec_eval has it."""
    gained = sum(relevant.get(name, 0) / log2(rank + 2) for rank, name in enumerate(ranking[:k]))
    best = sorted(relevant.values(), reverse=True)[:k]
    return gained / sum(gain / log2(rank + 2) for rank, gain in enumerate(best))


async def publish(collection: Collection, stores: PgStores, embedder: Embedder) -> dict[DocumentId, str]:
    """Each text as a document; their ids."""
    sizes = ChunkSizes.within(embedder.max_tokens)
    chunker = SentenceChunker(
        max_tokens=sizes.max_tokens,
        overlap_tokens=sizes.overlap_tokens,
        count_tokens=embedder.count_tokens,
    )
    encoder, names = SnowballEncoder(), dict[DocumentId, str]()
    chunks = {
        name: [
            Chunk(index, span, span.of(text), 1, 1, collection.headings.get(name, ()), 0)
            for index, span in enumerate(chunker.split(text))
        ]
        for name, text in collection.texts.items()
    }
    texts = [
        in_context_within(
            embedder.max_tokens,
            chunk.text,
            name=name,
            heading_path=chunk.heading_path,
            count_tokens=embedder.count_tokens,
        )
        for name, found in chunks.items()
        for chunk in found
    ]
    vectors = iter(await embedder.embed(texts, role="passage"))
    for name, found in chunks.items():
        publication = await submitted(stores, name)
        names[publication.document_id] = name
        embedded = [
            EmbeddedChunk(
                chunk,
                next(vectors),
                encoder.passage(in_context(chunk.text, name=name, heading_path=chunk.heading_path)),
            )
            for chunk in found
        ]
        await stores.vectors.stage(publication, embedded)
        await stores.vectors.publish(publication)
    while await stores.vectors.index(limit=256):
        pass
    return names


async def submitted(stores: PgStores, name: str) -> Publication:
    """A document that waits for its publication."""
    content = sha256(name.encode()).hexdigest()
    document = await stores.documents.submit(
        Submission(name=name, collection="default", media_type="text/plain", sha256=content, size_bytes=1)
    )
    assert document.job_id is not None
    lease = await stores.jobs.claim(document.job_id, lease_seconds=60)
    assert lease is not None
    return lease.publication


def read(folder: Path) -> Collection:
    """A collection in BEIR form."""
    texts: dict[str, str] = {}
    headings: dict[str, tuple[str, ...]] = {}
    for line in map(json.loads, (folder / "corpus.jsonl").open(encoding="utf-8")):
        texts[line["_id"]] = "\n\n".join(filter(None, (line.get("title"), line["text"])))
        headings[line["_id"]] = (line["title"],) if line.get("title") else ()
    questions = {
        line["_id"]: line["text"]
        for line in map(json.loads, (folder / "queries.jsonl").open(encoding="utf-8"))
    }
    relevance: dict[str, dict[str, int]] = defaultdict(dict)
    for line in (folder / "qrels.tsv").read_text(encoding="utf-8").splitlines():
        fields = line.split()
        question, text, grade = fields[0], fields[-2], fields[-1]
        if grade.lstrip("-").isdigit() and int(grade) > 0:
            relevance[question][text] = int(grade)
    return Collection(folder.name, texts, headings, questions, relevance)


if __name__ == "__main__":
    main()
