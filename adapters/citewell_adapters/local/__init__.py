"""Embedding models that run in this process."""

from citewell_adapters.local.embedder import LocalEmbedder

__all__ = ["LocalEmbedder"]
