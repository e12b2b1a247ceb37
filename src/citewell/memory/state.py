"""The shared state of the in-memory stores, and its unit of work."""

from __future__ import annotations

import asyncio
import copy
import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import UTC, datetime

from citewell.errors import StaleLease
from citewell.model import (
    Document,
    DocumentId,
    EmbeddedChunk,
    JobId,
    Lease,
    Page,
    Publication,
    RevisionId,
)
from citewell.ports import Clock

__all__ = ["MemoryDatabase", "Tables", "utc_now"]


def utc_now() -> datetime:
    """The Clock of the system."""
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class JobRow:
    """A job: the lease as it was last given, and when it may be claimed (again)."""

    lease: Lease
    claimable_at: datetime


@dataclass(frozen=True, slots=True)
class RevisionRow:
    """A revision: which document's, and which bytes."""

    document_id: DocumentId
    sha256: str


@dataclass(slots=True)
class Tables:
    """What is stored; the values are immutable, so a shallow copy of each dictionary is a snapshot."""

    documents: dict[DocumentId, Document] = field(default_factory=dict)
    revisions: dict[RevisionId, RevisionRow] = field(default_factory=dict)
    jobs: dict[JobId, JobRow] = field(default_factory=dict)
    pages: dict[tuple[RevisionId, int], Page] = field(default_factory=dict)
    staged: dict[tuple[RevisionId, int], EmbeddedChunk] = field(default_factory=dict)
    live: dict[DocumentId, tuple[Publication, tuple[EmbeddedChunk, ...]]] = field(default_factory=dict)

    def snapshot(self) -> Tables:
        """The same content in dictionaries of its own."""
        return Tables(**{name: copy.copy(getattr(self, name)) for name in self.__dataclass_fields__})

    def check_revision(self, revision_id: RevisionId) -> None:
        """Raises StaleLease if it is gone: whoever still works on it has lost the job with it."""
        if revision_id not in self.revisions:
            raise StaleLease(f"revision {revision_id} is gone: its document was deleted or replaced")


class MemoryDatabase:
    """Tables behind one lock: each call, and each unit of work as a whole, is alone with them."""

    def __init__(self, *, clock: Clock = utc_now) -> None:
        self.clock = clock
        self.revision_ids = itertools.count(1)
        self._tables = Tables()
        self._lock = asyncio.Lock()
        self._mine: ContextVar[bool] = ContextVar("citewell_memory_unit_of_work", default=False)

    @asynccontextmanager
    async def tables(self) -> AsyncIterator[Tables]:
        """The tables, within the running unit of work if there is one."""
        if self._mine.get():
            yield self._tables
        else:
            async with self._lock:
                yield self._tables

    @asynccontextmanager
    async def unit_of_work(self) -> AsyncIterator[None]:
        """The UnitOfWork port: what is written inside stays if the block ends well, else it never was."""
        if self._mine.get():
            raise RuntimeError("units of work do not nest")
        async with self._lock:
            before = self._tables.snapshot()
            token = self._mine.set(True)
            try:
                yield
            except BaseException:
                self._tables = before
                raise
            finally:
                self._mine.reset(token)
