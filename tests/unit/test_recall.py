"""Recall of the index: how it is counted, asked for, sampled and told."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Sequence
from typing import Any
from uuid import uuid4

import pytest
from click.testing import CliRunner
from tests.cli_stub import ApiStub, Canned, running_stub
from tests.fakes import WordEmbedder

from citewell.errors import EmbedderUnavailable
from citewell.evaluation import recall_of_index
from citewell.filtering import parse_filter
from citewell.model import Candidate, Candidates, DocumentId, RevisionId, Scope, SearchPlan, Vector
from citewell.usecases import CheckRecall, MeasureRecall
from citewell.usecases.recall import sentence_of
from citewell_entrypoints.cli.root import root
from citewell_entrypoints.http.metrics import Metrics
from citewell_entrypoints.http.sampling import RecallSampler


@pytest.mark.parametrize(
    ("found", "exact", "expected"),
    [
        ([0.9, 0.8], [0.9, 0.8], 1.0),
        ([0.9, 0.7], [0.9, 0.8], 0.5),
        ([], [0.9, 0.8], 0.0),
        ([], [], 1.0),
        ([0.8, 0.8], [0.9, 0.8], 1.0),
        ([0.9, 0.8, 0.8], [0.9, 0.8], 1.0),
    ],
)
def test_what_is_as_good_as_the_last_counts(found: list[float], exact: list[float], expected: float) -> None:
    """Whichever of equals it is."""
    assert recall_of_index(found, exact) == expected


def test_a_question_is_a_sentence() -> None:
    """One that is not short, or else all of the text."""
    text = "Yes. The lamp shows two flashes. It is seen for eleven miles!"
    chance = random.Random(1)
    drawn = {sentence_of(text, chance=chance) for _ in range(50)}
    assert drawn == {"The lamp shows two flashes.", "It is seen for eleven miles!"}
    assert sentence_of("Yes. No.", chance=chance) == "Yes. No."


class LossyStore:
    """An IndexedStore whose index finds every other chunk of ten."""

    def __init__(self, *, plan: SearchPlan | None = None, texts: Sequence[str] = ()) -> None:
        self.plan = plan or SearchPlan(exact=False)
        self.texts = texts
        self.asked: list[Scope] = []

    async def nearest(self, vector: Vector, *, k: int, scope: Scope, exact: bool) -> Candidates:
        self.asked.append(scope)
        document = DocumentId(ID)
        items = tuple(
            Candidate(document, RevisionId(1), n, 1 - n / 100, None)
            for n in range(0, k if exact else 2 * k, 1 if exact else 2)
        )
        return Candidates(items, 0.0, SearchPlan(exact=True) if exact else self.plan)

    async def sample(self, collection: str | None, *, limit: int) -> Sequence[str]:
        return self.texts[:limit]


ID = uuid4()


async def test_the_index_is_held_against_an_exact_search() -> None:
    """With a sentence of each drawn chunk; the last batch may be smaller."""
    store = LossyStore(texts=[f"The lamp number {n} shows two flashes." for n in range(20)])
    recalls = await MeasureRecall(embedder=WordEmbedder(), store=store)("sea", questions=18, k=10)
    assert recalls == [0.5] * 18
    assert set(store.asked) == {Scope("sea")}


async def test_a_small_collection_is_searched_exactly() -> None:
    """There is no index to be compared."""
    store = LossyStore(plan=SearchPlan(exact=True), texts=["The lamp shows two flashes."])
    assert await MeasureRecall(embedder=WordEmbedder(), store=store)("sea", questions=5, k=10) == [1.0]
    assert await CheckRecall(embedder=WordEmbedder(), store=store)("lamp", scope=Scope("sea"), k=10) is None
    assert len(store.asked) == 2


def sampler(check: Any, metrics: Metrics, *, share: float = 1.0, floor: float = 0.95) -> RecallSampler:
    return RecallSampler(lambda: check, metrics, share=share, floor=floor, ef=200, delay_seconds=0.0)


async def test_questions_are_sampled_with_their_filters() -> None:
    """The mean of the last ones is told for each collection."""
    store, metrics = LossyStore(), Metrics()
    sampled = sampler(CheckRecall(embedder=WordEmbedder(), store=store), metrics)
    scope = Scope("sea", filter=parse_filter({"year": 1}))
    sampled.offer("lamp", scope=scope)
    await sampled.idle()
    assert set(store.asked) == {scope}
    assert metrics.registry.get_sample_value("citewell_recall_at_10", {"collection": "sea"}) == 0.5
    assert metrics.registry.get_sample_value("citewell_recall_samples_total", {"collection": "sea"}) == 1


async def test_one_question_is_compared_at_a_time() -> None:
    """Others are let go, and so are all where the share is 0, and those that no index serves."""
    going, release = list[str](), asyncio.Event()

    async def check(question: str, *, scope: Scope, k: int) -> float:
        going.append(question)
        await release.wait()
        return 1.0

    sampled = sampler(check, Metrics())
    for question in ("one", "two", "three"):
        sampled.offer(question, scope=Scope("sea"))
        await asyncio.sleep(0.01)
    assert going == ["one"]
    release.set()
    await sampled.idle()
    sampled.offer("four", scope=Scope("sea"))
    sampled.offer("five", scope=Scope("sea", (DocumentId(ID),)))
    await sampled.idle()
    sampled.offer("six", scope=Scope(document_ids=(DocumentId(ID),)))
    sampler(check, Metrics(), share=0.0).offer("seven", scope=Scope("sea"))
    await asyncio.sleep(0.01)
    assert going == ["one", "four"]


async def test_the_end_gives_up_what_is_compared() -> None:
    """Nothing goes on behind the application."""
    ended = asyncio.Event()

    async def check(question: str, *, scope: Scope, k: int) -> float:
        try:
            await asyncio.sleep(60)
        finally:
            ended.set()
        return 1.0

    async with sampler(check, Metrics()) as sampled:
        sampled.offer("one", scope=Scope("sea"))
        await asyncio.sleep(0.01)
    assert ended.is_set()


async def test_low_recall_is_warned_of(caplog: pytest.LogCaptureFixture) -> None:
    """Once enough is known, and not at every question; the setting that raises it is named."""
    check = CheckRecall(embedder=WordEmbedder(), store=LossyStore())
    sampled = sampler(check, Metrics())
    with caplog.at_level(logging.WARNING):
        for _ in range(19):
            sampled.offer("lamp", scope=Scope("sea"))
            await sampled.idle()
        assert not caplog.records
        for _ in range(5):
            sampled.offer("lamp", scope=Scope("sea"))
            await sampled.idle()
    [record] = caplog.records
    assert "the collection sea finds 50.0 %" in record.getMessage()
    assert "raise APP_SEARCH_EF, which is 200" in record.getMessage()
    assert "lamp" not in record.getMessage()


async def test_a_failure_costs_the_sample_alone(caplog: pytest.LogCaptureFixture) -> None:
    """The embedder may be away; the next question is compared again."""

    async def check(question: str, *, scope: Scope, k: int) -> float:
        if question == "one":
            raise EmbedderUnavailable
        return 1.0

    metrics = Metrics()
    sampled = sampler(check, metrics)
    for question in ("one", "two"):
        sampled.offer(question, scope=Scope("sea"))
        await sampled.idle()
    assert metrics.registry.get_sample_value("citewell_recall_samples_total", {"collection": "sea"}) == 1
    assert not [record for record in caplog.records if record.levelno > logging.INFO]


@pytest.fixture
def stub() -> Any:
    with running_stub() as running:
        yield running


def recall(stub: ApiStub, *arguments: str) -> Any:
    return CliRunner().invoke(root, ["recall", *arguments, "--url", stub.url])


@pytest.mark.parametrize(
    ("recalls", "code", "said"),
    [
        ([1.0, 1.0, 0.9], 0, "recall@10 0.9667"),
        ([1.0, 0.5], 1, "This is below 0.95: raise APP_SEARCH_EF, which is 40"),
        ([], 0, "nothing to find"),
    ],
)
def test_the_command_tells_the_recall(stub: ApiStub, recalls: list[float], code: int, said: str) -> None:
    """Exit code 1 below the floor, with the setting that raises it."""
    stub.recall = Canned(200, {"recalls": recalls, "k": 10, "floor": 0.95, "search_ef": 40})
    result = recall(stub)
    assert (result.exit_code, said in result.stdout) == (code, True), result.output


def test_the_floor_can_be_given(stub: ApiStub) -> None:
    """It wins over the server's."""
    stub.recall = Canned(200, {"recalls": [0.9], "k": 10, "floor": 0.95, "search_ef": 40})
    assert recall(stub, "--floor", "0.85").exit_code == 0
