"""Vectors around subtopics of topics, as those of texts lie, made block by block."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench._generated import SUBTOPICS, TOPICS, Vectors, noise, unit

__all__ = ["Clusters"]


class Clusters:
    """As `_generated.generate` has them, without all of them in memory at once."""

    def __init__(self, dimensions: int, *, seed: int = 0) -> None:
        chance = np.random.default_rng(seed)
        self.dimensions = dimensions
        self._seed = seed
        self._topics = noise(chance, TOPICS, dimensions)
        self._subtopics = noise(chance, TOPICS * SUBTOPICS, dimensions)

    def vectors(self, block: int, count: int) -> Vectors:
        """Of one block, the same each time."""
        chance = np.random.default_rng((self._seed, block))
        subtopic = chance.integers(TOPICS * SUBTOPICS, size=count)
        points = self._topics[subtopic // SUBTOPICS] + 0.7 * self._subtopics[subtopic]
        return unit(points + 0.7 * noise(chance, count, self.dimensions))

    def questions(self, blocks: Sequence[NDArray[Any]], count: int) -> Vectors:
        """Near some of the vectors in the blocks."""
        chance = np.random.default_rng((self._seed, 1, len(blocks)))
        chosen = [blocks[number] for number in chance.integers(len(blocks), size=count)]
        near = np.stack([block[chance.integers(len(block))] for block in chosen]).astype(np.float32)
        return unit(near + 0.7 * noise(chance, count, self.dimensions))
