"""A reranker behind an endpoint: `POST /rerank` as Cohere, Jina, vLLM, LocalAI and others have it.

It goes through the client for OpenAI-compatible endpoints, beside whose paths such servers have this one.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Self

from citewell.breaker import Breaker
from citewell.errors import RerankerRejected, RerankerUnavailable
from citewell.model import Hit
from citewell.ranking import sigmoid
from citewell_adapters.openai.endpoint import Endpoint, open_client, request_headers
from citewell_adapters.openai.failures import translated
from citewell_adapters.openai.reports import ReportCall, Reported
from citewell_adapters.openai.retries import retried
from citewell_adapters.openai.texts import encodable

if TYPE_CHECKING:
    from openai import AsyncOpenAI

__all__ = ["HttpReranker"]

#: Rounding of a server's floats: not yet a logit.
_TOLERANCE: Final = 1e-3


class HttpReranker:
    """Any endpoint's `/rerank`. Open it with `async with`.

    The base URL of the endpoint ends before `/rerank`, as in `https://api.cohere.com/v2`. A call that fails
    is tried again, as the RetryPolicy says and while `total_timeout_seconds` last. Scores are taken
    as they are; once one was outside [0, 1] the model gives logits, and all go through a sigmoid.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        *,
        model: str,
        total_timeout_seconds: float = 5.0,
        breaker: Breaker | None = None,
        report: ReportCall | None = None,
    ) -> None:
        """breaker: of tries; None for none. report: hears of each call."""
        self._endpoint = endpoint
        self._model = model
        self._total_timeout_seconds = total_timeout_seconds
        self._gives_logits = False
        self._breaker = breaker
        self._report = report
        self._client: AsyncOpenAI | None = None

    async def __aenter__(self) -> Self:
        """Connects to nothing."""
        self._client = await open_client(self._endpoint)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        client, self._client = self._client, None
        if client is not None:
            await client.close()

    async def score(self, question: str, hits: Sequence[Hit]) -> Sequence[float]:
        """See the port. A text that several hits have is sent once."""
        if not hits:
            return []
        texts = list(dict.fromkeys(encodable(hit.chunk.text) for hit in hits))
        deadline = asyncio.get_running_loop().time() + self._total_timeout_seconds
        with (
            translated(
                host=self._endpoint.host,
                api_key=self._endpoint.api_key,
                unavailable=RerankerUnavailable,
                rejected=RerankerRejected,
            ),
            Reported(self._report),
        ):
            reply = await retried(
                lambda: self._request(encodable(question), texts, deadline),
                policy=self._endpoint.retry,
                host=self._endpoint.host,
                within_seconds=self._total_timeout_seconds,
                breaker=self._breaker,
            )
        scores = dict(zip(texts, self._in_range(_scores(reply, count=len(texts))), strict=True))
        return [scores[encodable(hit.chunk.text)] for hit in hits]

    async def _request(self, question: str, texts: list[str], deadline: float) -> object:
        if self._client is None:
            raise RuntimeError("the reranker is not open: use `async with`")
        body = {"model": self._model, "query": question, "documents": texts, "top_n": len(texts)}
        async with asyncio.timeout_at(deadline), asyncio.timeout(self._endpoint.timeout_seconds):
            return await self._client.post(
                "/rerank",
                cast_to=object,
                body=body,
                options={"headers": request_headers(self._endpoint)},
            )

    def _in_range(self, scores: Sequence[float]) -> list[float]:
        if any(not -_TOLERANCE <= score <= 1 + _TOLERANCE for score in scores):
            self._gives_logits = True
        if self._gives_logits:
            return [sigmoid(score) for score in scores]
        return [min(1.0, max(0.0, score)) for score in scores]


def _scores(reply: object, *, count: int) -> list[float]:
    """In the order of the texts. Raises RerankerRejected unless each of them is judged once."""
    results = reply.get("results") if isinstance(reply, Mapping) else None
    if not isinstance(results, list):
        raise RerankerRejected("the endpoint's reply holds no list of results: is its address right?")
    scores: dict[int, float] = {}
    for result in results:
        index, score = _field(result, "index"), _field(result, "relevance_score")
        if not isinstance(index, int) or not isinstance(score, int | float) or not math.isfinite(score):
            raise RerankerRejected("a result of the endpoint lacks an index or a relevance_score")
        scores[index] = float(score)
    if len(results) != count or scores.keys() != set(range(count)):
        raise RerankerRejected(f"the endpoint judged {len(results)} of {count} passages, or one twice")
    return [scores[index] for index in range(count)]


def _field(result: Any, name: str) -> Any:
    return result.get(name) if isinstance(result, Mapping) else None
