"""Reading again what was quoted."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from citewell.errors import DocumentNotFound, DocumentNotReady, InvalidInput
from citewell.model import DocumentId, LiveRevision, Quotation, QuotationCheck, RevisionId, Span
from citewell.ports import DocumentStore, PageStore

__all__ = ["MAX_QUOTATIONS", "MAX_QUOTE_CHARACTERS", "VerifyCitations"]

MAX_QUOTATIONS: Final = 100
MAX_QUOTE_CHARACTERS: Final = 8_000

#: A document may be replaced between the look at its revision and the reading of its text.
_TRIES: Final = 3


class VerifyCitations:
    """Says of quotations whether each is, to the letter, the text at its span of its revision."""

    def __init__(self, *, documents: DocumentStore, pages: PageStore) -> None:
        self._documents = documents
        self._pages = pages

    async def __call__(self, quotations: Sequence[Quotation]) -> tuple[QuotationCheck, ...]:
        """One check for each, in their order. Raises InvalidInput for too many, and for too long a quote."""
        if len(quotations) > MAX_QUOTATIONS:
            raise InvalidInput(f"there are {len(quotations)} citations; there may be {MAX_QUOTATIONS}")
        if any(not 1 <= len(quotation.quote) <= MAX_QUOTE_CHARACTERS for quotation in quotations):
            raise InvalidInput(f"a quote has from 1 to {MAX_QUOTE_CHARACTERS} characters")
        return tuple([QuotationCheck(each, await self._problem(each)) for each in quotations])

    async def _problem(self, quotation: Quotation) -> str:
        problem = ""
        for _ in range(_TRIES):
            live = await self._live(quotation.document_id)
            if isinstance(live, str):
                return live
            if live.sha256 != quotation.sha256.lower():
                return "revision_gone"
            problem = await self._problem_in(live.id, quotation)
            if not problem:
                break
            after = await self._live(quotation.document_id)
            if not isinstance(after, str) and after.id == live.id:
                break
        return problem

    async def _live(self, document_id: DocumentId) -> LiveRevision | str:
        try:
            return await self._documents.live(document_id)
        except DocumentNotFound:
            return "document_not_found"
        except DocumentNotReady:
            return "not_ready"

    async def _problem_in(self, revision_id: RevisionId, quotation: Quotation) -> str:
        span = quotation.span
        if span.end > (await self._pages.extent(revision_id)).end:
            return "span_out_of_text"
        if len(span) != len(quotation.quote):
            return "quote_differs"
        return "" if await self._text(revision_id, span) == quotation.quote else "quote_differs"

    async def _text(self, revision_id: RevisionId, span: Span) -> str:
        pages = await self._pages.read(revision_id, span=span)
        return "".join(
            page.text[max(0, span.start - page.start) : max(0, span.end - page.start)] for page in pages
        )
