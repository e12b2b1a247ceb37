"""What OpenAIEmbedder adds to the contract: batches, retries, and what it makes of faults."""

from __future__ import annotations

import asyncio
import logging
import math
import socket
import time
import traceback
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest
from tests.openai_stub import Fault, OpenAIStub

from citewell.breaker import Breaker
from citewell.errors import (
    CitewellError,
    DimensionMismatch,
    EmbedderUnavailable,
    EmbeddingRejected,
    InvalidInput,
)
from citewell.model import EmbeddingSpace
from citewell_adapters.openai import CallReport, Endpoint, OpenAIEmbedder, RetryPolicy

KEY = "sk-secret-0123456789"
QUICK = RetryPolicy(max_retries=2, first_wait_seconds=0.01)


@pytest.fixture
async def stub() -> AsyncIterator[OpenAIStub]:
    async with OpenAIStub(dimensions=16) as stub:
        yield stub


def connected(
    stub: OpenAIStub,
    *,
    model: str = "stub",
    dimensions: int | None = 16,
    retry: RetryPolicy = QUICK,
    timeout_seconds: float = 20.0,
    api_key: str = KEY,
    **options: Any,
) -> OpenAIEmbedder:
    endpoint = Endpoint(stub.base_url, api_key, timeout_seconds=timeout_seconds, retry=retry)
    return OpenAIEmbedder(endpoint, model=model, dimensions=dimensions, **options)


async def failure(embedder: OpenAIEmbedder, *texts: str) -> CitewellError:
    with pytest.raises(CitewellError) as raised:
        await embedder.embed(texts or ["text"], role="passage")
    return raised.value


async def test_requests_carry_the_model_the_texts_and_the_key(stub: OpenAIStub) -> None:
    """One POST per batch, asking for base64."""
    async with connected(stub) as embedder:
        await embedder.embed(["one", "two"], role="passage")
    [request] = stub.requests
    assert request.path == "/v1/embeddings"
    assert request.headers["authorization"] == f"Bearer {KEY}"
    assert request.body == {"model": "stub", "input": ["one", "two"], "encoding_format": "base64"}


