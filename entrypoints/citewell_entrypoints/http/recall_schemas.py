"""The bodies of measurements of the index."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

from citewell.model import DEFAULT_COLLECTION
from citewell.usecases import MAX_RECALL_QUESTIONS, MAX_TOP_K

__all__ = ["RecallReply", "RecallRequest"]


class RecallRequest(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is to be measured."""

    collection: Annotated[str, Meta(description="the collection whose index is measured")] = (
        DEFAULT_COLLECTION
    )
    questions: Annotated[
        int, Meta(ge=1, le=MAX_RECALL_QUESTIONS, description="how many questions at most; each takes a while")
    ] = 20
    k: Annotated[int, Meta(ge=1, le=MAX_TOP_K, description="how many of the nearest are compared")] = 10


class RecallReply(Struct, frozen=True, kw_only=True):
    """How much of what an exact search finds the index found."""

    recalls: Annotated[
        list[float],
        Meta(
            description="for each question the share of the k nearest that the index found, in [0, 1]; 1 "
            "where the collection is searched exactly anyway. Empty if the collection is"
        ),
    ]
    k: Annotated[int, Meta(description="how many of the nearest were compared")]
    floor: Annotated[float, Meta(description="APP_RECALL_FLOOR: below it something is to be done")]
    search_ef: Annotated[int, Meta(description="APP_SEARCH_EF: the greater, the more is found")]
