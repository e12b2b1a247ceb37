"""Vectors of questions: remembered, embedded together, and nobody's failure is another's."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from citewell.caching import QuestionVectors
from citewell.errors import EmbedderUnavailable, EmbeddingRejected
from citewell.model import EmbeddingSpace, Vector
from citewell.ports import EmbeddingRole


class HeldEmbedder:
    """Notes what it is asked; answers once it may; refuses what is `bad`."""

    space = EmbeddingSpace("held", 1)
    max_tokens = 8

    def __init__(self) -> None:
        self.asked: list[list[str]] = []
        self.may_go_on = asyncio.Event()
        self.error: Exception | None = None

    def count_tokens(self, text: str) -> int:
        return len(text)

    async def embed(self, texts: Sequence[str], *, role: EmbeddingRole) -> Sequence[Vector]:
        assert role == "question"
        self.asked.append(list(texts))
        await self.may_go_on.wait()
        if self.error is not None:
            raise self.error
        if "bad" in texts:
            raise EmbeddingRejected("bad")
        return [[float(len(text))] for text in texts]


async def started(vectors: QuestionVectors, *questions: str) -> list[asyncio.Task[Vector]]:
    tasks = [asyncio.create_task(vectors(question)) for question in questions]
    for _ in range(5):
        await asyncio.sleep(0)
    return tasks


async def test_the_last_ones_are_remembered() -> None:
    """As many as there is room for; the one that nobody asked for the longest goes."""
    embedder = HeldEmbedder()
    embedder.may_go_on.set()
    vectors = QuestionVectors(embedder, remembered=2)
    for question in ("a", "bb", "a", "ccc", "a", "bb"):
        assert await vectors(question) == [float(len(question))]
    assert embedder.asked == [["a"], ["bb"], ["ccc"], ["bb"]]


async def test_who_comes_while_others_are_embedded_goes_together() -> None:
    """Up to four batches are under way; the same question is embedded once."""
    embedder = HeldEmbedder()
    vectors = QuestionVectors(embedder)
    first = [*await started(vectors, "1", "22"), *await started(vectors, "333")]
    first += [*await started(vectors, "4444"), *await started(vectors, "55555")]
    later = await started(vectors, "a", "bb", "a")
    assert embedder.asked == [["1", "22"], ["333"], ["4444"], ["55555"]]
    embedder.may_go_on.set()
    assert await asyncio.gather(*first) == [[1.0], [2.0], [3.0], [4.0], [5.0]]
    assert await asyncio.gather(*later) == [[1.0], [2.0], [1.0]]
    assert embedder.asked[4:] == [["a", "bb"]]


async def test_a_question_that_is_refused_takes_no_other_along() -> None:
    """Each is embedded by itself then."""
    embedder = HeldEmbedder()
    vectors = QuestionVectors(embedder)
    for number in range(4):
        await started(vectors, str(number))
    good, bad = await started(vectors, "good", "bad")
    embedder.may_go_on.set()
    assert await good == [4.0]
    with pytest.raises(EmbeddingRejected):
        await bad
    with pytest.raises(EmbeddingRejected):
        await vectors("bad")


async def test_an_embedder_that_is_away_is_asked_again() -> None:
    """All who waited are told; nothing is remembered of it."""
    embedder = HeldEmbedder()
    embedder.error = EmbedderUnavailable("away")
    vectors = QuestionVectors(embedder)
    tasks = await started(vectors, "a", "a")
    embedder.may_go_on.set()
    for task in tasks:
        with pytest.raises(EmbedderUnavailable):
            await task
    embedder.error = None
    assert await vectors("a") == [1.0]


async def test_who_goes_away_takes_nothing_from_the_others() -> None:
    """The vector is made all the same."""
    embedder = HeldEmbedder()
    vectors = QuestionVectors(embedder)
    gone, stays = await started(vectors, "a", "a")
    gone.cancel()
    embedder.may_go_on.set()
    assert await stays == [1.0]
    assert len(embedder.asked) == 1
