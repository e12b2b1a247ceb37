"""Term ids: words hashed into a fixed space, so that no vocabulary has to be kept, shared or locked.

Two words get one id by chance with a probability of 1 in 10^9: among a million different words about one in
a thousand shares its id with another, which then is found along with it.
"""

from __future__ import annotations

from hashlib import blake2b
from typing import Final

__all__ = ["TERM_SPACE", "term_id"]

#: pgvector's sparsevec has no more dimensions than this.
TERM_SPACE: Final = 1_000_000_000


def term_id(word: str, *, language: str = "") -> int:
    """The id of a word in a language, from 0 below TERM_SPACE; the same on every machine."""
    digest = blake2b(f"{language}\0{word}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") % TERM_SPACE
