"""PageStore in memory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from citewell.memory.state import MemoryDatabase, Tables
from citewell.model import Extent, Heading, Page, RevisionId, Span

__all__ = ["MemoryPageStore"]


class MemoryPageStore:
    """The reference PageStore."""

    def __init__(self, database: MemoryDatabase) -> None:
        self._database = database

    async def add(self, revision_id: RevisionId, pages: Sequence[Page]) -> None:
        async with self._database.tables() as tables:
            tables.check_revision(revision_id)
            tables.pages.update({(revision_id, page.start): page for page in pages})

    async def read(
        self, revision_id: RevisionId, *, span: Span | None = None, limit: int | None = None
    ) -> Sequence[Page]:
        async with self._database.tables() as tables:
            return [
                page
                for page in _of(tables, revision_id)
                if span is None or max(page.start, span.start) < min(page.span.end, span.end)
            ][:limit]

    async def extent(self, revision_id: RevisionId) -> Extent:
        async with self._database.tables() as tables:
            pages = _of(tables, revision_id)
            return Extent(len(pages), pages[-1].span.end) if pages else Extent()

    async def headings(self, revision_id: RevisionId, *, up_to: int) -> Sequence[Heading]:
        async with self._database.tables() as tables:
            return [
                replace(heading, start=page.start + heading.start)
                for page in _of(tables, revision_id)
                for heading in page.headings
                if page.start + heading.start <= up_to
            ]

    async def discard(self, revision_id: RevisionId) -> None:
        async with self._database.tables() as tables:
            for page in _of(tables, revision_id):
                del tables.pages[revision_id, page.start]


def _of(tables: Tables, revision_id: RevisionId) -> list[Page]:
    found = sorted((start, page) for (owner, start), page in tables.pages.items() if owner == revision_id)
    return [page for _, page in found]
