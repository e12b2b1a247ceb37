"""Documents: upload, look up, list, delete."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated, Any, Final
from uuid import UUID

from litestar import Request, Response, delete, get, post
from litestar.datastructures import ResponseHeader
from litestar.di import NamedDependency
from litestar.openapi import ResponseSpec
from litestar.params import FromPath, QueryParameter

from citewell.errors import (
    BlobsUnavailable,
    ContentTooLarge,
    DocumentNotFound,
    StoreUnavailable,
    UnsupportedMediaType,
)
from citewell.model import DocumentId, Status, checked_collection
from citewell.usecases import DeleteDocument, GetDocument, ListDocuments, SubmitDocument
from citewell_entrypoints.http.descriptions import UploadOperation, problems
from citewell_entrypoints.http.problems import INVALID_CONTENT_TYPE, INVALID_REQUEST
from citewell_entrypoints.http.schemas import DocumentItem, DocumentPage
from citewell_entrypoints.http.uploads import UploadReader

__all__ = ["browse_documents", "remove_document", "show_document", "upload_document"]

_TAGS: Final = ["documents"]
_LOCATION: Final = ResponseHeader(
    name="Location", description="the document's address", documentation_only=True
)


@post(
    "/documents",
    status_code=202,
    tags=_TAGS,
    operation_id="uploadDocument",
    response_description="It is queued",
    summary="Upload a document",
    operation_class=UploadOperation,
    response_headers=[_LOCATION],
    responses={
        200: ResponseSpec(
            DocumentItem, generate_examples=False, description="The collection holds the same bytes already"
        ),
        **problems(
            INVALID_REQUEST,
            ContentTooLarge,
            INVALID_CONTENT_TYPE,
            UnsupportedMediaType,
            StoreUnavailable,
            BlobsUnavailable,
        ),
    },
)
async def upload_document(
    request: Request[Any, Any, Any],
    read_upload: NamedDependency[UploadReader],
    submit_document: NamedDependency[SubmitDocument],
) -> Response[DocumentItem]:
    """Upload a document; it is ingested in the background.

    202: it is queued; poll the address in `Location` until `status` is `ready` or `failed`. 200: the
    collection holds the same bytes already, and the reply is the document that does. If that one had failed,
    it is queued again (202). The type is decided from the bytes, never from the name.
    """
    upload = await read_upload(request)
    submitted = await submit_document(upload.content, upload.submission)
    document = DocumentItem.of(submitted.document)
    is_new_work = submitted.created or submitted.job_id is not None
    return Response(
        document,
        status_code=HTTPStatus.ACCEPTED if is_new_work else HTTPStatus.OK,
        headers={"Location": f"/api/v1/documents/{document.id}"},
    )


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
