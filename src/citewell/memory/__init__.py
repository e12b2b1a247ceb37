"""In-memory adapters of the ports: the reference for the contracts, for notebooks, small uses and tests."""

from citewell.memory.blobs import MemoryBlobStore
from citewell.memory.documents import MemoryDocumentStore, MemoryPageStore
from citewell.memory.jobs import MemoryJobStore
from citewell.memory.library import MemoryLibrary
from citewell.memory.queue import MemoryJobQueue
from citewell.memory.state import MemoryDatabase, utc_now
from citewell.memory.vectors import MemoryVectorStore

__all__ = [
    "MemoryBlobStore",
    "MemoryDatabase",
    "MemoryDocumentStore",
    "MemoryJobQueue",
    "MemoryJobStore",
    "MemoryLibrary",
    "MemoryPageStore",
    "MemoryVectorStore",
    "utc_now",
]
