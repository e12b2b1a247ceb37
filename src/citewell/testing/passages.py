"""The contract of PassageStore."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from uuid import uuid4

import pytest

from citewell.chunking import PageLayout, Passages, SentenceChunker
from citewell.model import (
    Box,
    Chunk,
    Citation,
    DocumentId,
    EmbeddedChunk,
    Lease,
    Line,
    Page,
    PageBox,
    ParsedPage,
    Span,
)
from citewell.ports import PassageStore
from citewell.testing.stores import Stores, claimed, complete, publish, submission, unit_vector

__all__ = ["PassageStoreContract"]

_LINES = ("The lamp — 💡 — is lit.", "It turns all night.", "  The keeper sleeps.  ", "Ships pass the mole.")


def _parsed(number: int) -> ParsedPage:
    """A page of four lines, each with a box of its own."""
    lines: list[Line] = []
    text = ""
    for place, line in enumerate(_LINES):
        text += f"{number}: " if place == 0 else "\n\n"
        lines.append(Line(Span(len(text), len(text) + len(line)), _box(place)))
        text += line
    return ParsedPage(number, text, tuple(lines))


def _box(place: int) -> Box:
    return Box(0.1, place / 20, 0.9, (place + 1) / 20)


def _laid_out(numbers: Sequence[int]) -> list[Page]:
    layout = PageLayout()
    return [page for number in numbers for page in layout.feed(_parsed(number))] + layout.finish()


def _cut(pages: Sequence[Page]) -> list[Chunk]:
    def words(text: str) -> int:
        return len(text.split())

    passages = Passages(SentenceChunker(max_tokens=9, overlap_tokens=4, count_tokens=words), words)
    return [chunk for page in pages for chunk in passages.feed(page)] + passages.finish()


class _Told:
    """A document that is live, and all that is known of it."""

    def __init__(self, lease: Lease, pages: Sequence[Page], chunks: Sequence[Chunk]) -> None:
        self.lease = lease
        self.pages = pages
        self.chunks = chunks
        self.text = "".join(page.text for page in pages)

    def citation(self, index: int) -> Citation:
        return Citation(self.lease.document_id, self.lease.sha256, index)


async def _staged(stores: Stores, lease: Lease, numbers: Sequence[int]) -> _Told:
    pages = _laid_out(numbers)
    chunks = _cut(pages)
    await stores.pages.add(lease.revision_id, pages)
    await stores.vectors.stage(lease.publication, [EmbeddedChunk(each, unit_vector(0)) for each in chunks])
    return _Told(lease, pages, chunks)


async def _live(stores: Stores, lease: Lease, numbers: Sequence[int]) -> _Told:
    told = await _staged(stores, lease, numbers)
    await publish(stores, lease)
    await complete(stores, lease)
    return told


@pytest.mark.asyncio
class PassageStoreContract:
    """Override `stores` with empty stores, and `passages` with the PassageStore over the same data."""

    @pytest.fixture
    def stores(self) -> Stores:
        raise NotImplementedError("override the fixture stores")

    @pytest.fixture
    def passages(self) -> PassageStore:
        raise NotImplementedError("override the fixture passages")

    @pytest.mark.parametrize("neighbours", [0, 1, 3, 10])
    async def test_a_passage_is_the_text_of_its_chunks(
        self, stores: Stores, passages: PassageStore, neighbours: int
    ) -> None:
        """The text from its first chunk's start to its last one's end, the white space between too."""
        told = await _live(stores, await claimed(stores, "one"), [1, 2, 4])
        count = len(told.chunks)
        assert count > 8
        found = await passages.around([told.citation(i) for i in range(count)], neighbours=neighbours)
        assert len(found) == count
        for index, passage in enumerate(found):
            assert passage is not None
            first, last = max(0, index - neighbours), min(count - 1, index + neighbours)
            assert (passage.chunk_first, passage.chunk_last) == (first, last)
            assert passage.span == Span(told.chunks[first].span.start, told.chunks[last].span.end)
            assert passage.text == passage.span.of(told.text)
            assert passage.first_page == told.chunks[first].first_page
            assert passage.last_page == told.chunks[last].last_page

    async def test_boxes_are_those_of_its_lines(self, stores: Stores, passages: PassageStore) -> None:
        """Each once, in order; those of the chunk alone are the chunk's."""
        told = await _live(stores, await claimed(stores, "one"), [1, 2])
        for neighbours in (0, 2):
            citations = [told.citation(chunk.index) for chunk in told.chunks]
            for chunk, passage in zip(
                told.chunks, await passages.around(citations, neighbours=neighbours), strict=True
            ):
                assert passage is not None
                assert passage.boxes == tuple(
                    PageBox(page.number, line.box)
                    for page in told.pages
                    for line in page.lines
                    if page.start + line.span.start < passage.span.end
                    and page.start + line.span.end > passage.span.start
                )
                assert neighbours or passage.boxes == chunk.boxes

    async def test_passages_come_in_the_order_of_the_citations(
        self, stores: Stores, passages: PassageStore
    ) -> None:
        """One for each, of several documents, and twice what is asked for twice."""
        one = await _live(stores, await claimed(stores, "one"), [1])
        two = await _live(stores, await claimed(stores, "two"), [1, 2, 3])
        asked = [two.citation(3), one.citation(0), two.citation(3), two.citation(0)]
        found = await passages.around(asked, neighbours=0)
        texts = [None if passage is None else passage.text for passage in found]
        wanted = [two.chunks[3], one.chunks[0], two.chunks[3], two.chunks[0]]
        assert texts == [chunk.text for chunk in wanted]

    async def test_no_citations_give_no_passages(self, passages: PassageStore) -> None:
        """One for each."""
        assert list(await passages.around([], neighbours=2)) == []

    async def test_what_is_not_live_has_no_passage(self, stores: Stores, passages: PassageStore) -> None:
        """None where there is no such chunk, or it is not live in this revision."""
        told = await _live(stores, await claimed(stores, "one"), [1])
        staged = await _staged(stores, await claimed(stores, "two"), [1])
        asked = [
            told.citation(len(told.chunks)),
            told.citation(0),
            staged.citation(0),
            replace(told.citation(0), sha256="0" * 64),
            Citation(DocumentId(uuid4()), told.lease.sha256, 0),
        ]
        found = await passages.around(asked, neighbours=10)
        assert [passage is not None for passage in found] == [False, True, False, False, False]

    async def test_a_replaced_revision_has_no_passage(self, stores: Stores, passages: PassageStore) -> None:
        """None where it is not live in this revision any more; that of the new one is its own."""
        former = await _live(stores, await claimed(stores, "one"), [1])
        document_id = former.lease.document_id
        submitted = await stores.documents.submit(submission("new", document_id=document_id))
        assert submitted.job_id is not None
        lease = await stores.jobs.claim(submitted.job_id, lease_seconds=300)
        assert lease is not None
        told = await _live(stores, lease, [7, 8])
        [gone, passage] = await passages.around([former.citation(0), told.citation(0)], neighbours=1)
        assert gone is None
        assert passage is not None
        assert passage.first_page == 7

    async def test_chunks_without_their_pages_have_no_passage(
        self, stores: Stores, passages: PassageStore
    ) -> None:
        """None where the text is not there."""
        told = await _live(stores, await claimed(stores, "one"), [1, 2])
        await stores.pages.discard(told.lease.revision_id)
        assert list(await passages.around([told.citation(0)], neighbours=1)) == [None]
