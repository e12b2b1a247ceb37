"""Replies to questions as bytes: made, or kept from before."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import msgspec

from citewell.model import Answer, Asked, CachedReply, MadeReply, Mode, Scope
from citewell.usecases import AnswerQuestion, CacheReplies
from citewell_entrypoints.http.metrics import Metrics
from citewell_entrypoints.http.query_schemas import QueryReply, QueryRequest
from citewell_entrypoints.http.sampling import RecallSampler

__all__ = ["QuestionReplies", "ReplyBytes"]

_encode: Final = msgspec.json.Encoder().encode

#: Cache-Status as RFC 9211 has it.
_CACHE: Final = "citewell"
_NOT_ASKED: Final = f"{_CACHE}; fwd=request"


@dataclass(frozen=True, slots=True)
class ReplyBytes:
    """A QueryReply as JSON, and what Cache-Status says of it, None where nothing is ever kept."""

    body: bytes
    cache_status: str | None


class QuestionReplies:
    """Answers, counted, sampled for their recall, and kept: the one thing that the route depends on."""

    def __init__(
        self,
        answer_question: AnswerQuestion,
        metrics: Metrics,
        *,
        sampler: RecallSampler | None = None,
        cache_replies: CacheReplies | None = None,
    ) -> None:
        self._answer_question = answer_question
        self._metrics = metrics
        self._sampler = sampler
        self._cache_replies = cache_replies

    async def __call__(self, request: QueryRequest, *, scope: Scope) -> ReplyBytes:
        """Raises what AnswerQuestion raises."""
        if self._cache_replies is None:
            return ReplyBytes((await self._made(request, scope)).body, None)
        if not request.cache:
            return ReplyBytes((await self._made(request, scope)).body, _NOT_ASKED)
        asked = Asked(
            request.question,
            scope,
            request.top_k,
            request.options,
            form="explained" if request.explain else "",
        )
        reply = await self._cache_replies(asked, lambda: self._made(request, scope))
        self._metrics.looked_up(reply)
        return ReplyBytes(reply.body, _cache_status(reply))

    async def _made(self, request: QueryRequest, scope: Scope) -> MadeReply:
        options = request.options
        answer = await self._answer_question(
            # As it is kept: the next who asks may have other white space around it.
            request.question.strip(),
            scope=scope,
            top_k=request.top_k,
            options=options,
        )
        self._metrics.asked(answer)
        if self._sampler is not None and options.mode is not Mode.LEXICAL:
            self._sampler.offer(request.question, scope=scope)
        body = _encode(QueryReply.of(answer, explain=request.explain))
        return MadeReply(body, _kept(answer, body, explain=request.explain), len(answer.hits))


def _kept(answer: Answer, body: bytes, *, explain: bool) -> bytes | None:
    """What later ones get: not where something was missing, or where a model said something of its own."""
    if answer.degraded or answer.text is not None:
        return None
    return _encode(QueryReply.of(answer, explain=True, cached=True)) if explain else body


def _cache_status(reply: CachedReply) -> str:
    if reply.layer is not None:
        return f"{_CACHE}; hit; detail={reply.layer}"
    status = f"{_CACHE}; fwd=miss"
    if reply.joined:
        status += "; collapsed"
    return f"{status}; stored" if reply.stored else status
