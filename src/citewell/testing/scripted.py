"""Models that do as told, for tests of what uses them."""

from __future__ import annotations

import asyncio
import math
import random
from collections.abc import AsyncGenerator, Iterable, Mapping, Sequence

from citewell.errors import CitewellError
from citewell.model import Delta, EmbeddingSpace, Hit, Message, TokenUsage, Vector
from citewell.ports import EmbeddingRole

__all__ = ["ScriptedEmbedder", "ScriptedLLM", "ScriptedReranker"]


class ScriptedLLM:
    """Says the given pieces, a token each; then raises `error`, if there is one.

    delay_seconds: pause before each piece and before the end. usage: told at the end. Change the attributes
    between calls as the test needs.
    """

    def __init__(
        self, pieces: Sequence[str] = (), *, error: CitewellError | None = None, delay_seconds: float = 0.0
    ) -> None:
        self.pieces = tuple(pieces)
        self.error = error
        self.delay_seconds = delay_seconds
        self.usage: TokenUsage | None = None
        #: The messages of each call, in order.
        self.calls: list[tuple[Message, ...]] = []
        #: How many replies are being given at this moment.
        self.open_calls = 0

    async def generate(self, messages: Sequence[Message], *, max_tokens: int) -> AsyncGenerator[Delta, None]:
        """Up to `max_tokens` of the pieces."""
        self.calls.append(tuple(messages))
        self.open_calls += 1
        try:
            for piece in self.pieces[:max_tokens]:
                await asyncio.sleep(self.delay_seconds)
                yield Delta(piece)
            await asyncio.sleep(self.delay_seconds)
            if self.error is not None:
                raise self.error
            if self.usage is not None:
                yield Delta("", self.usage)
        finally:
            self.open_calls -= 1


class ScriptedEmbedder:
    """Gives the vectors it was told, normalised; any other text gets one that follows from the text alone.

    Raises the next of `errors` instead, as long as there is one. Counts words as tokens.
    """

    def __init__(
        self,
        vectors: Mapping[str, Sequence[float]] | None = None,
        *,
        dimensions: int = 8,
        max_tokens: int = 256,
        errors: Iterable[CitewellError] = (),
    ) -> None:
        self.space = EmbeddingSpace("scripted", dimensions)
        self.max_tokens = max_tokens
        self.errors = list(errors)
        #: The texts and role of each call, those that failed too.
        self.calls: list[tuple[tuple[str, ...], EmbeddingRole]] = []
        self._vectors = {text: _normalised(vector) for text, vector in (vectors or {}).items()}

    def count_tokens(self, text: str) -> int:
        """The number of words."""
        return len(text.split())

    async def embed(self, texts: Sequence[str], *, role: EmbeddingRole) -> Sequence[Vector]:
        """One vector per text; raises the next error, if there is one left."""
        self.calls.append((tuple(texts), role))
        if self.errors:
            raise self.errors.pop(0)
        return [self._vectors.get(text) or self._vector_of(text) for text in texts]

    def _vector_of(self, text: str) -> Vector:
        chance = random.Random(text)  # noqa: S311 - seeded, so that a text has one vector everywhere
        return _normalised([chance.gauss(0.0, 1.0) for _ in range(self.space.dimensions)])


class ScriptedReranker:
    """Gives the scores it was told by text; any other text gets one that follows from the text alone.

    Raises the next of `errors` instead, as long as there is one. delay_seconds: pause before each reply.
    """

    def __init__(
        self,
        scores: Mapping[str, float] | None = None,
        *,
        errors: Iterable[CitewellError] = (),
        delay_seconds: float = 0.0,
    ) -> None:
        self.scores = dict(scores or {})
        self.errors = list(errors)
        self.delay_seconds = delay_seconds
        #: The question and texts of each call, those that failed too.
        self.calls: list[tuple[str, tuple[str, ...]]] = []

    async def score(self, question: str, hits: Sequence[Hit]) -> Sequence[float]:
        """One score per hit; raises the next error, if there is one left."""
        texts = tuple(hit.chunk.text for hit in hits)
        self.calls.append((question, texts))
        await asyncio.sleep(self.delay_seconds)
        if self.errors:
            raise self.errors.pop(0)
        # Seeded, so that a text has one score everywhere.
        return [self.scores.get(text, random.Random(ascii(text)).random()) for text in texts]  # noqa: S311


def _normalised(vector: Sequence[float]) -> tuple[float, ...]:
    length = math.hypot(*vector)
    return tuple(component / length for component in vector)
