"""Deleting a document with all that belongs to it."""

from __future__ import annotations

import logging

from citewell.errors import Transient
from citewell.model import DocumentId
from citewell.ports import DocumentStore, UnitOfWork, VectorStore
from citewell.usecases.contents import CollectContents

__all__ = ["DeleteDocument"]

_log = logging.getLogger(__name__)


class DeleteDocument:
    """Removes rows, vectors and bytes; a worker that is still at it finds its lease stale."""

    def __init__(
        self,
        *,
        documents: DocumentStore,
        vectors: VectorStore,
        collect_contents: CollectContents,
        unit_of_work: UnitOfWork,
    ) -> None:
        self._documents = documents
        self._vectors = vectors
        self._collect_contents = collect_contents
        self._unit_of_work = unit_of_work

    async def __call__(self, document_id: DocumentId) -> None:
        """Raises DocumentNotFound."""
        async with self._unit_of_work():
            await self._vectors.delete(document_id)
            hashes = await self._documents.delete(document_id)
        try:
            await self._collect_contents(hashes)
        except Transient as error:
            # The document is gone for good; its bytes are suspected, and go when the blob store is back.
            _log.warning("the bytes of document %s could not be deleted yet: %s", document_id, error)