async def test_without_a_key_none_is_sent(stub: OpenAIStub, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing that the client would find in the environment goes out in its place."""
    monkeypatch.setenv("OPENAI_API_KEY", "sk-of-someone-else")
    monkeypatch.setenv("OPENAI_ORG_ID", "org-of-someone-else")
    monkeypatch.setenv("OPENAI_PROJECT_ID", "project-of-someone-else")
    async with connected(stub, api_key="") as embedder:
        await embedder.embed(["one"], role="passage")
    [request] = stub.requests
    assert "authorization" not in request.headers
    assert not [value for value in request.headers.values() if "someone-else" in value]


async def test_batches_are_bounded_by_texts_and_by_tokens(stub: OpenAIStub) -> None:
    """No request carries more than either; the order stays."""
    texts = [f"word{number} " + "filler " * (number % 5) for number in range(20)]
    async with connected(stub, batch_texts=4, batch_tokens=12) as embedder:
        vectors = await embedder.embed(texts, role="passage")
        for text, vector in zip(texts, vectors, strict=True):
            assert await embedder.embed([text], role="passage") == [vector]
        batches = stub.inputs[: -len(texts)]
        assert sorted(text for batch in batches for text in batch) == sorted(texts)
        assert all(len(batch) <= 4 and sum(map(embedder.count_tokens, batch)) <= 12 for batch in batches)


async def test_a_text_larger_than_a_batch_goes_alone(stub: OpenAIStub) -> None:
    """A bound on tokens holds no text back."""
    long = "long " * 30
    async with connected(stub, batch_tokens=10) as embedder:
        await embedder.embed(["a", long, "b"], role="passage")
    assert sorted(stub.inputs) == [["a"], ["b"], [long]]


async def test_a_text_beyond_the_window_is_cut(stub: OpenAIStub) -> None:
    """What exceeds `max_tokens` is left out, as the endpoint would refuse the whole request."""
    async with connected(stub, max_tokens=10) as embedder:
        await embedder.embed(["word " * 50], role="passage")
        [[sent]] = stub.inputs
        assert embedder.count_tokens(sent) == 10
        assert ("word " * 50).startswith(sent)


async def test_a_text_that_utf8_cannot_carry_is_sent_without_the_odd_character(stub: OpenAIStub) -> None:
    """A lone surrogate costs no call."""
    async with connected(stub) as embedder:
        await embedder.embed(["a\ud800b"], role="question")
    assert stub.inputs == [["a?b"]]


async def test_equal_texts_are_sent_once_and_blank_ones_never(stub: OpenAIStub) -> None:
    """Nothing is paid for twice, and endpoints refuse empty texts."""
    async with connected(stub) as embedder:
        vectors = await embedder.embed(["same", "", "same", " \n", "other"], role="passage")
    assert stub.inputs == [["same", "other"]]
    assert vectors[0] == vectors[2] != vectors[4]
    assert list(vectors[1]) == list(vectors[3]) == pytest.approx([0.25] * 16)


async def test_dimensions_are_requested_only_of_models_that_can(stub: OpenAIStub) -> None:
    """Or where it was asked for."""
    for model, request in (
        ("stub", None),
        ("stub", True),
        ("text-embedding-3-small", None),
        ("text-embedding-3-small", False),
    ):
        async with connected(stub, model=model, request_dimensions=request) as embedder:
            await embedder.embed(["text"], role="passage")
    assert [request.body.get("dimensions") for request in stub.requests] == [None, 16, 16, None]


async def test_dimensions_that_were_not_given_are_found_out(stub: OpenAIStub) -> None:
    """One call at opening, none for models whose dimensions are known."""
    async with connected(stub, dimensions=None) as embedder:
        assert embedder.space == EmbeddingSpace("stub", 16)
        assert len(stub.requests) == 1
    async with connected(stub, model="text-embedding-3-large", dimensions=None) as embedder:
        assert embedder.space == EmbeddingSpace("text-embedding-3-large", 3072)
        assert len(stub.requests) == 1


async def test_opening_fails_if_the_dimensions_cannot_be_found_out(stub: OpenAIStub) -> None:
    """With the error of the call; nothing is left open."""
    stub.always(status=401)
    with pytest.raises(EmbeddingRejected):
        await connected(stub, dimensions=None).__aenter__()


async def test_vectors_are_put_in_order_by_their_index(stub: OpenAIStub) -> None:
    """Endpoints may answer in any order."""
    async with connected(stub) as embedder:
        expected = await embedder.embed(["one", "two", "three"], role="passage")
        stub.reversed = True
        assert await embedder.embed(["one", "two", "three"], role="passage") == expected


@pytest.mark.parametrize("only_floats", [False, True])
async def test_vectors_are_normalised(stub: OpenAIStub, only_floats: bool) -> None:
    """Also where the endpoint's are not."""
    stub.length, stub.only_floats = 7.5, only_floats
    async with connected(stub) as embedder:
        [vector] = await embedder.embed(["text"], role="passage")
    assert math.hypot(*vector) == pytest.approx(1.0, abs=1e-5)


async def test_a_reply_with_too_few_vectors_is_refused(stub: OpenAIStub) -> None:
    """No text gets another's vector."""
    stub.missing = 1
    async with connected(stub) as embedder:
        error = await failure(embedder, "one", "two")
    assert isinstance(error, EmbeddingRejected)
    assert "1 vectors for 2 texts" in str(error)


async def test_a_vector_without_a_direction_is_refused(stub: OpenAIStub) -> None:
    """It could not be compared with any other."""
    stub.length = 0.0
    async with connected(stub) as embedder:
        assert isinstance(await failure(embedder), EmbeddingRejected)


async def test_wrong_dimensions_say_which(stub: OpenAIStub) -> None:
    """One try, and both numbers in the message."""
    async with connected(stub, dimensions=8) as embedder:
        error = await failure(embedder)
    assert isinstance(error, DimensionMismatch)
    assert "16 dimensions, not 8" in str(error)
    assert len(stub.requests) == 1


@pytest.mark.parametrize("status", [400, 401, 403, 404, 413, 422])
async def test_a_refusal_is_final(stub: OpenAIStub, status: int) -> None:
    """One try; the message has the status and what the endpoint said."""
    stub.always(Fault(status=status, message="not with me"))
    async with connected(stub) as embedder:
        error = await failure(embedder)
    assert isinstance(error, EmbeddingRejected)
    assert f"status {status}: not with me" in str(error)
    assert len(stub.requests) == 1


@pytest.mark.parametrize("status", [408, 409, 429, 500, 502, 503, 529])
async def test_a_passing_failure_is_tried_again(stub: OpenAIStub, status: int) -> None:
    """And nobody notices if it passes."""
    stub.next(Fault(status=status), Fault(status=status))
    async with connected(stub) as embedder:
        assert len(await embedder.embed(["text"], role="passage")) == 1
    assert len(stub.requests) == 3


async def test_a_failure_that_stays_is_unavailable(stub: OpenAIStub) -> None:
    """After the retries that were allowed."""
    stub.always(Fault(status=500, message="on fire"))
    async with connected(stub) as embedder:
        error = await failure(embedder)
    assert isinstance(error, EmbedderUnavailable)
    assert "status 500: on fire" in str(error)
    assert len(stub.requests) == 1 + QUICK.max_retries


async def test_a_broken_connection_is_tried_again(stub: OpenAIStub) -> None:
    """A server that hangs up has lost nothing."""
    stub.next(Fault(hangs_up=True))
    async with connected(stub) as embedder:
        assert len(await embedder.embed(["text"], role="passage")) == 1


async def test_a_server_that_is_not_there_is_unavailable() -> None:
    """A refused connection may be accepted later."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        endpoint = Endpoint(f"http://127.0.0.1:{unused.getsockname()[1]}/v1", retry=QUICK)
        async with OpenAIEmbedder(endpoint, model="stub", dimensions=16) as embedder:
            error = await failure(embedder)
    assert isinstance(error, EmbedderUnavailable)
    assert "no connection" in str(error)


async def test_a_server_that_hangs_is_unavailable(stub: OpenAIStub) -> None:
    """Each try has its time; the endpoint sees that nobody waits any more."""
    stub.always(Fault(hangs=True))
    async with connected(stub, timeout_seconds=1.0) as embedder:
        error = await failure(embedder)
        await no_open_calls(stub)
    assert isinstance(error, EmbedderUnavailable)
    assert "no reply in time" in str(error)
    assert stub.disconnects == len(stub.requests) == 1 + QUICK.max_retries


@pytest.mark.parametrize(
    "headers",
    [
        {"Retry-After": "1"},
        {"Retry-After-Ms": "1000", "Retry-After": "0"},
        {"Retry-After": "date"},
    ],
    ids=str,
)
async def test_retry_after_is_honoured(stub: OpenAIStub, headers: dict[str, str]) -> None:
    """In seconds, in milliseconds or as a date."""
    if headers.get("Retry-After") == "date":
        in_two_seconds = datetime.now(UTC) + timedelta(seconds=2)
        headers = {"Retry-After": format_datetime(in_two_seconds, usegmt=True)}
    stub.next(Fault(status=429, headers=headers))
    began = time.monotonic()
    async with connected(stub) as embedder:
        await embedder.embed(["text"], role="passage")
    assert time.monotonic() - began >= 0.99
    assert len(stub.requests) == 2


async def test_a_wait_that_is_too_long_is_not_waited(stub: OpenAIStub) -> None:
    """The job is deferred instead."""
    stub.always(Fault(status=429, headers={"Retry-After": "3600"}))
    async with connected(stub) as embedder:
        assert isinstance(await failure(embedder), EmbedderUnavailable)
    assert len(stub.requests) == 1


async def test_an_account_without_credit_is_not_tried_again_at_once(stub: OpenAIStub) -> None:
    """A status that usually passes, but not within seconds."""
    stub.always(Fault(status=429, code="insufficient_quota"))
    async with connected(stub) as embedder:
        assert isinstance(await failure(embedder), EmbedderUnavailable)
    assert len(stub.requests) == 1


async def test_a_web_page_instead_of_json_is_refused(stub: OpenAIStub) -> None:
    """As behind a wrong base URL."""
    stub.always(Fault(body=b"<html>Welcome</html>", headers={"Content-Type": "text/html"}))
    async with connected(stub) as embedder:
        assert isinstance(await failure(embedder), EmbeddingRejected)


async def test_json_that_is_cut_short_is_tried_again(stub: OpenAIStub) -> None:
    """As from a proxy whose server broke down."""
    stub.next(Fault(body=b'{"data": ['))
    async with connected(stub) as embedder:
        assert len(await embedder.embed(["text"], role="passage")) == 1
    assert len(stub.requests) == 2


async def test_calls_at_the_same_time_are_limited(stub: OpenAIStub) -> None:
    """Over all calls of `embed` together."""
    texts = [f"text {number}" for number in range(12)]
    async with connected(stub, batch_texts=1, max_concurrent_calls=3) as embedder:
        await asyncio.gather(*(embedder.embed(texts, role="passage") for _ in range(3)))
    assert stub.most_open_calls == 3


async def test_a_batch_that_fails_ends_the_others(stub: OpenAIStub) -> None:
    """The call has failed, so nothing more is paid for."""
    stub.next(Fault(hangs=True), Fault(status=401))
    async with connected(stub, batch_texts=1) as embedder:
        assert isinstance(await failure(embedder, *"abcdefgh"), EmbeddingRejected)
        await no_open_calls(stub)
    assert len(stub.requests) < 8


async def test_cancelling_ends_the_requests(stub: OpenAIStub) -> None:
    """Nobody waits for what nobody wants."""
    stub.always(Fault(hangs=True))
    async with connected(stub) as embedder:
        call = asyncio.create_task(embedder.embed(["text"], role="passage"))
        while not stub.open_calls:  # noqa: ASYNC110 - the stub counts, it tells nobody
            await asyncio.sleep(0.01)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        await no_open_calls(stub)


async def no_open_calls(stub: OpenAIStub) -> None:
    async with asyncio.timeout(5.0):
        while stub.open_calls:  # noqa: ASYNC110 - the stub counts, it tells nobody
            await asyncio.sleep(0.01)


async def test_a_question_is_not_waited_for_as_long_as_a_passage(stub: OpenAIStub) -> None:
    """All its tries have one time, waiting for its turn included; a passage's go on."""
    stub.always(Fault(hangs=True))
    async with connected(stub, question_timeout_seconds=0.2, max_concurrent_calls=1) as embedder:
        passages = asyncio.create_task(embedder.embed(["text"], role="passage"))
        for _ in range(2):
            with pytest.raises(EmbedderUnavailable, match="no reply in time"):
                await embedder.embed(["text"], role="question")
        assert not passages.done()
        passages.cancel()
        await asyncio.wait([passages])


async def test_questions_have_a_breaker_and_passages_go_on(stub: OpenAIStub) -> None:
    """Whoever embeds passages waits and tries himself; each batch is reported."""
    breaker, reports = Breaker(failures=2, probe_seconds=0.2), list[CallReport]()
    stub.always(status=503)
    async with connected(
        stub, retry=RetryPolicy(max_retries=0), question_breaker=breaker, report=reports.append
    ) as embedder:
        for reason in ("status 503", "status 503", "left alone"):
            with pytest.raises(EmbedderUnavailable, match=reason):
                await embedder.embed(["text"], role="question")
        stub.heal()
        assert len(await embedder.embed(["text"], role="passage")) == 1
        assert not breaker.admits
        await asyncio.sleep(0.25)
        assert len(await embedder.embed(["text"], role="question")) == 1
    assert [report.outcome for report in reports] == ["unavailable", "unavailable", "refused", "ok", "ok"]


@pytest.mark.parametrize(
    "fault", [Fault(status=401, message=f"no such key: {KEY}"), Fault(status=500)], ids=str
)
async def test_the_key_shows_nowhere(
    stub: OpenAIStub, fault: Fault, caplog: pytest.LogCaptureFixture
) -> None:
    """Not in errors and their tracebacks, even if the endpoint repeats it, not in logs, not in reprs."""
    stub.always(fault)
    with caplog.at_level(logging.DEBUG):
        async with connected(stub) as embedder:
            error = await failure(embedder)
            shown = [*traceback.format_exception(error), repr(embedder), str(vars(embedder))]
    assert KEY not in "".join(shown)
    assert KEY not in caplog.text


async def test_it_is_opened_before_it_is_used(stub: OpenAIStub) -> None:
    """A sentence that says how."""
    embedder = connected(stub)
    with pytest.raises(RuntimeError, match="async with"):
        await embedder.embed(["text"], role="passage")
    with pytest.raises(RuntimeError, match="async with"):
        _ = connected(stub, dimensions=None).space


@pytest.mark.parametrize(
    "base_url", ["", "api.openai.com/v1", "ftp://host/v1", "http://", "http://host:port/"]
)
def test_a_base_url_that_is_none_is_refused(base_url: str) -> None:
    """At once, not at the first call."""
    with pytest.raises(InvalidInput, match="base URL"):
        Endpoint(base_url)


def test_credentials_in_a_base_url_show_in_no_message() -> None:
    """Messages name the host alone."""
    assert Endpoint("https://user:password@models.example:8443/v1").host == "models.example:8443"
