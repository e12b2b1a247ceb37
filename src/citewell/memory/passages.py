"""PassageStore in memory."""

from __future__ import annotations

from collections.abc import Sequence

from citewell.chunking import boxes_within
from citewell.memory.state import MemoryDatabase, Tables
from citewell.model import Citation, Page, Passage, RevisionId, Span

__all__ = ["MemoryPassageStore"]


class MemoryPassageStore:
    """The reference PassageStore."""

    def __init__(self, database: MemoryDatabase) -> None:
        self._database = database

    async def around(self, citations: Sequence[Citation], *, neighbours: int) -> Sequence[Passage | None]:
        async with self._database.tables() as tables:
            return [_around(tables, citation, neighbours) for citation in citations]


def _around(tables: Tables, citation: Citation, neighbours: int) -> Passage | None:
    if citation.document_id not in tables.live:
        return None
    publication, live = tables.live[citation.document_id]
    near = [e.chunk for e in live if abs(e.chunk.index - citation.chunk_index) <= neighbours]
    if publication.sha256 != citation.sha256 or citation.chunk_index not in [chunk.index for chunk in near]:
        return None
    span = Span(min(chunk.span.start for chunk in near), max(chunk.span.end for chunk in near))
    pages = _pages(tables, publication.revision_id, span)
    text = "".join(
        page.text[max(0, span.start - page.start) : max(0, span.end - page.start)] for page in pages
    )
    if len(text) != len(span):
        return None
    return Passage(
        text=text,
        span=span,
        first_page=pages[0].number,
        last_page=pages[-1].number,
        chunk_first=near[0].index,
        chunk_last=near[-1].index,
        boxes=boxes_within(pages, span),
    )


def _pages(tables: Tables, revision_id: RevisionId, span: Span) -> Sequence[Page]:
    pages = [page for (owner, _), page in tables.pages.items() if owner == revision_id]
    within = [page for page in pages if max(page.start, span.start) < min(page.span.end, span.end)]
    return sorted(within, key=lambda page: page.start)
