"""What things are called."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, NamedTuple, NewType
from uuid import UUID

from citewell.errors import InvalidInput

__all__ = [
    "DEFAULT_COLLECTION",
    "ChunkRef",
    "Citation",
    "DocumentId",
    "JobId",
    "RevisionId",
    "checked_collection",
]

DocumentId = NewType("DocumentId", UUID)

JobId = NewType("JobId", UUID)

#: Given by the document store; opaque, never reused.
RevisionId = NewType("RevisionId", int)

DEFAULT_COLLECTION: Final = "default"

_COLLECTION: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


def checked_collection(name: str) -> str:
    """The name itself; InvalidInput unless it is 1-64 of letters, digits, `.`, `_`, `-`, no sign first."""
    if not _COLLECTION.fullmatch(name):
        raise InvalidInput(
            f"{name[:80]!r} is no name for a collection: use 1 to 64 letters, digits, '.', '_' or '-', "
            "beginning with a letter or digit"
        )
    return name


class ChunkRef(NamedTuple):
    """The name of a chunk in the live index; its order breaks ties between equal scores."""

    document_id: DocumentId
    chunk_index: int


@dataclass(frozen=True, slots=True)
class Citation:
    """The name of a chunk for good: in which document, in which of its revisions (SHA-256, hex)."""

    document_id: DocumentId
    sha256: str
    chunk_index: int
