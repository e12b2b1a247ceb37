"""Answers from an OpenAI-compatible endpoint."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import AbstractContextManager, suppress
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Literal, Self
from urllib.parse import urlsplit

from citewell.breaker import Breaker
from citewell.deadline import Deadline
from citewell.errors import InvalidInput, LLMRejected, LLMUnavailable
from citewell.model import Delta, Message
from citewell_adapters.openai.chat_events import ChatEvents, ToldError
from citewell_adapters.openai.endpoint import Endpoint, open_client, request_headers
from citewell_adapters.openai.failures import Busy, translated
from citewell_adapters.openai.reports import ReportCall, Reported
from citewell_adapters.openai.retries import left_alone, retried
from citewell_adapters.openai.texts import encodable

if TYPE_CHECKING:
    from openai import AsyncOpenAI

__all__ = ["OpenAILLM"]

#: For what stands behind the end of a reply.
_DRAIN_SECONDS: Final = 0.1
_NOT_OPEN: Final = "the language model is not open: use `async with`"

TokenLimit = Literal["max_tokens", "max_completion_tokens"]


class OpenAILLM:
    """Any endpoint's `/chat/completions`, streamed. Open it with `async with`.

    A call that fails before the first piece of its text is tried again as the endpoint's RetryPolicy says,
    all tries within `first_token_timeout_seconds`; after it, never. What a reply cost is asked for, until the
    endpoint refuses to tell.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        *,
        model: str,
        first_token_timeout_seconds: float = 20.0,
        total_timeout_seconds: float = 120.0,
        max_concurrent_calls: int = 256,
        temperature: float | None = None,
        token_limit: TokenLimit | None = None,
        breaker: Breaker | None = None,
        report: ReportCall | None = None,
    ) -> None:
        """first_token_timeout_seconds: to the first piece, waiting for one's turn included, which comes once
        fewer than `max_concurrent_calls` are under way, or within half of that time not at all.
        total_timeout_seconds: of the whole reply. temperature: None for the endpoint's own. token_limit: what
        the endpoint calls the bound of a reply; None for the newer name at OpenAI, the older elsewhere.
        breaker: of tries; None for none. report: hears of each call.
        """
        if max_concurrent_calls < 1:
            raise InvalidInput("the number of calls is at least 1")
        self._endpoint = endpoint
        self._first_token_timeout_seconds = first_token_timeout_seconds
        self._total_timeout_seconds = total_timeout_seconds
        self._max_concurrent_calls = max_concurrent_calls
        self._token_limit = token_limit or _token_limit(endpoint)
        self._options: dict[str, Any] = {"model": model, "stream": True}
        if temperature is not None:
            self._options["temperature"] = temperature
        self._asks_usage = True
        self._breaker = breaker
        self._report = report
        self._places: asyncio.Semaphore | None = None
        self._client: AsyncOpenAI | None = None

    async def __aenter__(self) -> Self:
        self._client = await open_client(self._endpoint)
        self._places = asyncio.Semaphore(self._max_concurrent_calls)
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
        first_seconds = min(self._first_token_timeout_seconds, self._total_timeout_seconds)
        deadline = now + first_seconds
        with self._translated(), Reported(self._report) as call:
            # An endpoint is not to be blamed for the little time that a late turn would leave it.
            places = await self._place(now + first_seconds / 2)
            try:
                pieces, delta = await self._begun(messages, max_tokens, deadline)
                time_left = Deadline(end)
                try:
                    if delta is not None and delta.text:
                        call.begins()
                    while delta is not None:
                        call.usage = delta.usage or call.usage
                        yield delta
                        # Never around the yield: the time in which the consumer works is not to interrupt it.
                        with time_left:
                            delta = await pieces.next()
                finally:
                    time_left.close()
                    await pieces.close()
            finally:
                places.release()

    async def _place(self, until: float) -> asyncio.Semaphore:
        """What is to be released after the call."""
        if self._places is None:
            raise RuntimeError(_NOT_OPEN)
        # Who would be refused after all is not to wait for it.
        if self._breaker is not None and not self._breaker.admits:
            raise left_alone(self._breaker)
        try:
            async with asyncio.timeout_at(until):
                await self._places.acquire()
        except TimeoutError:
            raise Busy(f"busy: all {self._max_concurrent_calls} calls at a time are under way") from None
        return self._places

    async def _begun(
        self, messages: Sequence[Message], max_tokens: int, deadline: float
    ) -> tuple[_Pieces, Delta | None]:
        """A reply, to be closed, and its first piece, if it has any."""

        async def begin() -> tuple[_Pieces, Delta | None]:
            async with asyncio.timeout_at(deadline):
                pieces = _Pieces(await self._open(messages, max_tokens))
                try:
                    return pieces, await pieces.first()
                except BaseException:
                    await pieces.close()
                    raise

        return await retried(
            begin,
            policy=self._endpoint.retry,
            host=self._endpoint.host,
            within_seconds=deadline - asyncio.get_running_loop().time(),
            breaker=self._breaker,
        )

    async def _open(self, messages: Sequence[Message], max_tokens: int) -> Any:
        from openai import BadRequestError, UnprocessableEntityError

        if not self._asks_usage:
            return await self._request(messages, max_tokens)
        try:
            return await self._request(messages, max_tokens, stream_options={"include_usage": True})
        except (BadRequestError, UnprocessableEntityError) as error:
            if not any(name in str(error) for name in ("stream_options", "include_usage")):
                raise
        self._asks_usage = False
        return await self._request(messages, max_tokens)

    async def _request(self, messages: Sequence[Message], max_tokens: int, **options: Any) -> Any:
        if self._client is None:
            raise RuntimeError(_NOT_OPEN)
        turns = [{"role": message.role, "content": encodable(message.content)} for message in messages]
        options = {**self._options, **options, self._token_limit: max_tokens}
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


