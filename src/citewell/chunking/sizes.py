"""How long passages are, where nobody says, and what an embedder can read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Self

from citewell.errors import InvalidInput

__all__ = ["ChunkSizes"]

#: Longer passages bring more of what was not asked for and hardly more of what was: docs/retrieval.md.
_USUAL_TOKENS: Final = 200


@dataclass(frozen=True, slots=True)
class ChunkSizes:
    """The longest passage, and the longest repetition of the one before, in the embedder's tokens."""

    max_tokens: int
    overlap_tokens: int

    @classmethod
    def within(cls, window: int, *, max_tokens: int | None = None, overlap_tokens: int | None = None) -> Self:
        """What is given, and for the rest what serves an embedder that reads `window` tokens at a time.

        By default a passage has four fifths of the window, so that its context fits too, and at most 200
        tokens; a fifth of it is repeated. Raises InvalidInput for a passage that is longer than the window,
        and for a repetition of more than half a passage.
        """
        if max_tokens is None:
            max_tokens = max(1, min(_USUAL_TOKENS, window * 4 // 5))
        elif max_tokens > window:
            raise InvalidInput(
                f"chunks of {max_tokens} tokens are longer than what the embedder reads, {window} tokens: "
                f"set {max(1, window * 4 // 5)} or less, which leaves room for their context, or nothing"
            )
        if overlap_tokens is None:
            overlap_tokens = max_tokens // 5
        elif overlap_tokens > max_tokens // 2:
            raise InvalidInput(
                f"chunks of {max_tokens} tokens repeat at most half of them, not {overlap_tokens}: "
                f"set {max_tokens // 2} or less"
            )
        return cls(max_tokens, overlap_tokens)
