"""What answers in words."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from typing import Protocol

from citewell.model import Delta, Message

__all__ = [
    "LLM",
]


class LLM(Protocol):
    """A language model."""

    def generate(self, messages: Sequence[Message], *, max_tokens: int) -> AsyncGenerator[Delta, None]:
        """The reply, piece by piece, as it is said; no pieces mean that there is no answer.

        A model that tells what the reply cost does so in a piece's usage, the last that does for all of it.
        `max_tokens` bounds the reply. Closing the generator early ends the call. Raises LLMUnavailable
        where a later try may succeed, LLMRejected where it cannot.
        """
        ...
