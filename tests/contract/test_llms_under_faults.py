"""OpenAILLM where the endpoint fails, is slow, or is asked by many: nobody waits in vain, and it recovers."""

from __future__ import annotations

import asyncio
import logging
import socket
import time
from collections.abc import AsyncIterator
from contextlib import aclosing, suppress
from typing import Any

import pytest
from tests.manual_time import ManualTime
from tests.openai_stub import Fault, OpenAIStub

from citewell.breaker import Breaker, BreakerState
from citewell.errors import CitewellError, LLMRejected, LLMUnavailable
from citewell.model import Message, TokenUsage
from citewell_adapters.openai import CallReport, Endpoint, OpenAILLM, RetryPolicy

KEY = "sk-secret-0123456789"
MESSAGES = (Message("user", "When does the ferry leave?"),)
WHOLE = ["At ", "nine", "."]
ONCE = RetryPolicy(max_retries=0)
QUICK = RetryPolicy(max_retries=2, first_wait_seconds=0.01)
PROBE_SECONDS = 3.0
HANGS = Fault(hangs=True)


@pytest.fixture
async def stub() -> AsyncIterator[OpenAIStub]:
    async with OpenAIStub(pieces=WHOLE, piece_delay_seconds=0.002) as stub:
        yield stub


@pytest.fixture
def now() -> ManualTime:
    return ManualTime()


@pytest.fixture
def breaker(now: ManualTime) -> Breaker:
    return Breaker(failures=2, probe_seconds=PROBE_SECONDS, now=now)


def connected(stub: OpenAIStub, *, retry: RetryPolicy = ONCE, **options: Any) -> OpenAILLM:
    return OpenAILLM(Endpoint(stub.base_url, KEY, retry=retry), model="stub", **options)


async def said(llm: OpenAILLM) -> list[str]:
    async with aclosing(llm.generate(MESSAGES, max_tokens=50)) as deltas:
        return [delta.text async for delta in deltas if delta.text]


async def begun(llm: OpenAILLM) -> None:
    """Read the first piece, and leave."""
    async with aclosing(llm.generate(MESSAGES, max_tokens=50)) as deltas:
        await anext(deltas)


async def failure(llm: OpenAILLM) -> CitewellError:
    with pytest.raises((LLMUnavailable, LLMRejected)) as raised:
        await said(llm)
    return raised.value


async def open_calls(stub: OpenAIStub, count: int) -> None:
    async with asyncio.timeout(5.0):
        while stub.open_calls != count:  # noqa: ASYNC110 - the stub counts, it tells nobody
            await asyncio.sleep(0.005)


async def opened(llm: OpenAILLM, stub: OpenAIStub) -> None:
    """Fail until the breaker opens."""
    stub.always(status=503)
    for _ in range(2):
        await failure(llm)
    stub.requests.clear()


async def test_an_open_breaker_refuses_at_once(
    stub: OpenAIStub, breaker: Breaker, caplog: pytest.LogCaptureFixture
) -> None:
    """No call is made, the error says why, the log once that it began."""
    async with connected(stub, breaker=breaker) as llm:
        with caplog.at_level(logging.INFO):
            await opened(llm, stub)
            errors = [await failure(llm) for _ in range(3)]
    assert stub.requests == []
    assert {type(error) for error in errors} == {LLMUnavailable}
    assert "is left alone for 3.0 more seconds" in str(errors[0])
    [line] = [record.getMessage() for record in caplog.records if "left alone" in record.getMessage()]
    assert "InternalServerError" in line
    assert KEY not in caplog.text + "".join(map(str, errors))


async def test_one_call_tries_and_the_others_are_refused(
    stub: OpenAIStub, breaker: Breaker, now: ManualTime, caplog: pytest.LogCaptureFixture
) -> None:
    """If it gets its reply, all get theirs."""
    async with connected(stub, breaker=breaker) as llm:
        await opened(llm, stub)
        stub.heal()
        stub.piece_delay_seconds = 0.1
        now.seconds += PROBE_SECONDS
        probe = asyncio.create_task(said(llm))
        await open_calls(stub, 1)
        assert "one call finds out" in str(await failure(llm))
        with caplog.at_level(logging.INFO):
            assert await probe == WHOLE
        assert "answers again" in caplog.text
        stub.piece_delay_seconds = 0.0
        assert await asyncio.gather(*(said(llm) for _ in range(5))) == [WHOLE] * 5


