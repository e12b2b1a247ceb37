"""What the embedder needs of a model, whatever runs it."""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING, Any, Protocol

from citewell.errors import EmbeddingRejected
from citewell.ports import EmbeddingRole

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["LocalModel", "unit_vector"]


class LocalModel(Protocol):
    """A loaded model. `embed` blocks and may be called from several threads at once."""

    name: str
    dimensions: int
    max_tokens: int

    def count_tokens(self, text: str) -> int: ...

    def embed(self, text: str, role: EmbeddingRole) -> array[float]: ...


def unit_vector(values: NDArray[Any]) -> array[float]:
    """The values as float32, L2-normalised. Raises EmbeddingRejected if they have no direction."""
    import numpy as np

    length = float(np.linalg.norm(values))
    if not 0.0 < length < float("inf"):
        raise EmbeddingRejected(f"the model gave a vector of length {length}")
    return array("f", (values / length).astype(np.float32).tobytes())
