"""From a question to an answer grounded in the chunks that were found."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing, closing
from dataclasses import replace
from typing import Final, Protocol

from citewell.answering import NOT_TOLD, CitationReader, answer_prompt, context_of_hits
from citewell.chunking import approximate_tokens
from citewell.deadline import Deadline
from citewell.errors import LLMRejected, LLMUnavailable
from citewell.model import (
    Answer,
    AnswerBudget,
    AnswerPart,
    AnswerTimings,
    Degradation,
    Found,
    Message,
    Scope,
    SearchOptions,
    TokenUsage,
    each_part_once,
)
from citewell.ports import LLM

__all__ = ["AnswerQuestion", "Searching"]

_log = logging.getLogger(__name__)

_USUAL: Final = SearchOptions()
_USUAL_BUDGET: Final = AnswerBudget()
#: Tokens are estimated: so much of the model's window is left free for what the estimate lacks.
_MARGIN: Final = 0.1
#: The instructions, and what stands around the question.
_INSTRUCTION_TOKENS: Final = 500
#: Tokens for passages that are there however long the question is.
_LEAST_ROOM: Final = 256


class Searching(Protocol):
    """`Search`, or what stands before it."""

    async def __call__(
        self, question: str, *, scope: Scope, top_k: int = 5, options: SearchOptions = _USUAL
    ) -> Found:
        """As `Search`."""
        ...


class AnswerQuestion:
    """Search first; then a language model within its time, whose loss never costs the hits.

    llm: None for hits alone. max_tokens, timeout_seconds: the most for an answer, whatever a caller's budget
    says; the time is the model's alone, that of a budget counts from the call on. context_tokens: what the
    model can take, question and answer included.
    """

    def __init__(
        self,
        *,
        search: Searching,
        llm: LLM | None,
        max_tokens: int,
        timeout_seconds: float,
        context_tokens: int = 8_192,
    ) -> None:
        self._search = search
        self._llm = llm
        self._max_tokens = max_tokens
        self._timeout_seconds = timeout_seconds
        self._context_tokens = context_tokens

    async def __call__(
        self,
        question: str,
        *,
        scope: Scope,
        top_k: int = 5,
        options: SearchOptions = _USUAL,
        budget: AnswerBudget | None = _USUAL_BUDGET,
    ) -> Answer:
        """The hits of `Search`, with the model's text or None. Raises what `Search` raises.

        budget: None for the hits alone, without asking the model. Citations in the text that do not hold are
        left out. A text without one that holds says that the documents do not tell.
        """
        if self._llm is None or budget is None:
            _, answer = await self._found(question, scope=scope, top_k=top_k, options=options)
            return answer
        parts = self.stream(question, scope=scope, top_k=top_k, options=options, budget=budget)
        async with aclosing(parts):
            async for part in parts:
                if isinstance(part, Answer):
                    return part
        raise AssertionError("the last part of a stream is its answer")

    async def stream(
        self,
        question: str,
        *,
        scope: Scope,
        top_k: int = 5,
        options: SearchOptions = _USUAL,
        budget: AnswerBudget | None = _USUAL_BUDGET,
    ) -> AsyncGenerator[AnswerPart, None]:
        """What was found, before the model is asked; the text, piece by piece, as it is said; then all of it.

        The pieces joined are the answer's text, unless it turns out to have no citation that holds, or the
        model fails. The model is read no faster than the pieces are taken. Closing it early ends its call.
        budget: None for what was found alone. Raises what `Search` raises.
        """
        began = time.perf_counter()
        found, answer = await self._found(question, scope=scope, top_k=top_k, options=options)
        timings = answer.timings
        yield found
        if self._llm is None or budget is None or not found.hits:
            yield answer
            return
        max_tokens = min(self._max_tokens, budget.max_tokens or self._max_tokens)
        deadline = time.perf_counter() + self._timeout_seconds
        if budget.timeout_seconds is not None:
            deadline = min(deadline, began + budget.timeout_seconds)
        passages = context_of_hits(found.hits, max_tokens=self._room(question, max_tokens))
        reply = _Reply(self._llm, answer_prompt(question, passages), max_tokens=max_tokens, deadline=deadline)
        reader = CitationReader(passages, found.hits)
        try:
            async with aclosing(reply.pieces()) as pieces:
                async for piece in pieces:
                    if text := reader.feed(piece):
                        yield text
        except (LLMUnavailable, LLMRejected, TimeoutError) as error:
            _log.warning("no answer from the language model: %s: %s", type(error).__name__, error)
            missing = each_part_once((*found.degradations, Degradation.of("llm", error)))
            yield replace(answer, degradations=missing, timings=reply.timings(timings))
            return
        if text := reader.end():
            yield text
        yield replace(_read(answer, reader, reply), timings=reply.timings(timings))

    async def _found(
        self, question: str, *, scope: Scope, top_k: int, options: SearchOptions
    ) -> tuple[Found, Answer]:
        """What the search brought, and an answer of it without a text."""
        began = time.perf_counter()
        found = await self._search(question, scope=scope, top_k=top_k, options=options)
        timings = AnswerTimings(search_ms=_ms_since(began))
        return found, Answer(None, found.hits, found.degradations, found.trace, timings=timings)

    def _room(self, question: str, max_tokens: int) -> int:
        """Tokens for the passages."""
        window = int(self._context_tokens * (1 - _MARGIN))
        return max(_LEAST_ROOM, window - max_tokens - _INSTRUCTION_TOKENS - approximate_tokens(question))


class _Reply:
    """A reply of the model, read until a deadline (`time.perf_counter`), and what it cost."""

    def __init__(self, llm: LLM, messages: Sequence[Message], *, max_tokens: int, deadline: float) -> None:
        self._llm = llm
        self._messages = messages
        self._max_tokens = max_tokens
        self._deadline = deadline
        self._began = time.perf_counter()
        self._first_token_ms: float | None = None
        self._said: list[str] = []
        self._usage: TokenUsage | None = None

    async def pieces(self) -> AsyncGenerator[str, None]:
        """The text as it comes. Raises what the model raises, and TimeoutError past the deadline."""
        left = self._deadline - time.perf_counter()
        with closing(Deadline(asyncio.get_running_loop().time() + left)) as deadline:
            async with aclosing(self._llm.generate(self._messages, max_tokens=self._max_tokens)) as deltas:
                while True:
                    # Around the waiting alone: a timeout must not strike where the consumer works.
                    with deadline:
                        delta = await anext(deltas, None)
                    if delta is None:
                        return
                    if self._first_token_ms is None:
                        self._first_token_ms = _ms_since(self._began)
                    self._usage = delta.usage or self._usage
                    self._said.append(delta.text)
                    yield delta.text

    @property
    def usage(self) -> TokenUsage:
        """As the model told it, or else an estimate."""
        if self._usage is not None:
            return self._usage
        prompt = sum(approximate_tokens(message.content) for message in self._messages)
        return TokenUsage(prompt, approximate_tokens("".join(self._said)), estimated=True)

    def timings(self, timings: AnswerTimings) -> AnswerTimings:
        """With those of this reply until now."""
        return replace(timings, first_token_ms=self._first_token_ms, model_ms=_ms_since(self._began))


def _read(answer: Answer, reader: CitationReader, reply: _Reply) -> Answer:
    """The answer with what the model said."""
    if not reader.text and not reader.removed:
        return answer
    return replace(
        answer,
        text=reader.text if reader.citations else NOT_TOLD,
        citations=reader.citations,
        citations_removed=reader.removed,
        usage=reply.usage,
    )


def _ms_since(began: float) -> float:
    return 1000 * (time.perf_counter() - began)
