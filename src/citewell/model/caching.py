"""What a cache of results needs to know and keeps."""

from __future__ import annotations

from dataclasses import dataclass

from citewell.model.search import Scope, SearchOptions

__all__ = ["Asked", "CachedReply", "MadeReply", "ScopeVersion"]


@dataclass(frozen=True, slots=True)
class ScopeVersion:
    """How a scope is at one moment.

    documents: of the documents in it. counts: of all that their words are counted over as well, so of their
    collections. Both name the data that they are of: the same text means the same data in any process.
    """

    documents: str
    counts: str


@dataclass(frozen=True, slots=True)
class Asked:
    """A question with all that decides on its reply. form: which one, where there are several."""

    question: str
    scope: Scope
    top_k: int
    options: SearchOptions
    form: str = ""


@dataclass(frozen=True, slots=True)
class MadeReply:
    """A reply as it was made: its bytes, and those that later ones get, None if it is not to be kept.

    sources: how many there are in it.
    """

    body: bytes
    kept: bytes | None
    sources: int


@dataclass(frozen=True, slots=True)
class CachedReply:
    """A reply, and where it comes from.

    layer: the name of the cache that had it, None if it was made. joined: it was made for somebody else who
    asked the same. stored: it is in the caches now.
    """

    body: bytes
    sources: int
    layer: str | None = None
    joined: bool = False
    stored: bool = False
