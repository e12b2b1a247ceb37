"""Documents: look up, list, delete."""

from __future__ import annotations

from typing import Annotated, Final
from uuid import UUID

from litestar import delete, get
from litestar.di import NamedDependency
from litestar.params import FromPath, QueryParameter

from citewell.errors import DocumentNotFound, StoreUnavailable
from citewell.model import DocumentId, Status, checked_collection
from citewell.usecases import DeleteDocument, GetDocument, ListDocuments
from citewell_entrypoints.http.descriptions import problems
from citewell_entrypoints.http.problems import INVALID_REQUEST
from citewell_entrypoints.http.schemas import DocumentItem, DocumentPage

__all__ = ["browse_documents", "remove_document", "show_document"]

_TAGS: Final = ["documents"]


@get(
    "/documents/{document_id:uuid}",
    tags=_TAGS,
    operation_id="getDocument",
    response_description="The document",
    summary="Get a document",
    responses=problems(INVALID_REQUEST, DocumentNotFound, StoreUnavailable),
)
async def show_document(
    document_id: FromPath[UUID], get_document: NamedDependency[GetDocument]
) -> DocumentItem:
    """A document, and how far its ingestion is."""
    return DocumentItem.of(await get_document(DocumentId(document_id)))


@get(
    "/documents",
    tags=_TAGS,
    operation_id="listDocuments",
    response_description="Some documents",
    summary="List documents",
    responses=problems(INVALID_REQUEST, StoreUnavailable),
)
async def browse_documents(
    list_documents: NamedDependency[ListDocuments],
    collection: Annotated[str | None, QueryParameter(description="only those in this collection")] = None,
    status: Annotated[Status | None, QueryParameter(description="only those in this status")] = None,
    limit: Annotated[int, QueryParameter(ge=1, le=200, description="how many at most")] = 50,
    after: Annotated[
        UUID | None, QueryParameter(description="only those past this id: `next` of the page before")
    ] = None,
) -> DocumentPage:
    """Documents, oldest first, page by page."""
    if collection is not None:
        checked_collection(collection)
    found, last = await list_documents(
        collection=collection,
        status=status,
        after=None if after is None else DocumentId(after),
        limit=limit,
    )
    return DocumentPage(items=[DocumentItem.of(document) for document in found], next=last)


@delete(
    "/documents/{document_id:uuid}",
    tags=_TAGS,
    operation_id="deleteDocument",
    response_description="It is gone",
    summary="Delete a document",
    responses=problems(INVALID_REQUEST, DocumentNotFound, StoreUnavailable),
)
async def remove_document(
    document_id: FromPath[UUID], delete_document: NamedDependency[DeleteDocument]
) -> None:
    """Delete a document with all that belongs to it; nothing of it can be found afterwards."""
    await delete_document(DocumentId(document_id))
