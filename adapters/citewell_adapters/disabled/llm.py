"""The language model of a service that gives sources alone."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence

from citewell.model import Delta, Message

__all__ = ["DisabledLLM"]


class DisabledLLM:
    """Never says anything, so every answer is None. Needs no opening."""

    async def generate(
        self,
        messages: Sequence[Message],  # noqa: ARG002
        *,
        max_tokens: int,  # noqa: ARG002
    ) -> AsyncGenerator[Delta, None]:
        """No pieces."""
        return
        yield Delta("")  # makes this function a generator
