"""Reading what is known of documents."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence

from citewell.errors import DocumentNotReady
from citewell.model import Chunk, Document, DocumentId, Page, RevisionId, Span, Status
from citewell.ports import BlobStore, DocumentStore, PageStore, VectorStore

__all__ = ["GetDocument", "ListDocuments", "ReadChunks", "ReadContent", "ReadText"]

_PAGES_AT_ONCE = 32


class GetDocument:
    """One document."""

    def __init__(self, *, documents: DocumentStore) -> None:
        self._documents = documents

    async def __call__(self, document_id: DocumentId) -> Document:
        """Raises DocumentNotFound."""
        return await self._documents.get(document_id)


class ListDocuments:
    """Documents, oldest first."""

    def __init__(self, *, documents: DocumentStore) -> None:
        self._documents = documents

    async def __call__(
        self, *, collection: str | None, status: Status | None, after: DocumentId | None, limit: int
    ) -> tuple[Sequence[Document], DocumentId | None]:
        """Up to `limit` documents past the id `after`, and the id to go on after, None at the end."""
        found = await self._documents.list(collection=collection, status=status, after=after, limit=limit + 1)
        page = found[:limit]
        return page, page[-1].id if len(found) > limit else None


class ReadChunks:
    """The live chunks of a document."""

    def __init__(self, *, documents: DocumentStore, vectors: VectorStore) -> None:
        self._documents = documents
        self._vectors = vectors

    async def __call__(
        self, document_id: DocumentId, *, after: int, limit: int
    ) -> tuple[Sequence[Chunk], int | None]:
        """Up to `limit` chunks past the index `after`, and the index to go on after, None at the end."""
        await self._documents.get(document_id)
        found = await self._vectors.chunks(document_id, after=after, limit=limit + 1)
        page = found[:limit]
        return page, page[-1].index if len(found) > limit else None


class ReadContent:
    """The original bytes of a document."""

    def __init__(self, *, blobs: BlobStore) -> None:
        self._blobs = blobs

    def __call__(self, document: Document, *, span: Span | None = None) -> AsyncIterator[bytes]:
        """The bytes at `span` or all. The first piece raises ContentMissing if they are gone."""
        return self._blobs.read(document.sha256, span=span)


class ReadText:
    """The text of a document's live revision, which the spans of chunks and sources count in."""

    def __init__(self, *, documents: DocumentStore, pages: PageStore) -> None:
        self._documents = documents
        self._pages = pages

    async def __call__(self, document_id: DocumentId, *, span: Span | None = None) -> AsyncIterator[str]:
        """The text at `span` or all, in pieces. Raises DocumentNotFound, or DocumentNotReady if none."""
        document = await self._documents.get(document_id)
        if document.revision_id is None:
            raise DocumentNotReady(f"document {document_id} has no text yet: it is {document.status}")
        return self._pieces(document.revision_id, span)

    async def _pieces(self, revision_id: RevisionId, span: Span | None) -> AsyncIterator[str]:
        start, end = (0, None) if span is None else (span.start, span.end)
        while end is None or start < end:
            wanted = Span(start, end if end is not None else 2**31 - 1)
            pages = await self._pages.read(revision_id, span=wanted, limit=_PAGES_AT_ONCE)
            for page in pages:
                yield _part(page, wanted)
            if len(pages) < _PAGES_AT_ONCE:
                return
            start = pages[-1].span.end


def _part(page: Page, wanted: Span) -> str:
    return page.text[max(0, wanted.start - page.start) : wanted.end - page.start]
