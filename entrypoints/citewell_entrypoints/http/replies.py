"""Replies to questions as bytes: made, or kept from before."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass, replace
from typing import Final

import msgspec
from litestar.response import Stream

from citewell.model import (
    Answer,
    AnswerBudget,
    Asked,
    CachedReply,
    MadeReply,
    Mode,
    Scope,
    each_part_once,
)
from citewell.usecases import AnswerQuestion, CacheReplies, MakeStandalone, StandaloneQuestion
from citewell_entrypoints.gates import Overloaded, aside
from citewell_entrypoints.http.answer_streams import AnswerStreams
from citewell_entrypoints.http.metrics import Metrics
from citewell_entrypoints.http.problems import OVERLOADED, HttpProblem, Problem
from citewell_entrypoints.http.query_request import QueryRequest
from citewell_entrypoints.http.query_schemas import QueryReply
from citewell_entrypoints.http.sampling import RecallSampler

__all__ = ["QuestionReplies", "ReplyBytes"]

_encode: Final = msgspec.json.Encoder().encode

#: Cache-Status as RFC 9211 has it.
_CACHE: Final = "citewell"
#: What is left of a time that is over: whoever waits for it learns so.
_LEAST_SECONDS: Final = 0.001
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
        make_standalone: MakeStandalone,
        streams: AnswerStreams,
        has_model: bool = True,
        sampler: RecallSampler | None = None,
        cache_replies: CacheReplies | None = None,
    ) -> None:
        self._answer_question = answer_question
        self._metrics = metrics
        self._make_standalone = make_standalone
        self._streams = streams
        self._has_model = has_model
        self._sampler = sampler
        self._cache_replies = cache_replies

    async def __call__(self, request: QueryRequest, *, scope: Scope) -> ReplyBytes:
        """Raises what AnswerQuestion and MakeStandalone raise."""
        question, budget = await self._question(request)
        # An answer of a model may differ the next time.
        if self._cache_replies is None or (self._has_model and request.answer):
            return ReplyBytes((await self._made(request, question, scope, budget)).body, None)
        if not request.cache or question.degradations:
            return ReplyBytes((await self._made(request, question, scope, budget)).body, _NOT_ASKED)
        form = "explained" if request.explain else ""
        if request.messages is not None:
            form += "+question"
        asked = Asked(question.text, scope, request.top_k, request.options, form=form)
        reply = await self._cache_replies(asked, lambda: self._made(request, question, scope, budget))
        self._metrics.looked_up(reply)
        return ReplyBytes(reply.body, _cache_status(reply))

    async def stream(
        self, request: QueryRequest, *, scope: Scope, problem_of: Callable[[Exception], Problem]
    ) -> Stream:
        """The same as events, as AnswerStreams has them; never kept. problem_of: what an error is told as."""
        question, budget = await self._question(request)
        parts = self._answer_question.stream(
            question.text.strip(), scope=scope, top_k=request.top_k, options=request.options, budget=budget
        )
        events = await self._streams(
            parts,
            question=_told(request, question),
            missing=question.degradations,
            explain=request.explain,
            problem_of=problem_of,
        )
        self._sample(request, question.text, scope)
        return events

    async def _question(self, request: QueryRequest) -> tuple[StandaloneQuestion, AnswerBudget | None]:
        """What is asked, and what is left for its answer, if one is wanted."""
        if request.messages is None:
            return StandaloneQuestion(request.question or ""), request.budget
        budget, began = request.budget, time.perf_counter()
        turns = [turn.message() for turn in request.messages]
        if budget is None:
            return await self._make_standalone(turns, by_rule=True), None
        try:
            # Without a model there is nothing to wait for, and no reason to queue again.
            async with aside() if self._has_model and len(turns) > 1 else nullcontext():
                question = await self._make_standalone(turns, timeout_seconds=budget.timeout_seconds)
        except Overloaded:
            raise HttpProblem(OVERLOADED, OVERLOADED.advice) from None
        if budget.timeout_seconds is not None:
            left = budget.timeout_seconds - (time.perf_counter() - began)
            budget = replace(budget, timeout_seconds=max(left, _LEAST_SECONDS))
        return question, budget

    async def _made(
        self, request: QueryRequest, question: StandaloneQuestion, scope: Scope, budget: AnswerBudget | None
    ) -> MadeReply:
        answer = await self._answer_question(
            # As it is kept: the next who asks may have other white space around it.
            question.text.strip(),
            scope=scope,
            top_k=request.top_k,
            options=request.options,
            budget=budget,
        )
        if question.degradations:
            missing = each_part_once((*question.degradations, *answer.degradations))
            answer = replace(answer, degradations=missing)
        self._metrics.asked(answer)
        self._sample(request, question.text, scope)
        told = _told(request, question)
        body = _encode(QueryReply.of(answer, explain=request.explain, question=told))
        return MadeReply(body, _kept(answer, body, told, explain=request.explain), len(answer.hits))

    def _sample(self, request: QueryRequest, question: str, scope: Scope) -> None:
        if self._sampler is not None and Mode(request.mode) is not Mode.LEXICAL:
            self._sampler.offer(question, scope=scope)


def _told(request: QueryRequest, question: StandaloneQuestion) -> str | None:
    """The question that was searched for, where the request did not name it."""
    return None if request.messages is None else question.text


def _kept(answer: Answer, body: bytes, question: str | None, *, explain: bool) -> bytes | None:
    """What later ones get: not where something was missing, or where a model said something of its own."""
    if answer.degradations or answer.text is not None:
        return None
    if not explain:
        return body
    return _encode(QueryReply.of(answer, explain=True, cached=True, question=question))


def _cache_status(reply: CachedReply) -> str:
    if reply.layer is not None:
        return f"{_CACHE}; hit; detail={reply.layer}"
    status = f"{_CACHE}; fwd=miss"
    if reply.joined:
        status += "; collapsed"
    return f"{status}; stored" if reply.stored else status
