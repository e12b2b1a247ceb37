"""What OpenAILLM adds to the contract: requests, timeouts, and what it makes of faults."""

from __future__ import annotations

import asyncio
import gc
import logging
import time
import traceback
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any

import pytest
from tests.openai_stub import Fault, OpenAIStub

from citewell.errors import CitewellError, LLMRejected, LLMUnavailable
from citewell.model import Delta, Message, TokenUsage
from citewell_adapters.openai import Endpoint, OpenAILLM, RetryPolicy

KEY = "sk-secret-0123456789"
MESSAGES = (Message("system", "Be brief."), Message("user", "When does the ferry leave?"))
QUICK = RetryPolicy(max_retries=2, first_wait_seconds=0.01)


@pytest.fixture
async def stub() -> AsyncIterator[OpenAIStub]:
    async with OpenAIStub(pieces=("At ", "nine", "."), piece_delay_seconds=0.002) as stub:
        yield stub


def connected(
    stub: OpenAIStub, *, timeout_seconds: float = 20.0, retry: RetryPolicy = QUICK, **options: Any
) -> OpenAILLM:
    endpoint = Endpoint(stub.base_url, KEY, retry=retry)
    return OpenAILLM(endpoint, model="stub", first_token_timeout_seconds=timeout_seconds, **options)


async def said(llm: OpenAILLM) -> list[str]:
    async with aclosing(llm.generate(MESSAGES, max_tokens=50)) as deltas:
        return [delta.text async for delta in deltas]


async def failure(llm: OpenAILLM) -> tuple[list[str], CitewellError]:
    """What was said before the error, and the error."""
    pieces: list[str] = []
    async with aclosing(llm.generate(MESSAGES, max_tokens=50)) as deltas:
        try:
            async for delta in deltas:
                pieces.append(delta.text)  # noqa: PERF401 - kept when the error comes
        except CitewellError as error:
            return pieces, error
    pytest.fail(f"no error after {pieces}")


async def test_the_reply_comes_in_pieces(stub: OpenAIStub) -> None:
    """As they were sent; the empty ones that frame them are left out."""
    async with connected(stub) as llm:
        assert await said(llm) == ["At ", "nine", "."]


async def test_requests_carry_the_model_the_messages_and_the_bound(stub: OpenAIStub) -> None:
    """Nothing else unless it was asked for."""
    async with connected(stub) as llm:
        await said(llm)
    async with connected(stub, temperature=0.0, token_limit="max_completion_tokens") as llm:
        await said(llm)
    first, second = (request.body for request in stub.requests)
    assert first == {
        "model": "stub",
        "messages": [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": "When does the ferry leave?"},
        ],
        "max_tokens": 50,
        "stream": True,
        "stream_options": {"include_usage": True},
    }
    assert (second["temperature"], second["max_completion_tokens"]) == (0.0, 50)
    assert "max_tokens" not in second


async def test_a_message_that_utf8_cannot_carry_is_sent_without_the_odd_character(stub: OpenAIStub) -> None:
    """A lone surrogate costs no call."""
    async with (
        connected(stub) as llm,
        aclosing(llm.generate([Message("user", "a\ud800b")], max_tokens=5)) as reply,
    ):
        await anext(reply)
    assert stub.requests[0].body["messages"] == [{"role": "user", "content": "a?b"}]


async def test_pieces_are_given_as_soon_as_they_are_there(stub: OpenAIStub) -> None:
    """The first does not wait for the last."""
    stub.after_pieces = "hangs"
    async with connected(stub) as llm, aclosing(llm.generate(MESSAGES, max_tokens=50)) as deltas:
        assert [(await anext(deltas)).text for _ in range(3)] == ["At ", "nine", "."]


async def test_leaving_early_closes_the_reply_upstream(stub: OpenAIStub) -> None:
    """The server notices within a second that nobody listens."""
    stub.after_pieces = "hangs"
    async with connected(stub) as llm:
        async with aclosing(llm.generate(MESSAGES, max_tokens=50)) as deltas:
            await anext(deltas)
        await soon_over(stub)


async def test_a_reply_that_is_dropped_is_closed_too(stub: OpenAIStub) -> None:
    """Even where nobody closes the generator."""
    stub.after_pieces = "hangs"
    async with connected(stub) as llm:
        async for _ in llm.generate(MESSAGES, max_tokens=50):
            break
        gc.collect()
        await soon_over(stub)


async def test_cancelling_closes_the_reply_upstream(stub: OpenAIStub) -> None:
    """As a caller's timeout does."""
    stub.after_pieces = "hangs"
    async with connected(stub) as llm:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.2):
                await said(llm)
        await soon_over(stub)


async def soon_over(stub: OpenAIStub) -> None:
    deadline = time.monotonic() + 10.0
    while stub.open_calls and time.monotonic() < deadline:  # noqa: ASYNC110 - the stub counts, it tells nobody
        await asyncio.sleep(0.01)
    assert (stub.open_calls, stub.disconnects) == (0, 1)


@pytest.mark.parametrize("status", [429, 500, 503])
async def test_a_failure_before_the_reply_is_tried_again(stub: OpenAIStub, status: int) -> None:
    """And nobody notices if it passes."""
    stub.next(Fault(status=status, headers={"Retry-After": "0"}), Fault(hangs_up=True))
    async with connected(stub) as llm:
        assert await said(llm) == ["At ", "nine", "."]
    assert len(stub.requests) == 3


