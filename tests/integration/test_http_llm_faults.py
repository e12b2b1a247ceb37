"""A language model that fails costs the answer, never the sources, and is asked again when it is back."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from prometheus_client.parser import text_string_to_metric_families
from pydantic import SecretStr
from tests.http_app import Served, served
from tests.openai_stub import Fault, OpenAIStub

SEA = b"The lamp on the mole is seen far. " * 3 + b"\f" + b"The keeper sleeps by day and drinks tea. " * 3
QUESTION = "Who drinks tea?"
KEY = "sk-secret-0123456789"
PROBE_SECONDS = 0.8
FIRST_TOKEN_SECONDS = 0.4
MOST_FAILURES = 5


@pytest_asyncio.fixture(loop_scope="session")
async def stub() -> AsyncIterator[OpenAIStub]:
    async with OpenAIStub(pieces=("He drinks tea ", '[1: "drinks ', 'tea"]')) as stub:
        stub.usage = {"prompt_tokens": 50, "completion_tokens": 6}
        yield stub


@pytest_asyncio.fixture(loop_scope="session")
async def service(stub: OpenAIStub, tmp_path: Path) -> AsyncIterator[Served]:
    async with served(
        tmp_path,
        own_llm=True,
        llm_backend="openai",
        llm_first_token_timeout_seconds=FIRST_TOKEN_SECONDS,
        openai_base_url=stub.base_url,
        openai_api_key=SecretStr(KEY),
        openai_max_retries=0,
        endpoint_probe_seconds=PROBE_SECONDS,
    ) as running:
        await running.ingested(SEA)
        yield running


async def asked(service: Served, times: int = 1) -> list[dict[str, Any]]:
    """Replies to as many questions at once; each has its sources."""
    replies = await asyncio.gather(*(service.query(question=QUESTION) for _ in range(times)))
    assert {reply.status_code for reply in replies} == {200}
    assert all(reply.json()["sources"] for reply in replies)
    return [reply.json() for reply in replies]


async def figures(service: Served) -> dict[tuple[str, ...], float]:
    text = (await service.client.get("/metrics")).text
    assert KEY not in text
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


@pytest.mark.parametrize(
    "fault", [Fault(hangs=True), Fault(status=429), Fault(status=503), Fault(hangs_up=True)], ids=str
)
async def test_answers_are_back_within_the_probe_time(
    service: Served, stub: OpenAIStub, fault: Fault, caplog: pytest.LogCaptureFixture
) -> None:
    """Meanwhile all get their sources, within the model's time, then at once; `/metrics` tells of it."""
    [whole] = await asked(service)
    assert whole["answer"] == "He drinks tea [1]"
    stub.always(fault)
    began = time.monotonic()
    replies = await asked(service, MOST_FAILURES)
    assert time.monotonic() - began < FIRST_TOKEN_SECONDS + 1.0
    assert [(reply["answer"], reply["degraded"]) for reply in replies] == [(None, ["llm"])] * MOST_FAILURES
    calls = len(stub.requests)
    await asked(service, 3)
    assert len(stub.requests) == calls
    state = ("citewell_endpoint_breaker_state", "llm")
    assert (await figures(service))[state] == 2
    stub.heal()
    await asyncio.sleep(PROBE_SECONDS)
    assert (await figures(service))[state] == 1
    [again] = await asked(service)
    assert (again["answer"], again["degraded"]) == (whole["answer"], [])
    found = await figures(service)
    assert found[state] == 0
    assert found["citewell_endpoint_calls_total", "llm", "ok"] == 2
    assert found["citewell_endpoint_calls_total", "llm", "unavailable"] == MOST_FAILURES
    assert found["citewell_endpoint_calls_total", "llm", "refused"] == 3
    assert found["citewell_llm_tokens_total", "prompt"] == 100
    assert found["citewell_llm_tokens_total", "completion"] == 12
    assert found["citewell_llm_first_token_seconds_count",] == 2
    assert KEY not in caplog.text
