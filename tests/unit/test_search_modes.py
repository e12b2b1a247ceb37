"""Search by meaning, by words, and by both."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.house import House

from citewell.errors import (
    CitewellError,
    DimensionMismatch,
    EmbedderUnavailable,
    EmbeddingRejected,
    InvalidInput,
    Reason,
)
from citewell.filtering import parse_filter
from citewell.model import Degradation, Mode, Scope, SearchOptions
from citewell.usecases import Search, SearchDefaults

TEXT = b"The ferry leaves at nine. The museum is closed on Mondays. Part XJ-9 costs forty crowns."


@pytest.fixture
async def house(tmp_path: Path) -> House:
    house = House(tmp_path)
    _, job_id = await house.uploaded_job(TEXT)
    await house.ingest(job_id)
    return house


async def test_by_words_only_what_has_them_is_found(house: House) -> None:
    """The rest has nothing to do with the question."""
    found = await house.searching("XJ-9", scope=Scope(), options=SearchOptions(mode=Mode.LEXICAL))
    assert all("XJ-9" in hit.chunk.text for hit in found.hits)
    assert found.hits
    assert (found.trace.dense_seen, found.trace.vector_weight) == (0, 0.0)


async def test_by_both_all_that_a_leg_brings_is_ranked(house: House) -> None:
    """And the reply says how much was looked at."""
    found = await house.searching("Where is part XJ-9?", scope=Scope(), top_k=100)
    assert "XJ-9" in found.hits[0].chunk.text
    assert found.trace.dense_seen == len(found.hits) > found.trace.lexical_seen > 0
    assert found.degraded == ()


async def test_a_lexical_search_needs_no_embedder(house: House) -> None:
    """None is asked."""
    house.embedder.failures.append(EmbedderUnavailable("away"))
    found = await house.searching("ferry", scope=Scope(), options=SearchOptions(mode=Mode.LEXICAL))
    assert "ferry" in found.hits[0].chunk.text
    assert house.embedder.failures


@pytest.mark.parametrize("mode", [Mode.HYBRID, Mode.DENSE])
@pytest.mark.parametrize(
    ("failure", "reason"),
    [
        (EmbedderUnavailable("away"), Reason.UNAVAILABLE),
        (EmbedderUnavailable("slow", reason=Reason.TIMEOUT), Reason.TIMEOUT),
        (EmbeddingRejected("no such key"), Reason.REJECTED),
        (DimensionMismatch("another model"), Reason.REJECTED),
    ],
)
async def test_without_the_embedder_the_words_decide(
    house: House, mode: Mode, failure: CitewellError, reason: Reason
) -> None:
    """And the reply names what was missing, and why; where only meaning was asked for, too."""
    house.embedder.failures.append(failure)
    found = await house.searching("ferry", scope=Scope(), options=SearchOptions(mode=mode))
    assert "ferry" in found.hits[0].chunk.text
    assert found.degradations == (Degradation("embedder", reason),)
    assert (found.degraded, found.trace.vector_weight) == (("embedder",), 0.0)


async def test_by_words_instead_of_meaning_the_scores_are_those_of_words(house: House) -> None:
    """A dense search without its embedder is a lexical one."""
    lexical = await house.searching("ferry", scope=Scope(), options=SearchOptions(mode=Mode.LEXICAL))
    house.embedder.failures.append(EmbedderUnavailable("away"))
    instead = await house.searching("ferry", scope=Scope(), options=SearchOptions(mode=Mode.DENSE))
    assert instead.hits == lexical.hits


async def test_without_words_the_embedder_is_needed(house: House) -> None:
    """A search that has no lexical leg raises what the embedder raises."""
    search = Search(embedder=house.embedder, vectors=house.vectors, documents=house.documents)
    house.embedder.failures.append(EmbedderUnavailable("away"))
    with pytest.raises(EmbedderUnavailable):
        await search("ferry", scope=Scope())


async def test_hits_below_a_score_are_left_out(house: House) -> None:
    """min_score is about the score that the mode defines."""
    options = SearchOptions(mode=Mode.DENSE)
    every = (await house.searching("ferry", scope=Scope(), options=options)).hits
    options = SearchOptions(mode=Mode.DENSE, min_score=every[0].score)
    assert (await house.searching("ferry", scope=Scope(), options=options)).hits == every[:1]


async def test_without_a_lexical_leg_every_search_is_dense(house: House) -> None:
    """A vector store alone is enough."""
    search = Search(embedder=house.embedder, vectors=house.vectors, documents=house.documents)
    found = await search("ferry", scope=Scope())
    assert found.hits[0].explanation.lexical is None
    assert found.trace.vector_weight == 1.0


@pytest.mark.parametrize(
    "wrong", [{"vector_weight": 1.1}, {"candidates": 0}, {"candidates": 1001}, {"min_score": -1}]
)
def test_options_out_of_range_are_refused(wrong: dict[str, float]) -> None:
    """Where they are made."""
    with pytest.raises(InvalidInput):
        SearchOptions(**wrong)  # type: ignore[arg-type]


def test_a_filter_takes_half_as_many_candidates() -> None:
    """Each costs more to find among those that match."""
    defaults = SearchDefaults(candidates=100)
    assert defaults.candidates_within(Scope("c")) == 100
    assert defaults.candidates_within(Scope("c", filter=parse_filter({"year": 2020}))) == 50
    assert SearchDefaults(candidates=1).candidates_within(Scope(filter=parse_filter({"year": 1}))) == 1
