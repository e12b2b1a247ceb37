"""The bodies of what verifies citations."""

from __future__ import annotations

from typing import Annotated, Literal
from uuid import UUID

from msgspec import Meta, Struct

from citewell.model import DocumentId, Quotation, QuotationCheck, Span
from citewell.usecases import MAX_QUOTATIONS, MAX_QUOTE_CHARACTERS
from citewell_entrypoints.http.answer_schemas import PlaceInAnswer
from citewell_entrypoints.http.schemas import PageRange

__all__ = ["CitationCheckItem", "VerifyReply", "VerifyRequest"]

Offset = Annotated[int, Meta(ge=0, le=2**31 - 1)]


class GivenSpan(Struct, frozen=True, forbid_unknown_fields=True):
    """A half-open range of character offsets (code points) into the document's text."""

    start: Offset
    end: Offset


class GivenCitation(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A citation as a reply gave it, or the four fields of it that are looked at."""

    document_id: UUID
    sha256: Annotated[str, Meta(pattern="^[0-9a-fA-F]{64}$", description="of the revision")]
    span: GivenSpan
    quote: Annotated[str, Meta(min_length=1, max_length=MAX_QUOTE_CHARACTERS)]
    place: Annotated[PlaceInAnswer | None, Meta(description="not looked at")] = None
    source: Annotated[int | None, Meta(description="not looked at")] = None
    quoted: Annotated[bool | None, Meta(description="not looked at")] = None
    pages: Annotated[PageRange | None, Meta(description="not looked at")] = None

    def quotation(self) -> Quotation:
        """Raises ValueError if the span ends before it begins."""
        span = Span(self.span.start, self.span.end)
        return Quotation(DocumentId(self.document_id), self.sha256, span, self.quote)


class VerifyRequest(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Citations to be held against what is stored."""

    citations: Annotated[list[GivenCitation], Meta(min_length=1, max_length=MAX_QUOTATIONS)]


class CitationCheckItem(Struct, frozen=True, kw_only=True):
    """Whether a citation's quote is, to the letter, the text at its span of its revision."""

    valid: bool
    problem: Annotated[
        Literal["document_not_found", "not_ready", "revision_gone", "span_out_of_text", "quote_differs"]
        | None,
        Meta(
            description="why not: there is no such document; nothing of it is ready; it has another revision "
            "now, and the text of this one is not kept; its text ends before the span does; another text "
            "stands there"
        ),
    ]

    @classmethod
    def of(cls, check: QuotationCheck) -> CitationCheckItem:
        return cls(valid=check.valid, problem=check.problem or None)  # type: ignore[arg-type]


class VerifyReply(Struct, frozen=True):
    """One check for each citation, in their order."""

    citations: list[CitationCheckItem]
