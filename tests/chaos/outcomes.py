"""What became of an upload, and what was wrong with it: the words of the checks."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

__all__ = ["Kind", "Outcome", "Passage", "Violation", "digest", "passage_from"]


class Kind(StrEnum):
    """Which promise was broken."""

    LOST = "lost"
    DUPLICATED = "duplicated"
    HALF_VISIBLE = "half visible"
    STUCK = "stuck"
    #: An embedding that was committed was asked for again.
    PAID_TWICE = "paid twice"
    #: Staging rows, leases, blobs or other traces of what is over.
    LEFT_OVER = "left over"


@dataclass(frozen=True, slots=True)
class Violation:
    """document_id: whose promise was broken, if it was one document's."""

    kind: Kind
    document_id: str | None
    detail: str


@dataclass(frozen=True, slots=True)
class Passage:
    """A chunk as the API tells of it."""

    index: int
    text: str
    start: int
    end: int
    first_page: int
    last_page: int
    heading_path: tuple[str, ...]
    token_count: int


@dataclass(frozen=True, slots=True)
class Outcome:
    """How the ingestion of some bytes ends; code: of the failure, or None."""

    status: str
    code: str | None
    passages: tuple[Passage, ...]


def passage_from(item: Mapping[str, Any]) -> Passage:
    """From an item of `GET /documents/{id}/chunks`."""
    span, pages, headings = item["span"], item["pages"], item["heading_path"]
    return Passage(
        index=item["index"],
        text=item["text"],
        start=span["start"],
        end=span["end"],
        first_page=pages["first"],
        last_page=pages["last"],
        heading_path=tuple(headings),
        token_count=item["token_count"],
    )


def digest(content: bytes) -> str:
    """The SHA-256 in hex."""
    return hashlib.sha256(content).hexdigest()
