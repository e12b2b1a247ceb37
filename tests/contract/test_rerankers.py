"""The contract of Reranker, over each of them; and what HttpReranker adds to it."""

from __future__ import annotations

import asyncio
import logging
import math
import time
import traceback
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from tests.openai_stub import Fault, OpenAIStub
from tests.tiny_cross_encoder import write_cross_encoder

from citewell.breaker import Breaker
from citewell.errors import CitewellError, RerankerRejected, RerankerUnavailable
from citewell.ports import Reranker
from citewell.ranking import HeuristicReranker
from citewell.testing import RemoteRerankerContract, RerankerContract, ScriptedReranker
from citewell.testing.reranker import QUESTION, TEXTS, hits_of
from citewell_adapters.local import LocalReranker
from citewell_adapters.openai import CallReport, Endpoint, HttpReranker, RetryPolicy
from citewell_adapters.snowball import SnowballEncoder

KEY = "rk-secret-0123456789"
QUICK = RetryPolicy(max_retries=2, first_wait_seconds=0.01)


@pytest.fixture
async def stub() -> AsyncIterator[OpenAIStub]:
    async with OpenAIStub() as stub:
        yield stub


def connected(
    stub: OpenAIStub, *, api_key: str = KEY, total_timeout_seconds: float = 20.0, **options: Any
) -> HttpReranker:
    endpoint = Endpoint(stub.base_url, api_key, timeout_seconds=20.0, retry=QUICK)
    return HttpReranker(endpoint, model="stub", total_timeout_seconds=total_timeout_seconds, **options)


class TestHeuristicReranker(RerankerContract):
    @pytest.fixture
    def reranker(self) -> Reranker:
        return HeuristicReranker(SnowballEncoder())


class TestScriptedReranker(RemoteRerankerContract):
    @pytest.fixture
    def reranker(self) -> Reranker:
        return ScriptedReranker({TEXTS[1]: 0.9})

    @pytest.fixture
    def unavailable_reranker(self) -> Reranker:
        return ScriptedReranker(errors=[RerankerUnavailable()])

    @pytest.fixture
    def rejecting_reranker(self) -> Reranker:
        return ScriptedReranker(errors=[RerankerRejected()])


@pytest.fixture(scope="module")
async def local_reranker(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Reranker]:
    folder = tmp_path_factory.mktemp("models") / "tiny"
    write_cross_encoder(folder)
    async with LocalReranker(folder) as reranker:
        yield reranker


class TestLocalReranker(RerankerContract):
    @pytest.fixture
    def reranker(self, local_reranker: Reranker) -> Reranker:
        return local_reranker


class TestHttpReranker(RemoteRerankerContract):
    @pytest.fixture
    async def reranker(self, stub: OpenAIStub) -> AsyncIterator[Reranker]:
        async with connected(stub) as reranker:
            yield reranker

    @pytest.fixture
    async def unavailable_reranker(self, stub: OpenAIStub) -> AsyncIterator[Reranker]:
        stub.always(status=503)
        async with connected(stub) as reranker:
            yield reranker

    @pytest.fixture
    async def rejecting_reranker(self, stub: OpenAIStub) -> AsyncIterator[Reranker]:
        stub.always(status=401)
        async with connected(stub) as reranker:
            yield reranker


async def failure(reranker: HttpReranker) -> CitewellError:
    with pytest.raises(CitewellError) as raised:
        await reranker.score(QUESTION, hits_of(TEXTS))
    return raised.value


async def test_a_request_carries_the_model_the_question_and_each_text_once(stub: OpenAIStub) -> None:
    """As Cohere's protocol has it; the reply comes best first, and the index tells whose score it is."""
    stub.relevance = {text: place / 10 for place, text in enumerate(TEXTS[:4])}
    async with connected(stub) as reranker:
        scores = await reranker.score(QUESTION, hits_of(TEXTS))
    [request] = stub.requests
    assert (request.path, request.headers["authorization"]) == ("/v1/rerank", f"Bearer {KEY}")
    assert request.body == {"model": "stub", "query": QUESTION, "documents": list(TEXTS[:4]), "top_n": 4}
    assert scores == [0.0, 0.1, 0.2, 0.3, 0.0]


async def test_without_a_key_none_is_sent(stub: OpenAIStub) -> None:
    """For servers of one's own."""
    async with connected(stub, api_key="") as reranker:
        await reranker.score(QUESTION, hits_of(TEXTS))
    assert "authorization" not in stub.requests[0].headers


async def test_logits_go_through_a_sigmoid(stub: OpenAIStub) -> None:
    """From the first reply on that holds one outside [0, 1]; the order stays."""
    stub.relevance = dict(zip(TEXTS, (-800.0, 4.0, 0.5, 0.0), strict=False))
    async with connected(stub) as reranker:
        scores = await reranker.score(QUESTION, hits_of(TEXTS[:4]))
        [alone] = await reranker.score(QUESTION, hits_of(TEXTS[2:3]))
    assert scores == pytest.approx([0.0, 1 / (1 + math.exp(-4)), 1 / (1 + math.exp(-0.5)), 0.5])
    assert alone == scores[2]


async def test_rounding_makes_no_logit(stub: OpenAIStub) -> None:
    """A server's 1.00001 is 1."""
    stub.relevance = {TEXTS[0]: 1.00001, TEXTS[1]: -0.00001}
    async with connected(stub) as reranker:
        assert await reranker.score(QUESTION, hits_of(TEXTS[:2])) == [1.0, 0.0]


