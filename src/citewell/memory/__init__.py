"""In-memory adapters of the ports: the reference for the contracts, for notebooks, small uses and tests."""

from citewell.memory.blobs import MemoryBlobStore
from citewell.memory.board import MemoryJobBoard
from citewell.memory.contents import MemoryContentLedger
from citewell.memory.documents import MemoryDocumentStore
from citewell.memory.images import MemoryImageCache, SheetRenderer
from citewell.memory.jobs import MemoryJobStore
from citewell.memory.library import MemoryLibrary
from citewell.memory.pages import MemoryPageStore
from citewell.memory.passages import MemoryPassageStore
from citewell.memory.queue import MemoryJobQueue
from citewell.memory.state import MemoryDatabase, utc_now
from citewell.memory.vectors import MemoryVectorStore
from citewell.memory.versions import MemoryVersionStore

__all__ = [
    "MemoryBlobStore",
    "MemoryContentLedger",
    "MemoryDatabase",
    "MemoryDocumentStore",
    "MemoryImageCache",
    "MemoryJobBoard",
    "MemoryJobQueue",
    "MemoryJobStore",
    "MemoryLibrary",
    "MemoryPageStore",
    "MemoryPassageStore",
    "MemoryVectorStore",
    "MemoryVersionStore",
    "SheetRenderer",
    "utc_now",
]
