"""What happens while files are brought in, told as it happens."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from citewell_entrypoints.client.values import RemoteDocument

__all__ = ["Changed", "Ended", "Event", "Outcome", "SourceFile", "Uploading", "Waiting"]


@dataclass(frozen=True, slots=True)
class SourceFile:
    """A file to bring in. named: given by name, not found in a folder; shown: how people know it."""

    path: Path
    shown: str
    named: bool


class Outcome(StrEnum):
    """How it ended for a file."""

    READY = "ready"
    QUEUED = "queued"
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class Uploading:
    """Bytes of the file have been sent."""

    file: SourceFile
    bytes_sent: int
    bytes_total: int


@dataclass(frozen=True, slots=True)
class Waiting:
    """The server cannot take the file for the moment."""

    file: SourceFile
    seconds: float
    reason: str


@dataclass(frozen=True, slots=True)
class Changed:
    """The server has the file and tells how far it is."""

    file: SourceFile
    document: RemoteDocument


@dataclass(frozen=True, slots=True)
class Ended:
    """Nothing more happens to the file here. code, reason: why it failed or was skipped, else empty.

    created: False if the collection held these bytes already.
    """

    file: SourceFile
    outcome: Outcome
    document: RemoteDocument | None = None
    code: str = ""
    reason: str = ""
    created: bool = True


Event = Uploading | Waiting | Changed | Ended
