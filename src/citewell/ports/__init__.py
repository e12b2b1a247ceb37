"""The ports: what the core needs of the world, as Protocols.

Every sentence of a docstring here is a promise, and a test in `citewell.testing`. `Chunker`, `Embedder`,
`VectorStore`, `LLM`, `JobQueue` and `Reranker` are the extension points; the others serve the life of a
document. A failure that may pass by itself is raised as a kind of `Transient`; no exception of a vendor
leaves an adapter. Adapters that hold connections are async context managers and are opened before they are
used.
"""

from __future__ import annotations

from citewell.ports.answers import LLM
from citewell.ports.caching import Cache, VersionStore
from citewell.ports.documents import BlobStore, ContentLedger, DocumentStore, PageStore
from citewell.ports.images import ImageCache, PageRenderer
from citewell.ports.jobs import JobBoard, JobQueue, JobStore
from citewell.ports.search import IndexedStore, LexicalStore, PassageStore, Reranker, VectorStore
from citewell.ports.texts import Chunker, Embedder, EmbeddingRole, LexicalEncoder, Parser, TokenCounter
from citewell.ports.units import Clock, UnitOfWork

__all__ = [
    "LLM",
    "BlobStore",
    "Cache",
    "Chunker",
    "Clock",
    "ContentLedger",
    "DocumentStore",
    "Embedder",
    "EmbeddingRole",
    "ImageCache",
    "IndexedStore",
    "JobBoard",
    "JobQueue",
    "JobStore",
    "LexicalEncoder",
    "LexicalStore",
    "PageRenderer",
    "PageStore",
    "Parser",
    "PassageStore",
    "Reranker",
    "TokenCounter",
    "UnitOfWork",
    "VectorStore",
    "VersionStore",
]
