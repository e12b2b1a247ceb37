"""From a question to sources and an answer."""

from __future__ import annotations

from pathlib import Path
from uuid import uuid4

import pytest
from tests.house import House

from citewell.errors import DocumentNotFound, InvalidInput, LLMRejected, LLMUnavailable
from citewell.model import DocumentId, Scope
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
