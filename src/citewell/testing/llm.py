"""The contract of LLM."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from contextlib import aclosing

import pytest

from citewell.errors import LLMRejected, LLMUnavailable
from citewell.model import Delta, Message
from citewell.ports import LLM

__all__ = ["LLMContract", "RemoteLLMContract"]

MESSAGES = (
    Message("system", "Answer in one sentence."),
    Message("user", "When does the ferry leave the harbour?"),
)
_SOON_SECONDS = 1.0
#: No vocabulary has tokens longer than this, runs of white space aside.
_TOKEN_CHARACTERS = 64


async def reply(llm: LLM, messages: Sequence[Message] = MESSAGES, *, max_tokens: int = 50) -> list[Delta]:
    async with aclosing(llm.generate(messages, max_tokens=max_tokens)) as deltas:
        return [delta async for delta in deltas]


@pytest.mark.asyncio
class LLMContract:
    """Override `llm` with one that is ready for use, and `open_calls` where the other end can be seen."""

    @pytest.fixture
    def llm(self) -> LLM:
        raise NotImplementedError("override the fixture llm")

    @pytest.fixture
    def open_calls(self) -> Callable[[], int]:
        """How many replies the model is giving at this moment."""
        return lambda: 0

    async def test_a_reply_is_pieces_of_text_or_nothing(self, llm: LLM) -> None:
        """The reply, piece by piece; no pieces mean that there is no answer."""
        for delta in await reply(llm):
            assert isinstance(delta, Delta)
            assert isinstance(delta.text, str)

    async def test_a_usage_is_of_the_whole_reply(self, llm: LLM) -> None:
        """A piece's usage: the last that tells what the reply cost does so for all of it."""
        told = [delta.usage for delta in await reply(llm, max_tokens=50) if delta.usage is not None]
        completions = [usage.completion_tokens for usage in told]
        assert completions == sorted(completions)
        assert all(0 <= completion <= 50 for completion in completions)
        assert all(usage.prompt_tokens >= 0 for usage in told)

    async def test_max_tokens_bounds_the_reply(self, llm: LLM) -> None:
        """`max_tokens` bounds the reply."""
        text = "".join(delta.text for delta in await reply(llm, max_tokens=2))
        assert len(text) <= 2 * _TOKEN_CHARACTERS

    async def test_closing_early_ends_the_call(self, llm: LLM, open_calls: Callable[[], int]) -> None:
        """Closing the generator early ends the call."""
        async with aclosing(llm.generate(MESSAGES, max_tokens=50)) as deltas:
            async for _ in deltas:
                break
        deadline = time.monotonic() + _SOON_SECONDS
        while open_calls() and time.monotonic() < deadline:  # noqa: ASYNC110 - what it counts is elsewhere
            await asyncio.sleep(0.01)
        assert open_calls() == 0

    async def test_closing_before_the_first_piece_is_no_error(
        self, llm: LLM, open_calls: Callable[[], int]
    ) -> None:
        """Closing the generator early ends the call."""
        await llm.generate(MESSAGES, max_tokens=50).aclose()
        assert open_calls() == 0

    async def test_a_call_after_one_that_was_closed_is_whole(self, llm: LLM) -> None:
        """The reply, as it is said."""
        whole = await reply(llm)
        async with aclosing(llm.generate(MESSAGES, max_tokens=50)) as deltas:
            async for _ in deltas:
                break
        assert bool(await reply(llm)) == bool(whole)


@pytest.mark.asyncio
class RemoteLLMContract(LLMContract):
    """For models that can fail; override these fixtures too."""

    @pytest.fixture
    def unavailable_llm(self) -> LLM:
        """One that does not answer for the moment."""
        raise NotImplementedError("override the fixture unavailable_llm")

    @pytest.fixture
    def rejecting_llm(self) -> LLM:
        """One that refuses the request."""
        raise NotImplementedError("override the fixture rejecting_llm")

    async def test_a_model_that_is_away_is_unavailable(self, unavailable_llm: LLM) -> None:
        """Raises LLMUnavailable where a later try may succeed."""
        with pytest.raises(LLMUnavailable):
            await reply(unavailable_llm)

    async def test_a_refusal_for_good_is_a_rejection(self, rejecting_llm: LLM) -> None:
        """Raises LLMRejected where it cannot."""
        with pytest.raises(LLMRejected):
            await reply(rejecting_llm)
