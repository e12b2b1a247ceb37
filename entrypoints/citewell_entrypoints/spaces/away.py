"""An embedder in the place of one that cannot be opened."""

from __future__ import annotations

from collections.abc import Sequence

from citewell.chunking.tokens import approximate_tokens
from citewell.errors import EmbedderUnavailable
from citewell.model import EmbeddingSpace, Vector
from citewell.ports import EmbeddingRole

__all__ = ["AwayEmbedder"]


class AwayEmbedder:
    """Embeds nothing and says why, so that documents wait and questions are answered by their words."""

    max_tokens = 512

    def __init__(self, space: EmbeddingSpace, reason: str) -> None:
        self._space = space
        self._reason = reason

    @property
    def space(self) -> EmbeddingSpace:
        """Of the embedder that is away."""
        return self._space

    def count_tokens(self, text: str) -> int:
        """An estimate."""
        return approximate_tokens(text)

    async def embed(self, texts: Sequence[str], *, role: EmbeddingRole) -> Sequence[Vector]:  # noqa: ARG002
        """Raises EmbedderUnavailable."""
        raise EmbedderUnavailable(self._reason)
