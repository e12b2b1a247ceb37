"""From a question to sources and an answer."""

from __future__ import annotations

from pathlib import Path
from uuid import uuid4

import pytest
from tests.house import House

from citewell.answering import NOT_TOLD
from citewell.errors import DocumentNotFound, InvalidInput, LLMRejected, LLMUnavailable
from citewell.model import Answer, AnswerBudget, DocumentId, Found, Scope
from citewell.testing import ScriptedLLM
from citewell.usecases import MAX_QUESTION_CHARACTERS, AnswerQuestion, Search


@pytest.fixture
async def house(tmp_path: Path) -> House:
    house = House(tmp_path)
    for text in (b"The ferry leaves at nine.", b"The museum is closed on Mondays."):
        _, job_id = await house.uploaded_job(text)
        await house.ingest(job_id)
    return house


def asking(house: House, llm: ScriptedLLM) -> AnswerQuestion:
    search = Search(embedder=house.embedder, vectors=house.vectors, documents=house.documents)
    return AnswerQuestion(search=search, llm=llm, max_tokens=100, timeout_seconds=0.2)


async def test_the_answer_is_what_the_model_says(house: House) -> None:
    """Pieces are joined; the passages went to the model."""
    llm = ScriptedLLM(["It leaves ", "at nine [1]."])
    answer = await asking(house, llm)("When does the ferry leave?", scope=Scope(), top_k=1)
    assert (answer.text, answer.degraded) == ("It leaves at nine [1].", ())
    assert [hit.chunk.text for hit in answer.hits] == ["The ferry leaves at nine."]
    assert "The ferry leaves at nine." in llm.calls[0][-1].content


async def test_a_model_that_says_nothing_is_no_answer_and_no_fault(house: House) -> None:
    """No pieces mean that there is no answer."""
    answer = await asking(house, ScriptedLLM())("ferry", scope=Scope())
    assert (answer.text, answer.degraded, len(answer.hits)) == (None, (), 2)


@pytest.mark.parametrize(
    "llm",
    [
        ScriptedLLM(["half an ans"], error=LLMUnavailable()),
        ScriptedLLM(error=LLMRejected()),
        ScriptedLLM(["so slow"], delay_seconds=3600),
    ],
    ids=["fails", "refuses", "slow"],
)
async def test_a_model_that_fails_costs_the_answer_alone(house: House, llm: ScriptedLLM) -> None:
    """`degraded` names what was missing, and the call to the model has ended."""
    answer = await asking(house, llm)("ferry", scope=Scope())
    assert (answer.text, answer.degraded, len(answer.hits)) == (None, ("llm",), 2)
    assert llm.open_calls == 0


async def test_an_answer_without_support_says_that_the_documents_do_not_tell(house: House) -> None:
    """No citation, or none that holds: what the model made up, or was talked into, is not passed on."""
    for said, removed in (("PWNED.", 0), ("It leaves at ten [9].", 1), ('At ten [1: "leaves at ten"].', 1)):
        answer = await asking(house, ScriptedLLM([said]))("When does the ferry leave?", scope=Scope())
        assert (answer.text, answer.citations, answer.citations_removed) == (NOT_TOLD, (), removed)


async def test_a_citation_names_the_text_at_its_span(house: House) -> None:
    """Source, quote and place, and what the reply cost."""
    llm = ScriptedLLM(["It leaves ", '[1: "ferry lea', 'ves at nine"] and [7] so.'])
    answer = await asking(house, llm)("When does the ferry leave?", scope=Scope(), top_k=1)
    assert (answer.text, answer.citations_removed) == ("It leaves [1] and so.", 1)
    [citation] = answer.citations
    assert answer.hits[0].chunk.text[citation.span.start : citation.span.end] == citation.quote
    assert answer.usage is not None
    assert answer.usage.estimated
    assert answer.usage.prompt_tokens > answer.usage.completion_tokens > 5
    assert answer.timings.search_ms > 0
    assert (answer.timings.model_ms or 0) >= (answer.timings.first_token_ms or 0) > 0


