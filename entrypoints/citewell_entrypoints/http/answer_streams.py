"""An answer as it comes about, as server-sent events.

    event: sources          what was found, before the model is asked: `sources`, `degraded`, `degradations`
    event: token            a piece of the answer: `text`; as many as there are
    event: citations        the answer as a whole: `answer`, `citations`, `citations_removed`
    event: done             the end: `degraded`, `degradations`, `usage`, `timings`
    event: error            the end if something broke: a problem, as an error reply has it

    : ping                  whenever nothing happens for 15 seconds

Without a model, or where it fails, `citations` does not come. The model is read no faster than the reader
takes what it says, and its call ends when the reader goes away.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import aclosing
from typing import Annotated

from litestar.response import Stream
from msgspec import Meta, Struct

from citewell.model import Answer, AnswerPart, Degradation, Found, each_part_once, names_of
from citewell_entrypoints.http.answer_schemas import CitationItem, TimingsItem, TokenEvent, UsageItem
from citewell_entrypoints.http.degradation_schemas import DegradationItem, Degradations
from citewell_entrypoints.http.explanation_schemas import QueryExplanation
from citewell_entrypoints.http.metrics import Metrics
from citewell_entrypoints.http.problems import Problem
from citewell_entrypoints.http.query_schemas import Source
from citewell_entrypoints.http.streams import OpenStreams, server_sent

__all__ = ["AnswerStreams", "CitationsEvent", "DoneEvent", "SourcesEvent"]


class SourcesEvent(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What was found."""

    sources: list[Source]
    degraded: list[str]
    degradations: Degradations = []
    question: Annotated[str | None, Meta(description="only if `messages` were given")] = None
    explanation: Annotated[QueryExplanation | None, Meta(description="only if `explain` was asked for")] = (
        None
    )


class CitationsEvent(Struct, frozen=True, kw_only=True):
    """The answer as a whole. It is what the tokens made, unless no citation in it holds."""

    answer: str
    citations: list[CitationItem]
    citations_removed: int


class DoneEvent(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The end. With `llm` in `degraded` what was said of an answer is not whole."""

    degraded: list[str]
    degradations: Degradations = []
    usage: UsageItem | None
    timings: TimingsItem


class AnswerStreams:
    """Answers in parts as streams of events, counted."""

    def __init__(self, streams: OpenStreams, metrics: Metrics) -> None:
        self._streams = streams
        self._metrics = metrics

    async def __call__(
        self,
        parts: AsyncGenerator[AnswerPart, None],
        *,
        question: str | None,
        missing: tuple[Degradation, ...],
        explain: bool,
        problem_of: Callable[[Exception], Problem],
    ) -> Stream:
        """The stream; what the search raises is raised here, while a status can still tell of it.

        question: if it is to be told. missing: could not contribute before the search.
        """
        found = await anext(parts)
        assert isinstance(found, Found)  # noqa: S101 - what comes first
        degradations = each_part_once((*missing, *found.degradations))
        sources = SourcesEvent(
            sources=[Source.of(hit, explain=explain) for hit in found.hits],
            degraded=list(names_of(degradations)),
            degradations=DegradationItem.all_of(degradations),
            question=question,
            explanation=QueryExplanation.of(found.trace, cached=False) if explain else None,
        )
        return self._streams.reply(self._sent(sources, parts, missing, problem_of))

    async def _sent(
        self,
        sources: SourcesEvent,
        parts: AsyncGenerator[AnswerPart, None],
        missing: tuple[Degradation, ...],
        problem_of: Callable[[Exception], Problem],
    ) -> AsyncGenerator[bytes, None]:
        with self._metrics.open_answer_streams.track_inprogress():
            try:
                yield server_sent("sources", sources)
                # They are written before the prompt is made.
                await asyncio.sleep(0)
                async with aclosing(parts):
                    async for part in parts:
                        if isinstance(part, str):
                            yield server_sent("token", TokenEvent(part))
                        elif isinstance(part, Answer):
                            for event in self._end(part, missing):
                                yield event
            except Exception as error:  # noqa: BLE001 - the status has been sent: the stream has to tell
                yield server_sent("error", problem_of(error))

    def _end(self, answer: Answer, missing: tuple[Degradation, ...]) -> Iterator[bytes]:
        self._metrics.asked(answer)
        if answer.text is not None:
            yield server_sent(
                "citations",
                CitationsEvent(
                    answer=answer.text,
                    citations=[CitationItem.of(citation) for citation in answer.citations],
                    citations_removed=answer.citations_removed,
                ),
            )
        degradations = each_part_once((*missing, *answer.degradations))
        yield server_sent(
            "done",
            DoneEvent(
                degraded=list(names_of(degradations)),
                degradations=DegradationItem.all_of(degradations),
                usage=UsageItem.of(answer.usage),
                timings=TimingsItem.of(answer.timings),
            ),
        )