async def test_a_call_that_tries_in_vain_tries_once(
    stub: OpenAIStub, breaker: Breaker, now: ManualTime
) -> None:
    """And the endpoint is left alone again."""
    async with connected(stub, breaker=breaker, retry=QUICK) as llm:
        await opened(llm, stub)
        now.seconds += PROBE_SECONDS
        assert "status 503" in str(await failure(llm))
        assert "left alone" in str(await failure(llm))
    assert len(stub.requests) == 1


@pytest.mark.parametrize("way", ["cancelled", "closed"])
async def test_a_call_that_nobody_waits_for_leaves_the_try_to_others(
    stub: OpenAIStub, breaker: Breaker, now: ManualTime, way: str
) -> None:
    """Whether it ends before its first piece or after it."""
    async with connected(stub, breaker=breaker) as llm:
        await opened(llm, stub)
        now.seconds += PROBE_SECONDS
        if way == "cancelled":
            stub.always(HANGS)
            with suppress(TimeoutError):
                async with asyncio.timeout(0.1):
                    await said(llm)
            stub.heal()
        else:
            stub.heal()
            await begun(llm)
        assert await said(llm) == WHOLE


async def test_a_reply_that_does_not_begin_counts_as_a_failure(stub: OpenAIStub, breaker: Breaker) -> None:
    """After two that took their time nobody waits."""
    stub.piece_delay_seconds = 60.0
    async with connected(stub, breaker=breaker, first_token_timeout_seconds=0.2) as llm:
        for _ in range(2):
            assert "no reply in time" in str(await failure(llm))
        began = time.monotonic()
        assert "left alone" in str(await failure(llm))
    assert time.monotonic() - began < 0.1


@pytest.mark.parametrize("status", [400, 401, 404])
async def test_a_refusal_opens_no_breaker(stub: OpenAIStub, breaker: Breaker, status: int) -> None:
    """The endpoint has answered."""
    stub.always(status=status)
    async with connected(stub, breaker=breaker) as llm:
        for _ in range(3):
            assert isinstance(await failure(llm), LLMRejected)
    assert breaker.state is BreakerState.CLOSED


async def test_the_breaker_waits_as_long_as_the_endpoint_asks(stub: OpenAIStub, breaker: Breaker) -> None:
    """Where that is longer than its own time."""
    stub.always(Fault(status=429, headers={"Retry-After": "40"}))
    async with connected(stub, breaker=breaker, retry=QUICK) as llm:
        for _ in range(2):
            await failure(llm)
    assert len(stub.requests) == 2
    assert breaker.wait_seconds == 40.0


async def test_retry_after_is_honoured_within_the_time_of_the_first_piece(stub: OpenAIStub) -> None:
    """One that is over later is not waited for."""
    stub.next(Fault(status=429, headers={"Retry-After": "1"}))
    async with connected(stub, retry=QUICK, first_token_timeout_seconds=5.0) as llm:
        began = time.monotonic()
        assert await said(llm) == WHOLE
        assert time.monotonic() - began >= 0.99
        stub.next(Fault(status=429, headers={"Retry-After": "6"}))
        began = time.monotonic()
        assert "status 429" in str(await failure(llm))
        assert time.monotonic() - began < 1.0


async def test_a_reply_that_breaks_before_its_first_piece_is_asked_for_again(stub: OpenAIStub) -> None:
    """Nothing was said yet."""
    head = {"Content-Type": "text/event-stream", "Content-Length": "500"}
    stub.next(Fault(body=b'data: {"choices": []}\n\n', headers=head, hangs_up=True))
    async with connected(stub, retry=QUICK) as llm:
        assert await said(llm) == WHOLE
    assert len(stub.requests) == 2


async def test_so_many_are_asked_for_at_a_time_and_the_others_wait(stub: OpenAIStub) -> None:
    """Each gets its reply."""
    async with connected(stub, max_concurrent_calls=2) as llm:
        assert await asyncio.gather(*(said(llm) for _ in range(7))) == [WHOLE] * 7
    assert stub.most_open_calls == 2


async def test_who_waits_too_long_for_his_turn_is_told_that_it_is_busy(
    stub: OpenAIStub, breaker: Breaker
) -> None:
    """After half the time of the first piece, so that the others have the rest; the endpoint did not fail."""
    stub.after_pieces = "hangs"
    async with connected(
        stub, max_concurrent_calls=1, first_token_timeout_seconds=2.0, breaker=breaker
    ) as llm:
        running = asyncio.create_task(said(llm))
        await open_calls(stub, 1)
        began = time.monotonic()
        errors = await asyncio.gather(*(failure(llm) for _ in range(3)))
        assert 0.9 < time.monotonic() - began < 1.9
        assert {type(error) for error in errors} == {LLMUnavailable}
        assert "busy: all 1 calls" in str(errors[0])
        running.cancel()
        await asyncio.wait([running])
    assert breaker.state is BreakerState.CLOSED


