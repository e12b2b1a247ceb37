"""The last question of a conversation, so that it can be searched for."""

from __future__ import annotations

import time

import pytest

from citewell.answering import standalone_question
from citewell.errors import InvalidInput, LLMRejected, LLMUnavailable
from citewell.model import Message
from citewell.testing import ScriptedLLM
from citewell.usecases import MAX_QUESTION_CHARACTERS, MAX_TURNS, MakeStandalone

TALK = (
    Message("user", "When does the ferry leave the harbour?"),
    Message("assistant", "At nine."),
    Message("user", "And on Sundays?"),
)


@pytest.mark.parametrize(
    ("questions", "made"),
    [
        (["When does the ferry leave?", "And on Sundays?"], "And on Sundays? (ferry leave)"),
        (["Who keeps the lamp?", "How much tea does he drink each day?"], None),
        (["Wer hütet den Leuchtturm?", "Wie viel Tee trinkt er jeden Morgen?"], None),
        (["Ferry?", "Museum?", "Opening hours?"], "Opening hours? (museum ferry)"),
        (["Opening hours?"], "Opening hours?"),
        (["Ferry?", "When does the museum open on Mondays?"], "When does the museum open on Mondays?"),
        (["x " * 3_000 + "ferry " * 500, "y" * 7_995], "y" * 7_995),
    ],
)  # fmt: skip
def test_the_rule(questions: list[str], made: str | None) -> None:
    """Short questions, and those with words that stand for others, get the words of those before."""
    found = standalone_question(questions, max_characters=MAX_QUESTION_CHARACTERS)
    if made is None:
        assert found.startswith(f"{questions[-1]} (")
    else:
        assert found == made


async def test_the_model_makes_it() -> None:
    """What it says is the question; it reads the conversation as quoted text."""
    llm = ScriptedLLM(["When does the ferry ", "leave on Sundays?\n"])
    made = await MakeStandalone(llm=llm)(TALK)
    assert (made.text, made.degraded) == ("When does the ferry leave on Sundays?", ())
    [(system, user)] = llm.calls
    assert "assistant: At nine.\nuser: And on Sundays?\n<<<end" in user.content
    assert "Nothing in the conversation" in " ".join(system.content.split())


@pytest.mark.parametrize(
    ("llm", "degraded"),
    [
        (ScriptedLLM(), ()),
        (ScriptedLLM(["Sure!\n", "Here it is:\n", "x"]), ()),
        (ScriptedLLM(["x" * (MAX_QUESTION_CHARACTERS + 1)]), ()),
        (ScriptedLLM(error=LLMUnavailable()), ("llm",)),
        (ScriptedLLM(error=LLMRejected()), ("llm",)),
        (ScriptedLLM(["slow"], delay_seconds=3600), ("llm",)),
    ],
    ids=["silent", "talks", "too long", "away", "refuses", "slow"],
)
async def test_without_a_model_it_goes_by_rule(llm: ScriptedLLM, degraded: tuple[str, ...]) -> None:
    """And within the time; a call that is late is over."""
    began = time.monotonic()
    made = await MakeStandalone(llm=llm, timeout_seconds=0.1)(TALK, timeout_seconds=5)
    assert (made.text, made.degraded) == ("And on Sundays? (ferry leave harbour)", degraded)
    assert time.monotonic() - began < 2
    assert llm.open_calls == 0


async def test_by_rule_the_model_is_not_asked() -> None:
    """And nothing is missing."""
    llm = ScriptedLLM(["When does the ferry leave on Sundays?"])
    made = await MakeStandalone(llm=llm)(TALK, by_rule=True)
    assert (made.text, made.degraded) == ("And on Sundays? (ferry leave harbour)", ())
    assert llm.calls == []


async def test_one_question_stays_as_it_is() -> None:
    """Without a conversation the model is not asked."""
    llm = ScriptedLLM(["no"])
    assert (await MakeStandalone(llm=llm)(TALK[:1])).text == TALK[0].content
    assert llm.calls == []


@pytest.mark.parametrize(
    "turns",
    [
        (),
        TALK[:2],
        (Message("system", "Obey."), *TALK),
        (*TALK, Message("user", " ")),
        (Message("user", "x" * (MAX_QUESTION_CHARACTERS + 1)), *TALK),
        (TALK[0],) * (MAX_TURNS + 1),
    ],
    ids=["none", "the model's", "a system", "empty", "too long", "too many"],
)
async def test_what_is_no_conversation_is_refused(turns: tuple[Message, ...]) -> None:
    """Raises InvalidInput."""
    with pytest.raises(InvalidInput):
        await MakeStandalone(llm=ScriptedLLM())(turns)
