"""Uploads: a document of its own, or under an id of the caller's choice."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated, Any, Final
from uuid import UUID

from litestar import Request, Response, post, put
from litestar.datastructures import ResponseHeader
from litestar.di import NamedDependency
from litestar.openapi import ResponseSpec
from litestar.params import FromPath, HeaderParameter

from citewell.errors import (
    BlobsUnavailable,
    Conflict,
    ContentTooLarge,
    KeyReused,
    StoreUnavailable,
    TooMuchQueued,
    UnsupportedMediaType,
)
from citewell.model import DocumentId, Submitted
from citewell.usecases import SubmitDocument
from citewell_entrypoints.http.descriptions import UploadOperation, problems
from citewell_entrypoints.http.problems import BODY_TOO_SLOW, INVALID_CONTENT_TYPE, INVALID_REQUEST, Kind
from citewell_entrypoints.http.schemas import SubmittedItem
from citewell_entrypoints.http.uploads import UploadReader

__all__ = ["put_document", "upload_document"]

_TAGS: Final = ["documents"]
_LOCATION: Final = ResponseHeader(
    name="Location", description="the document's address", documentation_only=True
)
_PROBLEMS: Final[tuple[Kind | type, ...]] = (
    INVALID_REQUEST,
    BODY_TOO_SLOW,
    ContentTooLarge,
    INVALID_CONTENT_TYPE,
    UnsupportedMediaType,
    KeyReused,
    TooMuchQueued,
    StoreUnavailable,
    BlobsUnavailable,
)

IdempotencyKey = Annotated[
    str | None,
    HeaderParameter(
        name="Idempotency-Key",
        pattern=r"^[!-~]{1,255}$",
        description="1 to 255 visible ASCII characters; the same request sent again with the same key gets "
        "the document that it got before",
    ),
]


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
            SubmittedItem,
            generate_examples=False,
            description="The collection holds the same bytes already",
        ),
        **problems(*_PROBLEMS),
    },
)
async def upload_document(
    request: Request[Any, Any, Any],
    read_upload: NamedDependency[UploadReader],
    submit_document: NamedDependency[SubmitDocument],
    idempotency_key: IdempotencyKey = None,
) -> Response[SubmittedItem]:
    """Upload a document; it is ingested in the background.

    202: it is queued; poll the address in `Location`, or follow its `/events`, until `status` is `ready` or
    `failed`. 200: the collection holds the same bytes already, and the reply is the document that does. If
    that one had failed, it is queued again (202). The type is decided from the bytes, never from the name.
    """
    upload = await read_upload(request, idempotency_key=idempotency_key or "")
    return _reply(await submit_document(upload.content, upload.submission))


@put(
    "/documents/{document_id:uuid}",
    status_code=202,
    tags=_TAGS,
    operation_id="putDocument",
    response_description="It is queued",
    summary="Create or replace a document",
    operation_class=UploadOperation,
    response_headers=[_LOCATION],
    responses={
        200: ResponseSpec(
            SubmittedItem, generate_examples=False, description="The document has these bytes already"
        ),
        **problems(*_PROBLEMS, Conflict),
    },
)
async def put_document(
    document_id: FromPath[UUID],
    request: Request[Any, Any, Any],
    read_upload: NamedDependency[UploadReader],
    submit_document: NamedDependency[SubmitDocument],
    idempotency_key: IdempotencyKey = None,
) -> Response[SubmittedItem]:
    """Upload a document under an id of your choice: it is created, or gets these bytes as its new revision.

    The former revision is found until the new one is ready, then the new one alone. 200: it has these bytes
    already, and only its name and metadata are as they came now. A document stays in its collection: another
    one is a 409; without one the document's own is meant, or `default` for a new document.
    """
    upload = await read_upload(
        request, document_id=DocumentId(document_id), idempotency_key=idempotency_key or ""
    )
    return _reply(await submit_document(upload.content, upload.submission))


def _reply(submitted: Submitted) -> Response[SubmittedItem]:
    is_new_work = submitted.created or submitted.job_id is not None
    return Response(
        SubmittedItem.of_submitted(submitted),
        status_code=HTTPStatus.ACCEPTED if is_new_work else HTTPStatus.OK,
        headers={"Location": f"/api/v1/documents/{submitted.document.id}"},
    )
