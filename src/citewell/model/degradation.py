"""What a reply lacks, and why."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from citewell.errors import CitewellError, Reason, Transient

__all__ = ["Degradation", "each_part_once", "names_of"]


@dataclass(frozen=True, slots=True)
class Degradation:
    """A part that should have contributed and could not. part: its name (`llm`, `embedder`, `reranker`)."""

    part: str
    reason: Reason

    @classmethod
    def of(cls, part: str, error: CitewellError | TimeoutError) -> Degradation:
        """By the error that its call ended with. What may not pass by itself is a refusal."""
        if isinstance(error, TimeoutError):
            return cls(part, Reason.TIMEOUT)
        return cls(part, error.reason if isinstance(error, Transient) else Reason.REJECTED)


def each_part_once(degradations: Iterable[Degradation]) -> tuple[Degradation, ...]:
    """In their order, the first of each part: a part that failed twice in a reply is missing once."""
    first: dict[str, Degradation] = {}
    for degradation in degradations:
        first.setdefault(degradation.part, degradation)
    return tuple(first.values())


def names_of(degradations: Iterable[Degradation]) -> tuple[str, ...]:
    """The parts alone."""
    return tuple(degradation.part for degradation in degradations)
