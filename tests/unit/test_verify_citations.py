"""Quotations, held against what is stored."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path
from uuid import UUID

import pytest
from tests.house import House

from citewell.errors import InvalidInput
from citewell.model import Document, DocumentId, Quotation, Scope, Span
from citewell.testing import ScriptedLLM
from citewell.usecases import MAX_QUOTATIONS, MAX_QUOTE_CHARACTERS, AnswerQuestion, VerifyCitations

TEXT = b"The lamp is red.\fThe keeper sleeps by day."


@pytest.fixture
async def house(tmp_path: Path) -> House:
    return House(tmp_path)


async def stored(house: House) -> Document:
    document, job_id = await house.uploaded_job(TEXT)
    await house.ingest(job_id)
    return document


def verifying(house: House) -> VerifyCitations:
    return VerifyCitations(documents=house.documents, pages=house.pages)


async def text_of(house: House, document: Document) -> str:
    pages = await house.pages.read((await house.documents.live(document.id)).id)
    return "".join(page.text for page in pages)


async def test_what_stands_there_is_valid_and_nothing_else_is(house: House) -> None:
    """Across pages, too; each other quotation says what is wrong."""
    document = await stored(house)
    text = await text_of(house, document)
    start = text.index("red.")
    right = Quotation(document.id, document.sha256, Span(start, start + 12), text[start : start + 12])
    cases = {
        right: "",
        replace(right, sha256=document.sha256.upper()): "",
        replace(right, quote="blue." + right.quote[5:]): "quote_differs",
        replace(right, quote=right.quote[:-1]): "quote_differs",
        replace(right, span=Span(start + 1, start + 13)): "quote_differs",
        replace(right, span=Span(9_000, 9_012)): "span_out_of_text",
        replace(right, sha256=hashlib.sha256(b"other").hexdigest()): "revision_gone",
        replace(right, document_id=DocumentId(UUID(int=7))): "document_not_found",
    }
    checks = await verifying(house)(list(cases))
    assert [check.problem for check in checks] == list(cases.values())
    assert [check.quotation for check in checks] == list(cases)
    assert [check.valid for check in checks] == [not problem for problem in cases.values()]


async def test_a_revision_that_was_replaced_is_gone(house: House) -> None:
    """Its text is not kept."""
    document = await stored(house)
    quotation = Quotation(document.id, document.sha256, Span(0, 3), "The")
    submitted = await house.upload(b"The other text.", document_id=document.id)
    assert [check.valid for check in await verifying(house)([quotation])] == [True]
    assert submitted.job_id is not None
    await house.ingest(submitted.job_id)
    [check] = await verifying(house)([quotation])
    assert check.problem == "revision_gone"


async def test_a_document_that_is_not_ready_has_no_text_yet(house: House) -> None:
    """`not_ready`."""
    document, _ = await house.uploaded_job(TEXT)
    [check] = await verifying(house)([Quotation(document.id, document.sha256, Span(0, 3), "The")])
    assert check.problem == "not_ready"


async def test_the_citations_of_an_answer_are_valid(house: House) -> None:
    """What an answer cites can be verified as it is."""
    await stored(house)
    llm = ScriptedLLM(['It is so [1: "lamp is red"] [1] [1: "is blue"][1: "KEEPER  sleeps"].'])
    ask = AnswerQuestion(search=house.searching, llm=llm, max_tokens=100, timeout_seconds=5)
    answer = await ask("Is the lamp red?", scope=Scope())
    quotations = [
        Quotation(each.document_id, each.sha256, each.span, each.quote) for each in answer.citations
    ]
    assert len(quotations) == 3
    assert all(check.valid for check in await verifying(house)(quotations))


async def test_too_much_is_refused(house: House) -> None:
    """Raises InvalidInput."""
    quotation = Quotation(DocumentId(UUID(int=7)), "0" * 64, Span(0, 1), "x")
    for wrong in ([quotation] * (MAX_QUOTATIONS + 1), [replace(quotation, quote="")],
                  [replace(quotation, quote="x" * (MAX_QUOTE_CHARACTERS + 1))]):  # fmt: skip
        with pytest.raises(InvalidInput):
            await verifying(house)(wrong)
