"""Deleting a document with all that belongs to it."""

from __future__ import annotations

from citewell.model import DocumentId
from citewell.ports import BlobStore, DocumentStore, UnitOfWork, VectorStore

__all__ = ["DeleteDocument"]


class DeleteDocument:
    """Removes rows, vectors and bytes; a worker that is still at it finds its lease stale."""

    def __init__(
        self, *, documents: DocumentStore, vectors: VectorStore, blobs: BlobStore, unit_of_work: UnitOfWork
    ) -> None:
        self._documents = documents
        self._vectors = vectors
        self._blobs = blobs
        self._unit_of_work = unit_of_work

    async def __call__(self, document_id: DocumentId) -> None:
        """Raises DocumentNotFound."""
        async with self._unit_of_work():
            await self._vectors.delete(document_id)
            unused = await self._documents.delete(document_id)
        for sha256 in unused:
            await self._delete_content(sha256)

    async def _delete_content(self, sha256: str) -> None:
        """Only after the rows are gone for good, and only if no new document took the bytes up since."""
        async with self._unit_of_work():
            await self._documents.lock_content(sha256)
            if not await self._documents.uses_content(sha256):
                await self._blobs.delete(sha256)