async def test_nobody_waits_for_a_turn_that_would_be_refused(stub: OpenAIStub, breaker: Breaker) -> None:
    """While the breaker is open, also where all places are taken."""
    stub.after_pieces = "hangs"
    async with connected(stub, max_concurrent_calls=1, breaker=breaker) as llm:
        running = asyncio.create_task(said(llm))
        await open_calls(stub, 1)
        while (attempt := breaker.begin()) is not None:
            breaker.failed(attempt)
        began = time.monotonic()
        assert "left alone" in str(await failure(llm))
        assert time.monotonic() - began < 1.0
        running.cancel()
        await asyncio.wait([running])


async def test_a_place_is_free_however_a_call_ends(stub: OpenAIStub) -> None:
    """Closed early, given up before its first piece or while it waited for its turn, failed, or refused."""
    async with connected(stub, max_concurrent_calls=1, first_token_timeout_seconds=5.0) as llm:
        await begun(llm)
        await open_calls(stub, 0)
        stub.next(HANGS)
        tasks = [asyncio.create_task(said(llm)) for _ in range(2)]
        await open_calls(stub, 1)
        for task in reversed(tasks):
            task.cancel()
        await asyncio.wait(tasks)
        stub.next(Fault(status=503), Fault(status=401))
        await failure(llm)
        await failure(llm)
        await llm.generate(MESSAGES, max_tokens=50).aclose()
        assert await said(llm) == WHOLE


@pytest.mark.parametrize("status", [400, 422])
async def test_an_endpoint_that_does_not_tell_the_cost_is_not_asked_again(
    stub: OpenAIStub, status: int
) -> None:
    """It gets the same request without the question, and so do all later ones."""
    stub.next(Fault(status=status, message="Unrecognized request argument: stream_options"))
    async with connected(stub) as llm:
        assert await said(llm) == WHOLE
        assert await said(llm) == WHOLE
    asked = ["stream_options" in request.body for request in stub.requests]
    assert asked == [True, False, False]


async def test_a_connection_that_is_not_made_in_time_is_unavailable() -> None:
    """As where a firewall swallows everything: the time of connecting, not that of the first piece."""
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        address = full.getsockname()
        waiting = [socket.socket() for _ in range(8)]
        for each in waiting:
            each.setblocking(False)
            each.connect_ex(address)
        endpoint = Endpoint(f"http://127.0.0.1:{address[1]}/v1", connect_timeout_seconds=0.2, retry=ONCE)
        began = time.monotonic()
        async with OpenAILLM(endpoint, model="stub", first_token_timeout_seconds=30.0) as llm:
            error = await failure(llm)
        assert time.monotonic() - began < 10.0
        for each in waiting:
            each.close()
    assert isinstance(error, LLMUnavailable)
    assert "no connection in time" in str(error)


async def test_each_call_is_reported_once(stub: OpenAIStub, breaker: Breaker) -> None:
    """Its outcome, its times, and what the endpoint told of its cost."""
    reports: list[CallReport] = []
    stub.usage = {"prompt_tokens": 7, "completion_tokens": 3}
    options: dict[str, Any] = {"report": reports.append, "first_token_timeout_seconds": 0.3}
    async with connected(stub, breaker=breaker, max_concurrent_calls=1, **options) as llm:
        await said(llm)
        await begun(llm)
        await open_calls(stub, 0)
        stub.next(HANGS)
        running = asyncio.create_task(failure(llm))
        await open_calls(stub, 1)
        await asyncio.sleep(0.01)
        with suppress(TimeoutError):
            async with asyncio.timeout(0.01):
                await said(llm)
        await running
        stub.next(Fault(status=401))
        await failure(llm)
        await opened(llm, stub)
        await failure(llm)
    whole, early, waited, hung, rejected, *rest = reports
    assert (whole.outcome, whole.usage) == ("ok", TokenUsage(7, 3))
    assert whole.first_piece_seconds is not None
    assert 0 < whole.first_piece_seconds <= whole.seconds
    assert (early.outcome, early.usage) == ("cancelled", None)
    assert early.first_piece_seconds is not None
    assert (waited.outcome, waited.first_piece_seconds) == ("cancelled", None)
    assert (hung.outcome, hung.first_piece_seconds) == ("unavailable", None)
    assert hung.seconds == pytest.approx(0.3, abs=0.25)
    assert rejected.outcome == "rejected"
    assert [report.outcome for report in rest] == ["unavailable", "unavailable", "refused"]
