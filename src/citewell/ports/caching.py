"""What keeps results, and what tells when they are over."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from citewell.model import Scope, ScopeVersion

__all__ = ["Cache", "VersionStore"]


class Cache(Protocol):
    """Keeps bytes under a key for a while, as long as there is room.

    What it cannot keep or read it does not have: no call fails for that. Calls may overlap.
    """

    async def get(self, key: str) -> bytes | None:
        """Of what was put under the key the last that could be kept, or None."""
        ...

    async def put(self, key: str, value: bytes, *, ttl_seconds: float) -> None:
        """Keep the bytes, for so long at most; not at all if that is not above 0."""
        ...


class VersionStore(Protocol):
    """Tells when searches may find something else than before."""

    async def versions(self, scopes: Sequence[Scope]) -> Sequence[ScopeVersion]:
        """For each scope, in their order, its version; all of one moment after the call began.

        Once a search in the scope could find something else, the texts are ones that they never were before:
        a publication, a replacement, a delete, another name or other metadata of what is live, words that
        were added later. What is undone changes nothing. `counts` changes with all of the collections that
        the scope's documents are in; so does `documents`, but where the scope names documents it stays the
        same when others change. Scopes with nothing in them have a version too. The filter does not matter.
        """
        ...
