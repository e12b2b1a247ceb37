"""What the service has promised: every upload that it accepted, and what was asked of it since."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

__all__ = ["Entry", "Ledger"]


@dataclass(slots=True)
class Entry:
    """A document that was accepted.

    revisions: the SHA-256 of its contents in the order they were accepted; offered: what was sent to replace
    them, accepted or not yet. Times are of `time.monotonic`.
    """

    document_id: str
    collection: str
    revisions: list[str]
    offered: set[str] = field(default_factory=set)
    #: When it was first seen to be found, and since when it must be; None while it need not be.
    ready_since: float | None = None
    #: When its deletion was first asked for, and when it was confirmed.
    delete_asked: float | None = None
    deleted: float | None = None
    #: When it was cancelled: what had been embedded before is not there any more.
    paid_anew: float = 0.0
    #: Whether it was seen at an end after its newest revision was accepted.
    ended: bool = False
    #: [accepted, seen at an end] for each revision, as its ingestion may pay for embeddings only meanwhile.
    spans: list[list[float]] = field(default_factory=list)

    @property
    def sha256(self) -> str:
        """What it holds, or will."""
        return self.revisions[-1]

    @property
    def stands(self) -> bool:
        """Whether nobody asked for its deletion."""
        return self.delete_asked is None


class Ledger:
    """All entries. One harness writes it, so what it says was seen with its own eyes."""

    def __init__(self) -> None:
        self._entries: dict[str, Entry] = {}

    def __iter__(self) -> Iterator[Entry]:
        return iter(tuple(self._entries.values()))

    def get(self, document_id: str) -> Entry | None:
        """The entry of the document, if there is one."""
        return self._entries.get(document_id)

    def accepted(self, document_id: str, *, collection: str, sha256: str) -> Entry:
        """A 2xx was seen for these bytes under this id; accepted again, they are the same promise."""
        entry = self._entries.setdefault(document_id, Entry(document_id, collection, []))
        if not entry.revisions or entry.revisions[-1] != sha256:
            entry.revisions.append(sha256)
            entry.spans.append([time.monotonic(), float("inf")])
            entry.ended = False
        return entry

    def has_ended(self, entry: Entry, *, ready: bool) -> None:
        """The newest revision was seen at an end."""
        entry.ended = True
        entry.spans[-1][1] = time.monotonic()
        if ready and entry.ready_since is None:
            entry.ready_since = time.monotonic()

    def under_way(self) -> Sequence[Entry]:
        """Those whose ingestion was not seen to end."""
        return [entry for entry in self if not entry.ended and entry.deleted is None]
