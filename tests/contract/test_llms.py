"""Every LLM keeps the contract."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable

import pytest
from tests.openai_stub import OpenAIStub

from citewell.errors import LLMRejected, LLMUnavailable
from citewell.model import TokenUsage
from citewell.ports import LLM
from citewell.testing.llm import RemoteLLMContract
from citewell.testing.scripted import ScriptedLLM
from citewell_adapters.openai import Endpoint, OpenAILLM, RetryPolicy

PIECES = [f"piece {number} " for number in range(40)]


class TestScriptedLLM(RemoteLLMContract):
    @pytest.fixture
    def llm(self) -> ScriptedLLM:
        llm = ScriptedLLM(PIECES, delay_seconds=0.001)
        llm.usage = TokenUsage(9, len(PIECES))
        return llm

    @pytest.fixture
    def open_calls(self, llm: ScriptedLLM) -> Callable[[], int]:
        return lambda: llm.open_calls

    @pytest.fixture
    def unavailable_llm(self) -> LLM:
        return ScriptedLLM(error=LLMUnavailable())

    @pytest.fixture
    def rejecting_llm(self) -> LLM:
        return ScriptedLLM(["The "], error=LLMRejected())


@pytest.fixture
async def stub() -> AsyncIterator[OpenAIStub]:
    async with OpenAIStub(pieces=PIECES, piece_delay_seconds=0.005) as stub:
        stub.usage = {"prompt_tokens": 9, "completion_tokens": len(PIECES)}
        yield stub


class TestOpenAILLM(RemoteLLMContract):
    """Against a server on this machine that speaks the protocol."""

    @pytest.fixture
    async def llm(self, stub: OpenAIStub) -> AsyncIterator[LLM]:
        async with self.connected(stub) as llm:
            yield llm

    @pytest.fixture
    def open_calls(self, stub: OpenAIStub) -> Callable[[], int]:
        return lambda: stub.open_calls

    @pytest.fixture
    async def unavailable_llm(self, stub: OpenAIStub) -> AsyncIterator[LLM]:
        stub.always(status=503)
        async with self.connected(stub) as llm:
            yield llm

    @pytest.fixture
    async def rejecting_llm(self, stub: OpenAIStub) -> AsyncIterator[LLM]:
        stub.always(status=401)
        async with self.connected(stub) as llm:
            yield llm

    def connected(self, stub: OpenAIStub) -> OpenAILLM:
        endpoint = Endpoint(base_url=stub.base_url, retry=RetryPolicy(first_wait_seconds=0.01))
        return OpenAILLM(endpoint, model="stub")
