"""What a search makes of its ranking: reranked, without copies, diverse."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.house import House

from citewell.errors import InvalidInput, RerankerRejected, RerankerUnavailable
from citewell.model import Hit, Mode, Scope, SearchOptions
from citewell.ports import Reranker
from citewell.testing import ScriptedReranker
from citewell.usecases import LexicalLeg, RerankStage, Search

SENTENCES = ("The ferry leaves at nine.", "A ferry is no boat.", "The museum is closed on ferry days.")
EVERYTHING = Scope()


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path)


async def ingest(house: House, *texts: str) -> None:
    """Each as a document of one passage."""
    for text in texts:
        _, job_id = await house.uploaded_job(text.encode())
        await house.ingest(job_id)


def searching(
    house: House, reranker: Reranker | None = None, *, depth: int = 30, timeout_seconds: float = 5.0
) -> Search:
    stage = RerankStage(reranker, depth=depth, timeout_seconds=timeout_seconds) if reranker else None
    return Search(
        embedder=house.embedder,
        vectors=house.vectors,
        documents=house.documents,
        lexical=LexicalLeg(house.vectors, house.encoder),
        rerank=stage,
    )


def texts(hits: tuple[Hit, ...]) -> list[str]:
    return [hit.chunk.text for hit in hits]


async def test_the_reranker_decides_on_the_order_and_the_score(house: House) -> None:
    """And the explanation and the trace tell of it."""
    await ingest(house, *SENTENCES)
    reranker = ScriptedReranker(dict(zip(SENTENCES, (0.1, 0.2, 0.9), strict=True)))
    found = await searching(house, reranker)("When does the ferry leave?", scope=EVERYTHING, top_k=2)
    assert texts(found.hits) == [SENTENCES[2], SENTENCES[1]]
    assert [(hit.score, hit.explanation.rerank) for hit in found.hits] == [(0.9, 0.9), (0.2, 0.2)]
    assert (found.trace.reranked, found.degraded) == (3, ())
    [(question, judged)] = reranker.calls
    assert (question, set(judged)) == ("When does the ferry leave?", set(SENTENCES))


async def test_what_the_reranker_did_not_see_comes_after(house: House) -> None:
    """In its order, with scores below all that it gave, however low."""
    await ingest(house, *SENTENCES)
    options = SearchOptions(rerank=False)
    before = (await searching(house)("ferry nine", scope=EVERYTHING, options=options)).hits
    reranker = ScriptedReranker({before[0].chunk.text: 0.001})
    after = (await searching(house, reranker, depth=1)("ferry nine", scope=EVERYTHING)).hits
    assert texts(after) == texts(before)
    assert [hit.explanation.rerank for hit in after] == [0.001, None, None]
    assert [hit.score for hit in after] == sorted([hit.score for hit in after], reverse=True)


@pytest.mark.parametrize("error", [RerankerUnavailable(), RerankerRejected()])
async def test_without_the_reranker_the_order_stays(house: House, error: Exception) -> None:
    """No error; the reply says what was missing."""
    await ingest(house, *SENTENCES)
    before = await searching(house)("ferry", scope=EVERYTHING)
    reranker = ScriptedReranker(errors=[error])  # type: ignore[list-item]
    found = await searching(house, reranker)("ferry", scope=EVERYTHING)
    assert found.hits == before.hits
    assert (found.degraded, found.trace.reranked) == (("reranker",), 0)


async def test_a_slow_reranker_is_not_waited_for(house: House) -> None:
    """Its time is limited."""
    await ingest(house, *SENTENCES)
    found = await searching(house, ScriptedReranker(delay_seconds=30), timeout_seconds=0.05)(
        "ferry", scope=EVERYTHING
    )
    assert (len(found.hits), found.degraded) == (3, ("reranker",))


@pytest.mark.parametrize(
    ("options", "asked"),
    [
        (SearchOptions(), True),
        (SearchOptions(rerank=False), False),
        (SearchOptions(mode=Mode.DENSE), False),
        (SearchOptions(mode=Mode.LEXICAL), False),
        (SearchOptions(mode=Mode.DENSE, rerank=True), True),
        (SearchOptions(mode=Mode.LEXICAL, rerank=True), True),
    ],
)
async def test_when_is_reranked(house: House, options: SearchOptions, asked: bool) -> None:
    """Usually what is fused; one leg alone keeps its scores unless the search says otherwise."""
    await ingest(house, *SENTENCES)
    reranker = ScriptedReranker()
    await searching(house, reranker)("ferry", scope=EVERYTHING, options=options)
    assert bool(reranker.calls) == asked


async def test_to_rerank_without_a_reranker_is_refused(house: House) -> None:
    """With a sentence that says where to set one; not to rerank is fine."""
    with pytest.raises(InvalidInput, match="APP_RERANK_BACKEND"):
        await searching(house)("ferry", scope=EVERYTHING, options=SearchOptions(rerank=True))
    await searching(house)("ferry", scope=EVERYTHING, options=SearchOptions(rerank=False))


async def test_a_store_without_words_is_reranked_too(house: House) -> None:
    """Every search is dense there, and the usual one is reranked."""
    await ingest(house, *SENTENCES)
    reranker = ScriptedReranker()
    search = Search(
        embedder=house.embedder,
        vectors=house.vectors,
        documents=house.documents,
        rerank=RerankStage(reranker),
    )
    await search("ferry", scope=EVERYTHING)
    assert len(reranker.calls) == 1


@pytest.mark.parametrize("mode", Mode)
async def test_copies_are_one_hit_with_all_their_places(house: House, mode: Mode) -> None:
    """The first is the hit; the others are listed, in their order."""
    await ingest(house, SENTENCES[0], "the FERRY leaves: at nine", SENTENCES[1], SENTENCES[0] + "\n")
    options = SearchOptions(mode=mode)
    found = await searching(house)("When does the ferry leave?", scope=EVERYTHING, options=options)
    assert len(found.hits) == 2
    [copied] = [hit for hit in found.hits if hit.also_in]
    assert len({copied.document_id, *(place.document_id for place in copied.also_in)}) == 3
    options = SearchOptions(mode=mode, collapse=False)
    plain = await searching(house)("When does the ferry leave?", scope=EVERYTHING, options=options)
    assert [hit.also_in for hit in plain.hits] == [()] * 4


@pytest.mark.parametrize("mode", Mode)
@pytest.mark.parametrize("reranker", [None, ScriptedReranker()], ids=["plain", "reranked"])
async def test_copies_cost_no_results(house: House, mode: Mode, reranker: Reranker | None) -> None:
    """However many there are, as many different hits come as were asked for, if there are so many."""
    signs = [SENTENCES[0] + "!" * n for n in range(110)]
    await ingest(house, *signs, *SENTENCES[1:], "The last ferry.", "No ferry today.")
    options = SearchOptions(mode=mode, rerank=reranker is not None)
    found = await searching(house, reranker)(
        "ferry leaves at nine", scope=EVERYTHING, top_k=5, options=options
    )
    assert len(found.hits) == 5
    assert len({hit.chunk.text.rstrip("!") for hit in found.hits}) == 5
    assert sum(len(hit.also_in) for hit in found.hits) == 109


async def test_copies_of_too_low_a_score_are_not_replaced(house: House) -> None:
    """min_score holds for what would take their place."""
    await ingest(house, *[SENTENCES[0] + "!" * n for n in range(20)], SENTENCES[2])
    options = SearchOptions(min_score=0.95)
    found = await searching(house)("The ferry leaves at nine.", scope=EVERYTHING, top_k=5, options=options)
    assert texts(found.hits) == [SENTENCES[0]]


async def test_diverse_hits_differ(house: House) -> None:
    """The second is not what the first says once more, and the scores are those of the ranking."""
    near = ["The red ferry leaves the port at nine.", "The red ferry leaves port at about nine today."]
    other = "A ferry needs sailors."
    await ingest(house, *near, other)
    question = "red ferry leaves at nine"
    plain = (await searching(house)(question, scope=EVERYTHING, top_k=2)).hits
    assert set(texts(plain)) == set(near)
    options = SearchOptions(diversity=0.6)
    diverse = (await searching(house)(question, scope=EVERYTHING, top_k=2, options=options)).hits
    assert texts(diverse) == [plain[0].chunk.text, other]
    assert diverse[0] == plain[0]


@pytest.mark.parametrize("depth", [0, 51])
def test_a_depth_out_of_range_is_refused(depth: int) -> None:
    """Where it is set."""
    with pytest.raises(InvalidInput):
        RerankStage(ScriptedReranker(), depth=depth)


@pytest.mark.parametrize("diversity", [-0.1, 1.1])
def test_a_diversity_out_of_range_is_refused(diversity: float) -> None:
    """Where it is made."""
    with pytest.raises(InvalidInput):
        SearchOptions(diversity=diversity)
