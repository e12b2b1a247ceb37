"""Boxes in PostgreSQL: kept with chunks, and made of the pages' lines for chunks that were stored without."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest_asyncio
from hypothesis import given
from hypothesis import strategies as st
from tests.conftest import MigratedDatabase
from tests.pgstores import PgStores, open_pg_stores, rows

from citewell.chunking import PageLayout, Passages, SentenceChunker
from citewell.model import Box, Chunk, EmbeddedChunk, Lease, Line, Page, PageBox, ParsedPage, Scope, Span
from citewell.testing.stores import claimed, complete, publish, unit_vector
from citewell_adapters.pgvector import PgPassageStore
from citewell_adapters.pgvector.lines import pack_boxes, pack_lines, unpack_boxes, unpack_lines

units = st.integers(0, 20_000).map(lambda place: place / 20_000)
page_boxes = st.tuples(st.integers(1, 2**32 - 1), units, units, units, units).map(
    lambda drawn: PageBox(drawn[0], Box(*drawn[1:]))
)


@given(st.lists(page_boxes, max_size=5))
def test_boxes_come_back_as_they_were_packed(boxes: list[PageBox]) -> None:
    """To the last bit."""
    assert list(unpack_boxes(pack_boxes(boxes), None, Span(0, 1))) == boxes


def test_lines_come_back_in_single_precision() -> None:
    """What the pages' bytes promise."""
    line = Line(Span(3, 70_000), Box(0.25, 0.5, 0.75, 1.0))
    assert unpack_lines(pack_lines([line, line])) == (line, line)


@pytest_asyncio.fixture(loop_scope="session")
async def stores(migrated_database: MigratedDatabase) -> AsyncIterator[PgStores]:
    async with open_pg_stores(await migrated_database()) as opened:
        yield opened


def parsed(number: int) -> ParsedPage:
    lines = [f"Line {line} of page {number} goes on" for line in range(6)]
    text = "\n".join(lines)
    return ParsedPage(
        number,
        text,
        tuple(
            Line(
                Span(text.index(line), text.index(line) + len(line)),
                Box(0.12345, place / 7, 0.98765, (place + 1) / 7),
            )
            for place, line in enumerate(lines)
        ),
    )


async def ingested(stores: PgStores) -> tuple[Lease, list[Chunk]]:
    """A live document of three pages."""
    layout = PageLayout()
    pages: list[Page] = [page for number in (1, 2, 4) for page in layout.feed(parsed(number))]
    pages += layout.finish()
    passages = Passages(
        SentenceChunker(max_tokens=10, overlap_tokens=3, count_tokens=_words), _words, window_characters=90
    )
    chunks = [chunk for page in pages for chunk in passages.feed(page)] + passages.finish()
    lease = await claimed(stores, "three pages")
    await stores.pages.add(lease.revision_id, pages)
    await stores.vectors.stage(lease.publication, [EmbeddedChunk(chunk, unit_vector(0)) for chunk in chunks])
    await publish(stores, lease)
    await complete(stores, lease)
    return lease, chunks


def _words(text: str) -> int:
    return len(text.split())


async def test_chunks_from_before_get_their_boxes_when_they_are_read(stores: PgStores) -> None:
    """The same as if they had been kept, on however many pages; in searches, lists and passages."""
    lease, chunks = await ingested(stores)
    assert any(chunk.first_page < chunk.last_page for chunk in chunks)
    assert all(chunk.boxes for chunk in chunks)
    [(kept,)] = await rows(stores.database, "SELECT count(*) FROM chunks WHERE boxes IS NOT NULL")
    assert kept == len(chunks)
    await rows(stores.database, "UPDATE chunks SET boxes = NULL RETURNING 1")
    assert await stores.vectors.chunks(lease.document_id, limit=100) == chunks
    hits = await stores.vectors.search(unit_vector(0), k=100, scope=Scope())
    assert sorted((hit.chunk for hit in hits), key=lambda chunk: chunk.index) == chunks
    passages = PgPassageStore(stores.database)
    for hit, passage in zip(
        hits, await passages.around([hit.citation for hit in hits], neighbours=0), strict=True
    ):
        assert passage is not None
        assert (passage.boxes, passage.text) == (hit.chunk.boxes, hit.chunk.text)


async def test_a_search_reads_no_page(stores: PgStores) -> None:
    """Chunks carry their boxes."""
    await ingested(stores)
    # None is there to be read.
    await rows(stores.database, "DELETE FROM pages RETURNING 1")
    hits = await stores.vectors.search(unit_vector(0), k=3, scope=Scope())
    assert all(hit.chunk.boxes for hit in hits)
