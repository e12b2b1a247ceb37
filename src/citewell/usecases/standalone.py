"""The last question of a conversation, made self-contained, so that it can be searched for."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import Final

from citewell.answering import standalone_prompt, standalone_question, user_turns
from citewell.errors import InvalidInput, LLMRejected, LLMUnavailable
from citewell.model import Degradation, Message, names_of
from citewell.ports import LLM
from citewell.usecases.search import MAX_QUESTION_CHARACTERS

__all__ = ["MAX_TURNS", "MakeStandalone", "StandaloneQuestion"]

MAX_TURNS: Final = 50

_log = logging.getLogger(__name__)

#: What the model reads of a conversation: its last turns, each up to so many characters.
_TURNS_READ: Final = 8
_CHARACTERS_READ: Final = 2_000
_MAX_TOKENS: Final = 200


@dataclass(frozen=True, slots=True)
class StandaloneQuestion:
    """A question that needs no conversation around it.

    degradations: the model's, if it should have made it so.
    """

    text: str
    degradations: tuple[Degradation, ...] = ()

    @property
    def degraded(self) -> tuple[str, ...]:
        """The names of what could not contribute."""
        return names_of(self.degradations)


class MakeStandalone:
    """Asks the language model, if it answers within its time; else goes by a rule over the user's words.

    llm: None to go by the rule. timeout_seconds: the most that the model gets for it: the search waits.
    """

    def __init__(self, *, llm: LLM | None, timeout_seconds: float = 3.0) -> None:
        self._llm = llm
        self._timeout_seconds = timeout_seconds

    async def __call__(
        self, turns: Sequence[Message], *, timeout_seconds: float | None = None, by_rule: bool = False
    ) -> StandaloneQuestion:
        """The last of the turns, which is the user's. Raises InvalidInput for what is no conversation.

        by_rule: the model is not asked.
        """
        _check(turns)
        questions = user_turns(turns)
        if len(turns) == 1:
            return StandaloneQuestion(questions[-1])
        simple = standalone_question(questions, max_characters=MAX_QUESTION_CHARACTERS)
        if self._llm is None or by_rule:
            return StandaloneQuestion(simple)
        try:
            async with asyncio.timeout(min(self._timeout_seconds, timeout_seconds or self._timeout_seconds)):
                made = await _made(turns, self._llm)
        except (LLMUnavailable, LLMRejected, TimeoutError) as error:
            _log.warning("a question is made self-contained by rule: %s: %s", type(error).__name__, error)
            return StandaloneQuestion(simple, (Degradation.of("llm", error),))
        return StandaloneQuestion(made or simple)


async def _made(turns: Sequence[Message], llm: LLM) -> str:
    """What the model makes of it; empty if that can be no question."""
    read = [Message(turn.role, turn.content[:_CHARACTERS_READ]) for turn in turns[-_TURNS_READ:]]
    async with aclosing(llm.generate(standalone_prompt(read), max_tokens=_MAX_TOKENS)) as deltas:
        text = "".join([delta.text async for delta in deltas])
    lines = [line.strip() for line in text.replace("\0", "").splitlines() if line.strip()]
    # Several lines are an answer, or an explanation; a question was asked for.
    made = lines[0].strip('"“”') if len(lines) == 1 else ""
    return made if len(made) <= MAX_QUESTION_CHARACTERS else ""


def _check(turns: Sequence[Message]) -> None:
    if not 1 <= len(turns) <= MAX_TURNS:
        raise InvalidInput(f"there are {len(turns)} messages; there must be from 1 to {MAX_TURNS}")
    if any(turn.role not in {"user", "assistant"} for turn in turns):
        raise InvalidInput("the role of a message is `user` or `assistant`")
    if turns[-1].role != "user":
        raise InvalidInput("the last message must be the user's")
    if any(len(turn.content) > MAX_QUESTION_CHARACTERS for turn in turns):
        raise InvalidInput(f"a message is longer than {MAX_QUESTION_CHARACTERS} characters")
    if not turns[-1].content.strip():
        raise InvalidInput("the question is empty")
