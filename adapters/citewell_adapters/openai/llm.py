"""Answers from an OpenAI-compatible endpoint."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import AbstractContextManager
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal, Self
from urllib.parse import urlsplit

from citewell.errors import LLMRejected, LLMUnavailable
from citewell.model import Delta, Message, TokenUsage
from citewell_adapters.openai.endpoint import Endpoint, open_client, request_headers
from citewell_adapters.openai.failures import translated
from citewell_adapters.openai.retries import retried
from citewell_adapters.openai.texts import encodable

if TYPE_CHECKING:
    from openai import AsyncOpenAI

__all__ = ["OpenAILLM"]

TokenLimit = Literal["max_tokens", "max_completion_tokens"]


class OpenAILLM:
    """Any endpoint's `/chat/completions`, streamed. Open it with `async with`.

    A call that fails before the reply begins is tried again as the endpoint's RetryPolicy says, all tries
    within the endpoint's `timeout_seconds`, which also bounds the wait for the first piece.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        *,
        model: str,
        total_timeout_seconds: float = 120.0,
        temperature: float | None = None,
        token_limit: TokenLimit | None = None,
    ) -> None:
        """total_timeout_seconds: of the whole reply. temperature: None for the endpoint's own. token_limit:
        what the endpoint calls the bound of a reply; None for the newer name at OpenAI, the older elsewhere.
        """
        self._endpoint = endpoint
        self._total_timeout_seconds = total_timeout_seconds
        self._token_limit = token_limit or _token_limit(endpoint)
        self._options: dict[str, Any] = {"model": model, "stream": True}
        if temperature is not None:
            self._options["temperature"] = temperature
        self._client: AsyncOpenAI | None = None

    async def __aenter__(self) -> Self:
        self._client = await open_client(self._endpoint)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        client, self._client = self._client, None
        if client is not None:
            await client.close()

    async def generate(self, messages: Sequence[Message], *, max_tokens: int) -> AsyncGenerator[Delta, None]:
        """The pieces as they arrive; empty ones are left out, unless they tell what the reply cost."""
        now = asyncio.get_running_loop().time()
        end = now + self._total_timeout_seconds
        deadline = min(end, now + self._endpoint.timeout_seconds)
        with self._translated():
            async with asyncio.timeout_at(deadline):
                stream = await retried(lambda: self._open(messages, max_tokens), policy=self._endpoint.retry)
        try:
            while True:
                # Never around the yield: the time in which the consumer works is not to interrupt it.
                with self._translated():
                    async with asyncio.timeout_at(deadline):
                        chunk = await anext(stream, None)
                if chunk is None:
                    return
                delta = chunk.choices[0].delta if chunk.choices else None
                text = (delta.content if delta else None) or ""
                usage = _usage(chunk)
                if text or usage:
                    deadline = end
                    yield Delta(text, usage)
        finally:
            await stream.close()

    async def _open(self, messages: Sequence[Message], max_tokens: int) -> Any:
        if self._client is None:
            raise RuntimeError("the language model is not open: use `async with`")
        turns = [{"role": message.role, "content": encodable(message.content)} for message in messages]
        options = {**self._options, self._token_limit: max_tokens}
        # The options' types are overloads on literals, which a mapping cannot carry.
        create: Any = self._client.chat.completions.create
        return await create(messages=turns, extra_headers=request_headers(self._endpoint), **options)

    def _translated(self) -> AbstractContextManager[None]:
        return translated(
            host=self._endpoint.host,
            api_key=self._endpoint.api_key,
            unavailable=LLMUnavailable,
            rejected=LLMRejected,
        )


def _usage(chunk: Any) -> TokenUsage | None:
    """What the reply cost, if this chunk tells; some servers tell it in every one, some never."""
    told = getattr(chunk, "usage", None)
    prompt, completion = getattr(told, "prompt_tokens", None), getattr(told, "completion_tokens", None)
    if isinstance(prompt, int) and isinstance(completion, int):
        return TokenUsage(prompt, completion)
    return None


def _token_limit(endpoint: Endpoint) -> TokenLimit:
    # OpenAI's reasoning models refuse `max_tokens`; most other servers know nothing else.
    host = urlsplit(endpoint.base_url).hostname or ""
    is_openai = host == "api.openai.com" or host.endswith(".openai.azure.com")
    return "max_completion_tokens" if is_openai else "max_tokens"
