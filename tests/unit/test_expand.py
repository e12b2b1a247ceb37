"""Hits with the chunks around them."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.house import House

from citewell.errors import InvalidInput
from citewell.model import Document, Found, Mode, Passage, Scope, SearchOptions
from citewell.usecases import Search
from citewell.usecases.expand import expanded

TEXT = "\f".join(
    f"Page {number} tells of the ferry. It leaves at {number}.\n\n  The museum is near, closed on {number}."
    for number in range(1, 12)
)


@pytest.fixture
async def document(tmp_path: Path) -> tuple[House, Document]:
    house = House(tmp_path)
    uploaded, job_id = await house.uploaded_job(TEXT.encode())
    await house.ingest(job_id)
    return house, await house.documents.get(uploaded.id)


async def found(house: House, *, expand: int, mode: Mode = Mode.HYBRID) -> Found:
    options = SearchOptions(mode=mode, expand=expand)
    return await house.searching("When does the ferry leave?", scope=Scope(), top_k=50, options=options)


@pytest.mark.parametrize("mode", list(Mode))
async def test_each_hit_gets_a_passage_of_its_own(document: tuple[House, Document], mode: Mode) -> None:
    """Exact to the character; what two hits have around them is in both."""
    house, live = document
    hits = (await found(house, expand=2, mode=mode)).hits
    assert len(hits) > 10
    assert live.chunk_count is not None
    for hit in hits:
        passage, index = hit.passage, hit.chunk.index
        assert passage is not None
        assert passage.chunk_first == max(0, index - 2)
        assert passage.chunk_last == min(live.chunk_count - 1, index + 2)
        assert passage.text == passage.span.of(TEXT)
        assert hit.chunk.text in passage.text
    lengths = sum(len(hit.passage.span) for hit in hits if hit.passage is not None)
    assert lengths > len(TEXT)


async def test_nothing_is_read_for_who_does_not_ask(document: tuple[House, Document]) -> None:
    """No passage."""
    house, _ = document
    assert all(hit.passage is None for hit in (await found(house, expand=0)).hits)


async def test_what_was_replaced_meanwhile_stands_for_itself(document: tuple[House, Document]) -> None:
    """The passage of a hit that is not live any more is its chunk."""
    house, live = document
    [hit, *_] = (await found(house, expand=0)).hits
    await house.delete(live.id)
    [alone] = await expanded([hit], house.passages, neighbours=3)
    chunk = hit.chunk
    assert alone.passage == Passage(
        chunk.text, chunk.span, chunk.first_page, chunk.last_page, chunk.index, chunk.index, chunk.boxes
    )


async def test_a_search_without_passages_says_so(tmp_path: Path) -> None:
    """InvalidInput, rather than a reply without them."""
    house = House(tmp_path)
    search = Search(embedder=house.embedder, vectors=house.vectors, documents=house.documents)
    with pytest.raises(InvalidInput, match="expand"):
        await search("ferry", scope=Scope(), options=SearchOptions(expand=1))


@pytest.mark.parametrize("expand", [-1, 11])
def test_there_is_a_limit(expand: int) -> None:
    """From 0 to 10."""
    with pytest.raises(InvalidInput, match="expand"):
        SearchOptions(expand=expand)
