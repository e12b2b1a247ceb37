"""Embeddings from an OpenAI-compatible endpoint."""

from __future__ import annotations

import asyncio
import math
from array import array
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Final, Self

from citewell.breaker import Breaker
from citewell.chunking.tokens import approximate_tokens, prefix_within
from citewell.errors import EmbedderUnavailable, EmbeddingRejected, InvalidInput
from citewell.model import EmbeddingSpace, Vector
from citewell.ports import EmbeddingRole
from citewell_adapters.openai.batches import batches
from citewell_adapters.openai.endpoint import Endpoint, open_client, request_headers
from citewell_adapters.openai.failures import translated
from citewell_adapters.openai.reports import ReportCall, Reported
from citewell_adapters.openai.retries import retried
from citewell_adapters.openai.texts import encodable
from citewell_adapters.openai.vectors import decoded

if TYPE_CHECKING:
    from openai import AsyncOpenAI

__all__ = ["OpenAIEmbedder"]


_NOT_OPEN: Final = "the embedder is not open: use `async with`"
# What a model gives unless it is asked for less; others are asked at opening.
_KNOWN_DIMENSIONS: Final = {
    "text-embedding-3-small": 1536,
    "text-embedding-3-large": 3072,
    "text-embedding-ada-002": 1536,
}


class OpenAIEmbedder:
    """Any endpoint's `/embeddings`. Open it with `async with`.

    Texts go out in batches, several batches at once; one that fails is tried again as the endpoint's
    RetryPolicy says, and if it fails for good the whole call does. Tokens are estimated; a text that costs
    more than `max_tokens` is cut to them. Roles make no difference to vectors: the protocol does not know
    them. Somebody waits for a question, so its tries have a time for all of them, and a breaker.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        *,
        model: str,
        dimensions: int | None = None,
        request_dimensions: bool | None = None,
        max_tokens: int = 8191,
        batch_texts: int = 64,
        batch_tokens: int = 100_000,
        max_concurrent_calls: int = 4,
        question_timeout_seconds: float = math.inf,
        question_breaker: Breaker | None = None,
        report: ReportCall | None = None,
    ) -> None:
        """dimensions: of the model's vectors; None for what it gives, which may take a call at opening.
        request_dimensions: whether the endpoint is asked for as many; None: if the model is known to be able
        to. batch_texts, batch_tokens: the most that one request carries. question_timeout_seconds: of a batch
        of questions, from its waiting for its turn to its last try. report: hears of each batch.
        """
        if min(max_tokens, batch_texts, batch_tokens, max_concurrent_calls) < 1:
            raise InvalidInput("max_tokens, the sizes of a batch and the number of calls are at least 1")
        if request_dimensions is None:
            request_dimensions = model.startswith("text-embedding-3-")
        self._endpoint = endpoint
        self._model = model
        self._dimensions = dimensions or _KNOWN_DIMENSIONS.get(model)
        self._requested_dimensions = dimensions if request_dimensions else None
        self._max_tokens = max_tokens
        self._batch_texts = batch_texts
        self._batch_tokens = batch_tokens
        self._max_concurrent_calls = max_concurrent_calls
        self._question_timeout_seconds = question_timeout_seconds
        self._question_breaker = question_breaker
        self._report = report
        self._calls: asyncio.Semaphore | None = None
        self._client: AsyncOpenAI | None = None

    async def __aenter__(self) -> Self:
        """Connects to nothing, unless the dimensions are not known: raises what `embed` raises."""
        self._client = await open_client(self._endpoint)
        self._calls = asyncio.Semaphore(self._max_concurrent_calls)
        if self._dimensions is None:
            try:
                [vector] = await self._batch(["dimensions"], "passage")
            except BaseException:
                await self.__aexit__(None, None, None)
                raise
            self._dimensions = len(vector)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        client, self._client = self._client, None
        if client is not None:
            await client.close()

    @property
    def space(self) -> EmbeddingSpace:
        """The model's name and dimensions."""
        return EmbeddingSpace(self._model, self._known_dimensions())

    @property
    def max_tokens(self) -> int:
        """What a text may cost, by `approximate_tokens`."""
        return self._max_tokens

    def count_tokens(self, text: str) -> int:
        """An estimate, for most texts somewhat above what byte-pair vocabularies make of them."""
        return approximate_tokens(text)

    async def embed(self, texts: Sequence[str], *, role: EmbeddingRole) -> Sequence[Vector]:
        """One vector per text, float32. A text that occurs several times is sent once.

        A text of white space alone is not sent, as endpoints refuse it; its vector has equal components.
        """
        wanted = dict.fromkeys(text for text in texts if text.strip())
        sent = {text: prefix_within(encodable(text), self._max_tokens) for text in wanted}
        vectors = await self._vectors(list(dict.fromkeys(sent.values())), role)
        return [vectors[sent[text]] if text in sent else self._blank() for text in texts]

    async def _vectors(self, texts: Sequence[str], role: EmbeddingRole) -> Mapping[str, Vector]:
        grouped = list(batches(texts, max_texts=self._batch_texts, max_tokens=self._batch_tokens))
        try:
            async with asyncio.TaskGroup() as group:
                calls = [group.create_task(self._batch(batch, role)) for batch in grouped]
        except ExceptionGroup as failures:
            first = failures.exceptions[0]
            raise first from first.__cause__
        pairs = zip(grouped, calls, strict=True)
        return {
            text: vector for batch, call in pairs for text, vector in zip(batch, call.result(), strict=True)
        }

    async def _batch(self, batch: list[str], role: EmbeddingRole) -> list[array[float]]:
        seconds, breaker = math.inf, None
        if role == "question":
            seconds, breaker = self._question_timeout_seconds, self._question_breaker
        deadline = asyncio.get_running_loop().time() + seconds
        with (
            translated(
                host=self._endpoint.host,
                api_key=self._endpoint.api_key,
                unavailable=EmbedderUnavailable,
                rejected=EmbeddingRejected,
            ),
            Reported(self._report),
        ):
            return await retried(
                lambda: self._in_turn(batch, deadline),
                policy=self._endpoint.retry,
                host=self._endpoint.host,
                within_seconds=seconds,
                breaker=breaker,
            )

    async def _in_turn(self, batch: list[str], deadline: float) -> list[array[float]]:
        if self._calls is None:
            raise RuntimeError(_NOT_OPEN)
        async with asyncio.timeout_at(None if deadline == math.inf else deadline), self._calls:
            return await self._request(batch)

    async def _request(self, batch: list[str]) -> list[array[float]]:
        from openai import omit

        if self._client is None:
            raise RuntimeError(_NOT_OPEN)
        # Waiting for one's turn, or between retries, is no part of a request's time.
        async with asyncio.timeout(self._endpoint.timeout_seconds):
            response = await self._client.embeddings.create(
                model=self._model,
                input=batch,
                dimensions=self._requested_dimensions or omit,
                encoding_format="base64",
                extra_headers=request_headers(self._endpoint),
            )
        return decoded(response, count=len(batch), dimensions=self._dimensions)

    def _blank(self) -> Vector:
        dimensions = self._known_dimensions()
        return array("f", [1.0 / math.sqrt(dimensions)]) * dimensions

    def _known_dimensions(self) -> int:
        if self._dimensions is None:
            raise RuntimeError(_NOT_OPEN)
        return self._dimensions
