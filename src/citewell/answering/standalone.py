"""A rule that makes the last question of a conversation self-contained, for where no model does."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from citewell.lexical import words
from citewell.lexical.stopwords import STOP_WORDS
from citewell.model import Message

__all__ = ["standalone_question", "user_turns"]

#: A question with fewer telling words, whatever else it says, leans on what was said before.
_SHORT: Final = 3
#: So many words of former questions are added at most.
_MOST_ADDED: Final = 12
_COMMON: Final = frozenset().union(*STOP_WORDS.values())
#: Words that stand for others, in the commonest languages; not those that are more often articles.
_WORDS_FOR_OTHERS: Final = (
    "it its he him his she her hers they them their theirs this that these those former latter ones "
    "er ihn ihm seine ihre ihren dieser diese dieses dort damit davon dafür darin dazu "
    "il elle ils elles lui leur leurs celui celle ceux celles cela ça ceci "
    "él ella ellos ellas esto eso aquello allí ahí esso essa essi esse questo questa quello quella "
    "ele ela eles elas isto isso aquilo ali hij hem haar zij hun dit deze daar "
    "он она оно они его её ее их это этот эта эти там тогда"
)
_POINTING: Final = frozenset(_WORDS_FOR_OTHERS.split())


def user_turns(turns: Sequence[Message]) -> list[str]:
    """What the user said, in order."""
    return [turn.content for turn in turns if turn.role == "user"]


def standalone_question(questions: Sequence[str], *, max_characters: int) -> str:
    """The last of the questions; if it is short, or has words that stand for others, with more added.

    They are those of the former questions, the latest first, that the last one does not have itself.
    """
    last = questions[-1].strip()
    said = list(words(last))
    telling = [word for word in said if word not in _COMMON]
    if len(telling) >= _SHORT and not _POINTING.intersection(said):
        return last
    added: list[str] = []
    for question in reversed(questions[:-1]):
        for word in words(question):
            if word not in _COMMON and word not in said and word not in added and len(added) < _MOST_ADDED:
                added.append(word)
    whole = f"{last} ({' '.join(added)})" if added else last
    return whole if len(whole) <= max_characters else last
