"""Work on documents."""

from __future__ import annotations

from dataclasses import dataclass, field

from citewell.model.chunks import Publication
from citewell.model.documents import Progress
from citewell.model.names import DocumentId, JobId, RevisionId

__all__ = [
    "Backlog",
    "Lease",
]


@dataclass(frozen=True, slots=True)
class Backlog:
    """What waits or is in work: documents, and the bytes of their uploads."""

    documents: int
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Lease:
    """A worker's right to work on a job, until it runs out or is taken over.

    fence: grows with every claim; a store refuses whoever carries a lower one. attempt: from 1.
    content_sha256: the bytes to read, which are not those of the upload where these are encrypted.
    progress: what the work before has come to. strikes: how many claims, this one among them, have neither
    made progress nor been given back in order. idle_seconds: how long ago the last progress was made.
    """

    job_id: JobId
    document_id: DocumentId
    revision_id: RevisionId
    fence: int
    attempt: int
    sha256: str
    content_sha256: str
    media_type: str
    name: str
    collection: str
    request_id: str
    progress: Progress = field(default_factory=Progress)
    strikes: int = 0
    idle_seconds: float = 0.0

    @property
    def publication(self) -> Publication:
        """What publishing the lease's revision needs."""
        return Publication(self.document_id, self.revision_id, self.name, self.collection, self.sha256)
