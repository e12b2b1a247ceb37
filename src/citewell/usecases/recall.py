"""How much of what is there the index finds."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Final

from citewell.chunking.breaks import Strength, breaks
from citewell.evaluation import recall_of_index
from citewell.model import Scope, Vector
from citewell.ports import Embedder, IndexedStore

__all__ = ["MAX_RECALL_QUESTIONS", "CheckRecall", "MeasureRecall", "sentence_of"]

#: So many are measured in one call: each takes an exact search.
MAX_RECALL_QUESTIONS: Final = 50

_BATCH: Final = 16
_LEAST_CHARACTERS: Final = 20


class CheckRecall:
    """Holds what the index finds for a question against an exact search."""

    def __init__(self, *, embedder: Embedder, store: IndexedStore) -> None:
        self._embedder = embedder
        self._store = store

    async def __call__(self, question: str, *, scope: Scope, k: int) -> float | None:
        """The recall@k; None if the index was not asked, as the scope is searched exactly anyway."""
        [vector] = await self._embedder.embed([question], role="question")
        return await compared(self._store, vector, scope=scope, k=k)


class MeasureRecall:
    """Holds the index against exact searches, with a sentence of stored chunks as questions."""

    def __init__(self, *, embedder: Embedder, store: IndexedStore) -> None:
        self._embedder = embedder
        self._store = store

    async def __call__(self, collection: str, *, questions: int, k: int) -> Sequence[float]:
        """The recall@k of each question; as many as there are chunks, if those are fewer.

        1 where the collection is small enough to be searched exactly.
        """
        chance = random.Random()  # noqa: S311 - nobody's secret
        texts = await self._store.sample(collection, limit=min(questions, MAX_RECALL_QUESTIONS))
        recalls: list[float] = []
        for start in range(0, len(texts), _BATCH):
            asked = [sentence_of(text, chance=chance) for text in texts[start : start + _BATCH]]
            for vector in await self._embedder.embed(asked, role="question"):
                recall = await compared(self._store, vector, scope=Scope(collection), k=k)
                recalls.append(1.0 if recall is None else recall)
        return recalls


async def compared(store: IndexedStore, vector: Vector, *, scope: Scope, k: int) -> float | None:
    """The recall@k of the index; None if the store did not ask it."""
    found = await store.nearest(vector, k=k, scope=scope, exact=False)
    if found.plan is None or found.plan.exact:
        return None
    exact = await store.nearest(vector, k=k, scope=scope, exact=True)
    similarities = (
        [item.similarity for item in each.items if item.similarity is not None] for each in (found, exact)
    )
    return recall_of_index(*similarities)


def sentence_of(text: str, *, chance: random.Random) -> str:
    """One of the text's sentences, drawn from those that are not short; all of it if there is none."""
    begun, sentences = 0, list[str]()
    for each in breaks(text):
        if each.strength >= Strength.SENTENCE:
            sentences.append(text[begun : each.end])
            begun = each.resume
    sentences.append(text[begun:])
    long = [sentence for sentence in sentences if len(sentence) >= _LEAST_CHARACTERS]
    return chance.choice(long) if long else text