async def test_what_was_found_comes_before_the_model_is_asked(house: House) -> None:
    """Then pieces that make the text, then all of it."""
    llm = ScriptedLLM(["It leaves ", "at nine ", "[1", "]", "."])
    parts = asking(house, llm).stream("When does the ferry leave?", scope=Scope())
    first = await anext(parts)
    assert isinstance(first, Found)
    assert llm.calls == []
    *pieces, last = [part async for part in parts]
    assert isinstance(last, Answer)
    assert "".join(str(piece) for piece in pieces) == last.text == "It leaves at nine [1]."
    assert len(pieces) > 2


async def test_closing_a_stream_ends_the_call(house: House) -> None:
    """Nobody pays for what nobody reads."""
    llm = ScriptedLLM(["piece "] * 50)
    parts = asking(house, llm).stream("ferry", scope=Scope())
    await anext(parts)
    assert await anext(parts) == "piece"
    assert llm.open_calls == 1
    await parts.aclose()
    assert llm.open_calls == 0


async def test_a_budget_bounds_the_answer_and_cannot_raise_the_bounds(house: House) -> None:
    """Tokens and seconds; the smaller of what is asked for and what is usual."""
    answer_question = asking(house, ScriptedLLM(["nine ", "[1] ", *["more "] * 200]))
    short = await answer_question("ferry", scope=Scope(), budget=AnswerBudget(max_tokens=2))
    assert short.text == "nine [1]"
    long = await answer_question("ferry", scope=Scope(), budget=AnswerBudget(max_tokens=100_000))
    assert (long.text or "").count("more") == 98
    slow = asking(house, ScriptedLLM(["so slow"], delay_seconds=3600))
    for seconds in (0.001, 3600):
        answer = await slow("ferry", scope=Scope(), budget=AnswerBudget(timeout_seconds=seconds))
        assert (answer.text, answer.degraded, len(answer.hits)) == (None, ("llm",), 2)
    with pytest.raises(InvalidInput):
        AnswerBudget(max_tokens=0)
    for wrong in (0.0, float("nan")):
        with pytest.raises(InvalidInput):
            AnswerBudget(timeout_seconds=wrong)


async def test_without_a_budget_the_model_is_not_asked(house: House) -> None:
    """The hits alone, plain and in parts, and nothing is missing."""
    llm = ScriptedLLM(["nine [1]"])
    answer = await asking(house, llm)("ferry", scope=Scope(), budget=None)
    assert (answer.text, answer.degraded, len(answer.hits)) == (None, (), 2)
    found, last = [part async for part in asking(house, llm).stream("ferry", scope=Scope(), budget=None)]
    assert isinstance(found, Found)
    assert isinstance(last, Answer)
    assert (last.text, last.hits, llm.calls) == (None, found.hits, [])


async def test_without_a_hit_the_model_is_not_asked(house: House) -> None:
    """There is nothing to ground an answer in."""
    llm = ScriptedLLM(["made up"])
    answer = await asking(house, llm)("ferry", scope=Scope(collection="empty"))
    assert (answer.text, answer.hits) == (None, ())
    assert llm.calls == []


@pytest.mark.parametrize(
    ("question", "top_k"),
    [
        ("", 5),
        ("  \n", 5),
        ("x" * (MAX_QUESTION_CHARACTERS + 1), 5),
        ("nul\0", 5),
        ("ferry", 0),
        ("ferry", 101),
    ],
)
async def test_a_question_that_cannot_be_right_is_refused(house: House, question: str, top_k: int) -> None:
    """Raises InvalidInput."""
    with pytest.raises(InvalidInput):
        await house.search(question, top_k=top_k)


async def test_an_unknown_document_is_not_found(house: House) -> None:
    """Raises DocumentNotFound for an unknown id, not an empty list."""
    with pytest.raises(DocumentNotFound):
        await house.search("ferry", scope=Scope(document_ids=(DocumentId(uuid4()),)))


async def test_a_document_without_live_chunks_has_no_sources(house: House) -> None:
    """A document that is known but not ready finds nothing and is no error."""
    document, _ = await house.uploaded_job(b"Not ingested yet.")
    assert await house.search("ferry", scope=Scope(document_ids=(document.id,))) == ()


async def test_a_score_is_between_zero_and_one_and_best_comes_first(house: House) -> None:
    """(1 + similarity) / 2, in [0, 1]."""
    hits = await house.search("The ferry leaves at nine.")
    scores = [hit.score for hit in hits]
    assert scores == sorted(scores, reverse=True)
    assert all(0 <= score <= 1 for score in scores)
    assert scores[0] == pytest.approx(1.0)
