"""The library in memory answers, and its answers can be verified."""

from __future__ import annotations

from dataclasses import replace

import pytest

from citewell.errors import InvalidInput, LLMUnavailable
from citewell.memory import MemoryLibrary
from citewell.model import AnswerBudget, Status, TokenUsage
from citewell.ports import LLM
from citewell.testing.scripted import ScriptedLLM
from citewell_adapters.mock import MockEmbedder
from citewell_adapters.plaintext import TextParser

FERRY = "The ferry leaves at nine. Bicycles travel for free."
QUESTION = "When does the ferry leave?"


async def library(llm: LLM | None = None) -> MemoryLibrary:
    made = MemoryLibrary(embedder=MockEmbedder(), parser=TextParser(), llm=llm)
    document = await made.add(FERRY, name="ferry.txt", collection="boats")
    assert document.status is Status.READY
    return made


async def test_an_answer_has_citations_that_stand_in_the_text() -> None:
    """And the hits that it was made of; what was forged does not verify."""
    llm = ScriptedLLM(["At nine ", '[1: "leaves at nine"].'])
    llm.usage = TokenUsage(20, 4)
    made = await library(llm)
    answer = await made.answer(QUESTION, collection="boats")
    assert answer.text == "At nine [1]."
    assert [hit.chunk.text for hit in answer.hits] == [FERRY]
    assert answer.usage == llm.usage
    [citation] = answer.citations
    assert FERRY[citation.span.start : citation.span.end] == citation.quote == "leaves at nine"
    checks = await made.verify_citations([citation, replace(citation, quote="leaves at nina")])
    assert [check.problem for check in checks] == ["", "quote_differs"]


async def test_a_citation_of_what_is_gone_does_not_verify() -> None:
    """A quote of a deleted document."""
    made = await library(ScriptedLLM(['[1: "leaves at nine"]']))
    answer = await made.answer(QUESTION)
    await made.delete(answer.hits[0].document_id)
    [check] = await made.verify_citations(answer.citations)
    assert check.problem == "document_not_found"
    with pytest.raises(InvalidInput, match="there may be 100"):
        await made.verify_citations(answer.citations * 101)


async def test_without_a_model_there_are_the_hits() -> None:
    """Nothing is missing, so nothing is degraded; a model that fails is."""
    made = await library()
    answer = await made.answer(QUESTION)
    assert (answer.text, answer.degraded) == (None, ())
    assert answer.hits == await made.search(QUESTION)
    failing = await (await library(ScriptedLLM(error=LLMUnavailable()))).answer(QUESTION)
    assert (failing.text, failing.degraded, len(failing.hits)) == (None, ("llm",), 1)


async def test_an_answer_keeps_to_its_scope_and_budget() -> None:
    """As a search does; a slow model gets no more time than it is given."""
    made = await library(ScriptedLLM(["slow"], delay_seconds=30.0))
    assert (await made.answer(QUESTION, collection="cars")).hits == ()
    answer = await made.answer(QUESTION, budget=AnswerBudget(timeout_seconds=0.5))
    assert (answer.text, answer.degraded) == (None, ("llm",))
