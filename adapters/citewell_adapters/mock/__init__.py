"""An embedder without a model."""

from citewell_adapters.mock.embedder import MockEmbedder

__all__ = ["MockEmbedder"]