async def test_a_failure_that_stays_is_unavailable(stub: OpenAIStub) -> None:
    """After the retries that were allowed."""
    stub.always(Fault(status=500, message="on fire"))
    async with connected(stub) as llm:
        pieces, error = await failure(llm)
    assert (pieces, type(error)) == ([], LLMUnavailable)
    assert "status 500: on fire" in str(error)
    assert len(stub.requests) == 1 + QUICK.max_retries


@pytest.mark.parametrize("status", [400, 401, 404])
async def test_a_refusal_is_final(stub: OpenAIStub, status: int) -> None:
    """One try."""
    stub.always(Fault(status=status, message="not with me"))
    async with connected(stub) as llm:
        _, error = await failure(llm)
    assert isinstance(error, LLMRejected)
    assert f"status {status}: not with me" in str(error)
    assert len(stub.requests) == 1


async def test_a_model_that_does_not_begin_is_unavailable(stub: OpenAIStub) -> None:
    """The first piece has its time, all tries together."""
    stub.always(Fault(hangs=True))
    async with connected(stub, timeout_seconds=1.0) as llm:
        pieces, error = await failure(llm)
        await soon_over(stub)
    assert (pieces, type(error)) == ([], LLMUnavailable)
    assert "no reply in time" in str(error)


async def test_headers_without_a_piece_do_not_count_as_a_beginning(stub: OpenAIStub) -> None:
    """Nor does the empty piece that names the role."""
    stub.piece_delay_seconds = 60.0
    async with connected(stub, timeout_seconds=1.0) as llm:
        pieces, error = await failure(llm)
    assert (pieces, type(error)) == ([], LLMUnavailable)


async def test_a_reply_that_does_not_end_is_unavailable(stub: OpenAIStub) -> None:
    """What was said before stays said."""
    stub.after_pieces = "hangs"
    async with connected(stub, total_timeout_seconds=1.5) as llm:
        pieces, error = await failure(llm)
        await soon_over(stub)
    assert (pieces, type(error)) == (["At ", "nine", "."], LLMUnavailable)


@pytest.mark.parametrize("after_pieces", ["breaks", "error"])
async def test_a_reply_that_breaks_off_is_unavailable(stub: OpenAIStub, after_pieces: str) -> None:
    """Whether the connection breaks or the model tells its error."""
    stub.after_pieces = after_pieces
    async with connected(stub) as llm:
        pieces, error = await failure(llm)
    assert (pieces, type(error)) == (["At ", "nine", "."], LLMUnavailable)
    assert len(stub.requests) == 1


async def test_replies_may_overlap(stub: OpenAIStub) -> None:
    """Each its own."""
    async with connected(stub) as llm:
        assert await asyncio.gather(*(said(llm) for _ in range(5))) == [["At ", "nine", "."]] * 5


async def test_a_slow_consumer_does_not_break_its_reply(stub: OpenAIStub) -> None:
    """The time of the first piece binds the model, not who listens."""
    async with connected(stub, timeout_seconds=1.0) as llm:
        pieces = []
        async with aclosing(llm.generate(MESSAGES, max_tokens=50)) as deltas:
            async for delta in deltas:
                pieces.append(delta.text)
                await asyncio.sleep(0.6)
    assert pieces == ["At ", "nine", "."]


async def test_the_key_shows_nowhere(stub: OpenAIStub, caplog: pytest.LogCaptureFixture) -> None:
    """Not in errors and their tracebacks, even if the endpoint repeats it, not in logs."""
    stub.always(Fault(status=401, message=f"no such key: {KEY}"))
    with caplog.at_level(logging.DEBUG):
        async with connected(stub) as llm:
            _, error = await failure(llm)
    assert KEY not in "".join([*traceback.format_exception(error), caplog.text, repr(llm), str(vars(llm))])


async def test_it_is_opened_before_it_is_used(stub: OpenAIStub) -> None:
    """A sentence that says how."""
    with pytest.raises(RuntimeError, match="async with"):
        await said(connected(stub))


@pytest.mark.parametrize(
    ("base_url", "name"),
    [
        ("https://api.openai.com/v1", "max_completion_tokens"),
        ("https://mine.openai.azure.com/openai/v1", "max_completion_tokens"),
        ("http://127.0.0.1:8080/v1", "max_tokens"),
    ],
)
async def test_the_bound_has_the_name_that_the_endpoint_knows(base_url: str, name: str) -> None:
    """OpenAI's reasoning models refuse the older name, other servers the newer."""
    assert OpenAILLM(Endpoint(base_url), model="any")._token_limit == name


async def test_what_a_reply_cost_is_told_where_the_endpoint_tells_it(stub: OpenAIStub) -> None:
    """With the last piece, which has no text; half of it is as good as nothing."""
    async with connected(stub) as llm:
        assert [delta async for delta in llm.generate(MESSAGES, max_tokens=50)][-1] == Delta(".")
        stub.usage = {"prompt_tokens": 7, "completion_tokens": 3, "total_tokens": 10}
        deltas = [delta async for delta in llm.generate(MESSAGES, max_tokens=50)]
    assert deltas[-2:] == [Delta("."), Delta("", TokenUsage(7, 3))]
