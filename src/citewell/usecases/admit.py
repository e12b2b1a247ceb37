"""Whether there is room for one more upload."""

from __future__ import annotations

from citewell.errors import TooMuchQueued
from citewell.ports import JobBoard

__all__ = ["AdmitUpload"]


class AdmitUpload:
    """Refuses uploads while too much waits for its ingestion: a queue without an end helps nobody."""

    def __init__(self, *, board: JobBoard, max_documents: int, max_bytes: int) -> None:
        self._board = board
        self._max_documents = max_documents
        self._max_bytes = max_bytes

    async def __call__(self, *, size_bytes: int) -> None:
        """Raises TooMuchQueued. size_bytes: of the upload, as far as it is known beforehand."""
        backlog = await self._board.backlog()
        if backlog.documents >= self._max_documents:
            raise TooMuchQueued(f"{backlog.documents} documents wait for their ingestion")
        # A single upload may be as large as uploads may be.
        if backlog.documents and backlog.size_bytes + size_bytes > self._max_bytes:
            raise TooMuchQueued(f"documents of {backlog.size_bytes} bytes wait for their ingestion")
