"""What a reply lacks, and why, as replies and events have it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated

from msgspec import Meta, Struct

from citewell.errors import Reason
from citewell.model import Degradation

__all__ = ["DegradationItem", "Degradations"]


class DegradationItem(Struct, frozen=True):
    """A part that should have contributed and could not."""

    part: Annotated[
        str,
        Meta(
            description="as in `degraded`: `llm`: there is no answer, or, with `messages`, the question was "
            "made self-contained by rule; `reranker`: the sources are in the order of the search; "
            "`embedder`: they were found by their words alone",
            examples=["embedder"],
        ),
    ]
    reason: Annotated[
        Reason,
        Meta(
            description="`unavailable`: it cannot be reached, or says that something is wrong with it; "
            "`timeout`: it did not answer in its time; `busy`: so many calls of it go on that no more is "
            "begun; `circuit_open`: it failed several times in a row and is left alone for a moment; "
            "`rejected`: it refuses what it is asked, or the key, or gives what cannot be used. "
            "New ones may be added",
            examples=["timeout"],
        ),
    ]

    @classmethod
    def all_of(cls, degradations: Iterable[Degradation]) -> list[DegradationItem]:
        return [cls(degradation.part, degradation.reason) for degradation in degradations]


Degradations = Annotated[
    list[DegradationItem],
    Meta(description="why each part in `degraded` could not contribute, in that order; absent if all did"),
]
