"""Vectors of questions: the last ones are remembered, and those that come together are embedded together."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from typing import Final

from citewell.errors import EmbeddingRejected
from citewell.model import Vector
from citewell.ports import Embedder

__all__ = ["QuestionVectors"]

#: 6 MB at 1,536 dimensions.
_REMEMBERED: Final = 1_024
#: An embedder may take one batch after the other, or have a network between.
_BATCHES_AT_ONCE: Final = 4
_BATCH: Final = 32


class QuestionVectors:
    """Embeds questions for many callers.

    While _BATCHES_AT_ONCE batches are under way others wait, and become the next batch. A caller that is
    cancelled takes nothing from the others.
    """

    def __init__(self, embedder: Embedder, *, remembered: int = _REMEMBERED) -> None:
        self._embedder = embedder
        self._most = remembered
        self._known: OrderedDict[str, Vector] = OrderedDict()
        self._coming: dict[str, asyncio.Future[Vector]] = {}
        self._waiting: list[str] = []
        self._batches: set[asyncio.Task[None]] = set()

    async def __call__(self, question: str) -> Vector:
        """Raises what the embedder raises."""
        vector = self._known.get(question)
        if vector is not None:
            self._known.move_to_end(question)
            return vector
        coming = self._coming.get(question)
        if coming is None:
            coming = self._coming[question] = asyncio.get_running_loop().create_future()
            self._waiting.append(question)
            if len(self._batches) < _BATCHES_AT_ONCE:
                self._begin()
        return await asyncio.shield(coming)

    def _begin(self) -> None:
        task = asyncio.create_task(self._embed_waiting())
        self._batches.add(task)
        task.add_done_callback(self._batches.discard)

    async def _embed_waiting(self) -> None:
        while batch := self._waiting[:_BATCH]:
            del self._waiting[: len(batch)]
            try:
                await self._embed(batch)
            except EmbeddingRejected as error:
                if len(batch) == 1:
                    self._fail(batch, error)
                    continue
                # Nobody is to answer for another's question.
                for question in batch:
                    await self._embed_alone(question)
            except BaseException as error:
                self._fail(batch, error)
                if not isinstance(error, Exception):
                    raise

    async def _embed_alone(self, question: str) -> None:
        try:
            await self._embed([question])
        except Exception as error:  # noqa: BLE001 - it is raised where the question was asked
            self._fail([question], error)

    async def _embed(self, batch: list[str]) -> None:
        vectors = await self._embedder.embed(batch, role="question")
        for question, vector in zip(batch, vectors, strict=True):
            self._known[question] = vector
            if len(self._known) > self._most:
                self._known.popitem(last=False)
            coming = self._coming.pop(question)
            if not coming.done():
                coming.set_result(vector)

    def _fail(self, batch: list[str], error: BaseException) -> None:
        for question in batch:
            coming = self._coming.pop(question, None)
            if coming is not None and not coming.done():
                coming.set_exception(error)
                coming.exception()  # all who waited may have gone
