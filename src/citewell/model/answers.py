"""What a language model takes and says."""

from __future__ import annotations

from dataclasses import dataclass, field

from citewell.model.search import Hit, SearchTrace

__all__ = [
    "Answer",
    "Delta",
    "Message",
]


@dataclass(frozen=True, slots=True)
class Message:
    """One turn for a language model; role: `system`, `user` or `assistant`."""

    role: str
    content: str


@dataclass(frozen=True, slots=True)
class Delta:
    """A piece of a language model's reply, in the order in which it is said."""

    text: str


@dataclass(frozen=True, slots=True)
class Answer:
    """What a question got: hits, best first, and the model's text if there is one.

    degraded: what should have contributed and could not, by name (`llm`, `embedder`); empty if all did.
    """

    text: str | None
    hits: tuple[Hit, ...]
    degraded: tuple[str, ...] = ()
    trace: SearchTrace = field(default_factory=SearchTrace)
