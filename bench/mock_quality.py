"""How well, and how fast, the mock embedder finds a chunk by some of its own words.

    python bench/mock_quality.py FOLDER [--dimensions 1536] [--tries 400]

FOLDER holds collections in BEIR form (`NAME/corpus.jsonl` with `text`). Each is cut into chunks of 150 to 200
words; 100 chunks make a document. A question is 8 to 12 words of a chunk in random order, frequent words
and repetitions included; counted is how often its chunk ranks first in its document, and in the collection.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from citewell_adapters.mock import MockEmbedder

CHUNKS_PER_DOCUMENT = 100
CHUNK_WORDS = (150, 200)
QUESTION_WORDS = (8, 12)


def main() -> None:
    """Print one line per collection."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--dimensions", type=int, default=MockEmbedder().space.dimensions)
    parser.add_argument("--tries", type=int, default=400)
    arguments = parser.parse_args()
    print(f"{'collection':16} {'chunks':>6}  in document  in collection  ms/chunk  ms/question")
    for corpus in sorted(arguments.folder.glob("*/corpus.jsonl")):
        embedder = MockEmbedder(dimensions=arguments.dimensions)
        asyncio.run(measure(corpus, embedder, tries=arguments.tries))


async def measure(corpus: Path, embedder: MockEmbedder, *, tries: int) -> None:
    """Embed all chunks of a collection, then ask."""
    chunks = list(read_chunks(corpus))
    began = time.perf_counter()
    passages = await embedder.embed([" ".join(words) for words in chunks], role="passage")
    milliseconds_a_chunk = (time.perf_counter() - began) * 1000 / len(chunks)
    matrix = np.array(passages, dtype=np.float32)

    chance, in_document, in_collection, seconds = random.Random(7), 0, 0, 0.0
    for _ in range(tries):
        target = chance.randrange(len(chunks))
        question = " ".join(chance.sample(chunks[target], chance.randint(*QUESTION_WORDS)))
        began = time.perf_counter()
        [vector] = await embedder.embed([question], role="question")
        seconds += time.perf_counter() - began
        scores = matrix @ np.array(vector, dtype=np.float32)
        first = max(
            0, min(target // CHUNKS_PER_DOCUMENT * CHUNKS_PER_DOCUMENT, len(chunks) - CHUNKS_PER_DOCUMENT)
        )
        in_document += first + int(scores[first : first + CHUNKS_PER_DOCUMENT].argmax()) == target
        in_collection += int(scores.argmax()) == target
    print(
        f"{corpus.parent.name:16} {len(chunks):6}  {in_document / tries:11.1%}  {in_collection / tries:13.1%}"
        f"  {milliseconds_a_chunk:8.2f}  {seconds * 1000 / tries:11.3f}"
    )


def read_chunks(corpus: Path) -> Iterator[Sequence[str]]:
    """The words of each chunk."""
    words: list[str] = []
    with corpus.open(encoding="utf-8") as lines:
        for line in lines:
            words += words_of(json.loads(line)["text"])
    chance, start = random.Random(3), 0
    while start + CHUNK_WORDS[1] <= len(words):
        length = chance.randint(*CHUNK_WORDS)
        yield words[start : start + length]
        start += length


def words_of(text: str) -> list[str]:
    """Split at white space, or into pairs of characters if that leaves words of 20 characters on average."""
    words = text.split()
    if words and len(text) < 20 * len(words):
        return words
    return [text[start : start + 2] for start in range(0, len(text), 2)]


if __name__ == "__main__":
    main()
