"""Stopping the work on a document, and taking it up again."""

from __future__ import annotations

from citewell.model import Document, DocumentId, Submitted
from citewell.ports import DocumentStore, JobBoard, JobQueue, PageStore, UnitOfWork, VectorStore
from citewell.usecases.announce import announced

__all__ = ["CancelDocument", "RetryDocument"]


class CancelDocument:
    """Ends the work on a document; a revision that was live before stays live."""

    def __init__(
        self,
        *,
        documents: DocumentStore,
        board: JobBoard,
        pages: PageStore,
        vectors: VectorStore,
        unit_of_work: UnitOfWork,
    ) -> None:
        self._documents = documents
        self._board = board
        self._pages = pages
        self._vectors = vectors
        self._unit_of_work = unit_of_work

    async def __call__(self, document_id: DocumentId) -> Document:
        """The cancelled document. Raises DocumentNotFound; Conflict unless it is QUEUED or PROCESSING."""
        async with self._unit_of_work():
            unpublished = await self._board.cancel(document_id)
            if unpublished is not None:
                await self._vectors.discard(unpublished)
                await self._pages.discard(unpublished)
            return await self._documents.get(document_id)


class RetryDocument:
    """Queues a document anew that has failed or was cancelled."""

    def __init__(
        self, *, documents: DocumentStore, board: JobBoard, queue: JobQueue, unit_of_work: UnitOfWork
    ) -> None:
        self._documents = documents
        self._board = board
        self._queue = queue
        self._unit_of_work = unit_of_work

    async def __call__(self, document_id: DocumentId, *, request_id: str = "") -> Submitted:
        """The queued document. Raises DocumentNotFound; Conflict unless it has FAILED or was CANCELLED."""
        async with self._unit_of_work():
            job_id = await self._board.retry(document_id, request_id=request_id)
            document = await self._documents.get(document_id)
        return await announced(Submitted(document, job_id, created=False), self._queue)
