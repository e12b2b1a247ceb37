"""From hits to an answer that can be checked: context, prompts, citations. Pure algorithms."""

from citewell.answering.citing import CitationReader
from citewell.answering.context import ContextPassage, Stretch, context_of_hits
from citewell.answering.prompts import NOT_TOLD, answer_prompt, standalone_prompt
from citewell.answering.quotes import NormalText
from citewell.answering.standalone import standalone_question, user_turns

__all__ = [
    "NOT_TOLD",
    "CitationReader",
    "ContextPassage",
    "NormalText",
    "Stretch",
    "answer_prompt",
    "context_of_hits",
    "standalone_prompt",
    "standalone_question",
    "user_turns",
]