class _Pieces:
    """The pieces of a reply as they arrive; what is there at the same time is one piece.

    answer: the client's, whose own reading is not begun.
    """

    def __init__(self, answer: Any) -> None:
        self._response = answer.response
        self._received: AsyncGenerator[bytes, None] = self._response.aiter_bytes()
        self._events = ChatEvents()
        self._has_ended = False

    async def first(self) -> Delta | None:
        """The first piece with a text, or else what the reply cost; None if that is not told either."""
        last = None
        while (delta := await self.next()) is not None:
            if delta.text:
                return delta
            last = delta
        return last

    async def next(self) -> Delta | None:
        """The next piece that has a text or tells what the reply cost; None at the end."""
        import httpx2
        from openai import APIConnectionError, APIError, APITimeoutError

        request = self._response.request
        try:
            while not self._has_ended:
                received = await anext(self._received, None)
                delta = self._events.end() if received is None else self._events.feed(received)
                if received is None or self._events.is_done:
                    self._has_ended = True
                    await self._drain()
                if delta is not None:
                    return delta
        except ToldError as error:
            raise APIError(str(error), request=request, body=error.body) from None
        except httpx2.TimeoutException as error:
            raise APITimeoutError(request=request) from error
        except httpx2.RequestError as error:
            raise APIConnectionError(request=request) from error
        return None

    async def close(self) -> None:
        """End the call."""
        await self._received.aclose()
        await self._response.aclose()

    async def _drain(self) -> None:
        """Read what stands behind the end, so that the connection can be used again."""
        import httpx2

        with suppress(TimeoutError, httpx2.RequestError):
            async with asyncio.timeout(_DRAIN_SECONDS):
                async for _ in self._received:
                    pass


def _token_limit(endpoint: Endpoint) -> TokenLimit:
    # OpenAI's reasoning models refuse `max_tokens`; most other servers know nothing else.
    host = urlsplit(endpoint.base_url).hostname or ""
    is_openai = host == "api.openai.com" or host.endswith(".openai.azure.com")
    return "max_completion_tokens" if is_openai else "max_tokens"
