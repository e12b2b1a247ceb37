"""Models that run in this process: embedders and rerankers."""

from citewell_adapters.local.embedder import LocalEmbedder
from citewell_adapters.local.reranker import LocalReranker

__all__ = ["LocalEmbedder", "LocalReranker"]