@pytest.mark.parametrize("fault", [Fault(status=429, headers={"Retry-After": "0"}), Fault(hangs_up=True)])
async def test_a_failure_that_passes_is_not_noticed(stub: OpenAIStub, fault: Fault) -> None:
    """The call is made again."""
    stub.next(fault)
    async with connected(stub) as reranker:
        assert len(await reranker.score(QUESTION, hits_of(TEXTS))) == len(TEXTS)
    assert len(stub.requests) == 2


async def test_a_wait_beyond_the_time_that_is_left_is_not_begun(stub: OpenAIStub) -> None:
    """A search does not wait for what cannot come in time."""
    stub.always(Fault(status=429, headers={"Retry-After": "20"}))
    began = time.monotonic()
    async with connected(stub, total_timeout_seconds=10.0) as reranker:
        assert isinstance(await failure(reranker), RerankerUnavailable)
    assert len(stub.requests) == 1
    assert time.monotonic() - began < 5


async def test_a_server_that_is_silent_is_unavailable(stub: OpenAIStub) -> None:
    """After the time for all tries together."""
    stub.always(Fault(hangs=True))
    async with connected(stub, total_timeout_seconds=0.2) as reranker:
        error = await failure(reranker)
    assert isinstance(error, RerankerUnavailable)
    assert "no reply in time" in str(error)


async def test_a_server_that_stays_silent_is_left_alone(stub: OpenAIStub) -> None:
    """Until one call has found it well again; each is reported."""
    breaker, reports = Breaker(failures=2, probe_seconds=0.2), list[CallReport]()
    stub.always(Fault(hangs=True))
    async with connected(stub, total_timeout_seconds=0.1, breaker=breaker, report=reports.append) as reranker:
        for _ in range(2):
            await failure(reranker)
        assert "left alone" in str(await failure(reranker))
        stub.heal()
        await asyncio.sleep(0.25)
        assert len(await reranker.score(QUESTION, hits_of(TEXTS))) == len(TEXTS)
    assert [report.outcome for report in reports] == ["unavailable", "unavailable", "refused", "ok"]


@pytest.mark.parametrize(
    "results",
    [
        "none",
        [],
        [{"index": 0, "relevance_score": 0.5}] * 4,
        [{"index": index, "relevance_score": "high"} for index in range(4)],
        [{"index": index, "relevance_score": float("nan")} for index in range(4)],
        [{"index": index} for index in range(4)],
        [{"index": index + 1, "relevance_score": 0.5} for index in range(4)],
    ],
)
async def test_a_reply_that_judges_not_each_passage_once_is_refused(stub: OpenAIStub, results: Any) -> None:
    """No passage gets a score that is not its own."""
    stub.results = results
    async with connected(stub) as reranker:
        assert isinstance(await failure(reranker), RerankerRejected)


async def test_the_key_shows_nowhere(stub: OpenAIStub, caplog: pytest.LogCaptureFixture) -> None:
    """Not in errors and their tracebacks, even if the endpoint repeats it, not in logs."""
    stub.always(Fault(status=401, message=f"no such key: {KEY}"))
    with caplog.at_level(logging.DEBUG):
        async with connected(stub) as reranker:
            error = await failure(reranker)
    assert KEY not in "".join([*traceback.format_exception(error), caplog.text, repr(vars(reranker))])


async def test_a_local_model_is_judged_by_its_own_output(tmp_path: Path) -> None:
    """Its logit through a sigmoid: the tiny model's is ln ln of the mean token id."""
    write_cross_encoder(tmp_path / "tiny")
    async with LocalReranker(tmp_path / "tiny", threads=1) as reranker:
        [score] = await reranker.score("a", hits_of(["b"]))
    # [CLS] a [SEP] b [SEP], by the vocabulary of BERT.
    logit = math.log(math.log((101 + 1037 + 102 + 1038 + 102) / 5))
    assert score == pytest.approx(1 / (1 + math.exp(-logit)), abs=1e-4)


async def test_a_folder_may_be_opened_twice(tmp_path: Path) -> None:
    """Two processes of one kind, or one after the other."""
    write_cross_encoder(tmp_path / "tiny")
    for _ in range(2):
        async with LocalReranker(tmp_path / "tiny") as reranker:
            assert len(await reranker.score(QUESTION, hits_of(TEXTS))) == len(TEXTS)


@pytest.mark.parametrize("missing", ["model.onnx", "tokenizer.json", "tokenizer_config.json"])
async def test_a_folder_that_lacks_a_file_is_refused(tmp_path: Path, missing: str) -> None:
    """By its name, when it is opened."""
    write_cross_encoder(tmp_path / "tiny")
    (tmp_path / "tiny" / missing).unlink()
    with pytest.raises(RerankerRejected, match=missing):
        async with LocalReranker(tmp_path / "tiny"):
            pass


async def test_a_file_that_is_no_model_is_refused(tmp_path: Path) -> None:
    """When it is opened, not at the first question."""
    write_cross_encoder(tmp_path / "tiny")
    (tmp_path / "tiny" / "model.onnx").write_bytes(b"not a model")
    with pytest.raises(RerankerRejected, match="cannot be loaded"):
        async with LocalReranker(tmp_path / "tiny"):
            pass


@pytest.mark.parametrize("reranker", [HttpReranker(Endpoint(), model="m"), LocalReranker(Path("m"))])
async def test_it_is_opened_before_it_is_used(reranker: Reranker) -> None:
    """A sentence that says how."""
    with pytest.raises(RuntimeError, match="async with"):
        await reranker.score(QUESTION, hits_of(TEXTS))
