"""What a language model adds to a reply, and the events of one that is streamed."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct

from citewell.model import AnswerCitation, AnswerTimings, Message, TokenUsage
from citewell.usecases import MAX_QUESTION_CHARACTERS
from citewell_entrypoints.http.schemas import DocumentUUID, PageRange, Sha256, SpanItem

__all__ = [
    "MAX_ANSWER_TOKENS",
    "CitationItem",
    "MessageItem",
    "PlaceInAnswer",
    "TimingsItem",
    "TokenEvent",
    "UsageItem",
]

MAX_ANSWER_TOKENS = 100_000


class MessageItem(Struct, frozen=True, forbid_unknown_fields=True):
    """One turn of a conversation."""

    role: Annotated[Literal["user", "assistant"], Meta(description="who said it")]
    content: Annotated[str, Meta(max_length=MAX_QUESTION_CHARACTERS, description="what was said")]

    def message(self) -> Message:
        """The turn as the core has it."""
        return Message(self.role, self.content)


class PlaceInAnswer(Struct, frozen=True):
    """A half-open range of character offsets (code points) into `answer`."""

    start: Annotated[int, Meta(description="offset of the first character", examples=[27])]
    end: Annotated[int, Meta(description="offset past the last character", examples=[30])]


class CitationItem(Struct, frozen=True, kw_only=True):
    """What the answer rests on at one place."""

    place: Annotated[PlaceInAnswer, Meta(description="where its `[n]` stands in `answer`")]
    source: Annotated[int, Meta(description="index into `sources`, from 0; `[n]` shows it plus one")]
    document_id: DocumentUUID
    sha256: Sha256
    quote: Annotated[str, Meta(description="exactly the document's text at `span`")]
    quoted: Annotated[
        bool,
        Meta(
            description="true: the model gave these words; false: it named the passage alone, and this is "
            "the sentence of it that shares most words with the statement, or all of the source if none does"
        ),
    ]
    span: SpanItem
    pages: PageRange

    @classmethod
    def of(cls, citation: AnswerCitation) -> CitationItem:
        return cls(
            place=PlaceInAnswer(citation.place.start, citation.place.end),
            source=citation.source,
            document_id=citation.document_id,
            sha256=citation.sha256,
            quote=citation.quote,
            quoted=citation.quoted,
            span=SpanItem.of(citation.span),
            pages=PageRange(citation.first_page, citation.last_page),
        )


class UsageItem(Struct, frozen=True, kw_only=True):
    """What the answer cost, in tokens."""

    prompt_tokens: int
    completion_tokens: int
    estimated: Annotated[bool, Meta(description="whether the model did not tell, so that it was estimated")]

    @classmethod
    def of(cls, usage: TokenUsage | None) -> UsageItem | None:
        if usage is None:
            return None
        return cls(
            prompt_tokens=usage.prompt_tokens,
            completion_tokens=usage.completion_tokens,
            estimated=usage.estimated,
        )


class TimingsItem(Struct, frozen=True, kw_only=True):
    """How long it took, in milliseconds; null where no model said anything."""

    search_ms: float
    first_token_ms: float | None
    model_ms: float | None

    @classmethod
    def of(cls, timings: AnswerTimings) -> TimingsItem:
        return cls(
            search_ms=round(timings.search_ms, 3),
            first_token_ms=_rounded(timings.first_token_ms),
            model_ms=_rounded(timings.model_ms),
        )


class TokenEvent(Struct, frozen=True):
    """A piece of the answer; those before it and this one follow each other without a gap."""

    text: str


def _rounded(milliseconds: float | None) -> float | None:
    return None if milliseconds is None else round(milliseconds, 3)
