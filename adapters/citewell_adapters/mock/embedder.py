"""An embedder that hashes words: similar texts get similar vectors, without a model or a dependency."""

from __future__ import annotations

import asyncio
import math
from array import array
from collections import Counter
from collections.abc import Sequence
from functools import lru_cache, partial
from operator import mul
from typing import Final

from citewell.chunking.tokens import approximate_tokens
from citewell.errors import InvalidInput
from citewell.model import EmbeddingSpace, Vector
from citewell.ports import EmbeddingRole
from citewell_adapters.mock.features import term_features, terms

__all__ = ["MockEmbedder"]

_CACHED_TERMS: Final = 1 << 14
_TEXTS_PER_TURN: Final = 32
# Fourth roots: ten times the same word say little more than once. Square roots are exact everywhere.
_MOST_TIMES: Final = 256
_TIMES: Final = tuple(round(256 * math.sqrt(math.sqrt(count))) for count in range(_MOST_TIMES + 1))


class MockEmbedder:
    """Deterministic over processes and machines; any number of dimensions from 1 to 4000.

    Texts are near each other by the words they share and by the parts of words; what words mean, and
    whether a text is a passage or a question, makes no difference. Needs no opening.
    """

    def __init__(self, *, dimensions: int = 1536, max_tokens: int = 512) -> None:
        """max_tokens: what a chunk may cost, by `approximate_tokens`; longer texts are embedded whole too."""
        if max_tokens < 1:
            raise InvalidInput("max_tokens is at least 1")
        self._space = EmbeddingSpace("mock", dimensions)
        self._max_tokens = max_tokens
        self._features = lru_cache(_CACHED_TERMS)(partial(term_features, dimensions=dimensions))

    @property
    def space(self) -> EmbeddingSpace:
        """`mock`, with the dimensions asked for."""
        return self._space

    @property
    def max_tokens(self) -> int:
        """What a chunk should not exceed."""
        return self._max_tokens

    def count_tokens(self, text: str) -> int:
        """An estimate; see `approximate_tokens`."""
        return approximate_tokens(text)

    async def embed(self, texts: Sequence[str], *, role: EmbeddingRole) -> Sequence[Vector]:  # noqa: ARG002
        """One vector per text, float32. A text without words gets the first axis."""
        vectors: list[Vector] = []
        for position, text in enumerate(texts):
            if position % _TEXTS_PER_TURN == _TEXTS_PER_TURN - 1:
                await asyncio.sleep(0)
            vectors.append(self._vector(text))
        return vectors

    def _vector(self, text: str) -> array[float]:
        weights: dict[int, int] = {}
        weight_on = weights.get
        for term, count in Counter(terms(text)).items():
            features = self._features(term)
            if count == 1:
                for axis, weight in features:
                    weights[axis] = weight_on(axis, 0) + (weight << 8)
            else:
                times = _TIMES[min(count, _MOST_TIMES)]
                for axis, weight in features:
                    weights[axis] = weight_on(axis, 0) + times * weight
        vector = array("f", bytes(4 * self._space.dimensions))
        length = math.sqrt(sum(map(mul, weights.values(), weights.values())))
        if not length:
            vector[0] = 1.0
            return vector
        for axis, weight in weights.items():
            vector[axis] = weight / length
        return vector
