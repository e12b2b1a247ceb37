"""Stopping the ingestion of a document, and starting it anew."""

from __future__ import annotations

from typing import Any, Final
from uuid import UUID

from litestar import Request, post
from litestar.di import NamedDependency
from litestar.params import FromPath

from citewell.errors import Conflict, DocumentNotFound, StoreUnavailable
from citewell.model import DocumentId
from citewell.usecases import CancelDocument, RetryDocument
from citewell_entrypoints.http.descriptions import problems
from citewell_entrypoints.http.problems import INVALID_REQUEST
from citewell_entrypoints.http.request_ids import request_id_of
from citewell_entrypoints.http.schemas import DocumentItem, SubmittedItem

__all__ = ["restart_ingestion", "stop_ingestion"]

_PROBLEMS: Final = problems(INVALID_REQUEST, DocumentNotFound, Conflict, StoreUnavailable)


@post(
    "/documents/{document_id:uuid}/cancel",
    status_code=202,
    tags=["documents"],
    operation_id="cancelDocument",
    response_description="It is cancelled",
    summary="Cancel an ingestion",
    responses=_PROBLEMS,
)
async def stop_ingestion(
    document_id: FromPath[UUID], cancel_document: NamedDependency[CancelDocument]
) -> DocumentItem:
    """Cancel the ingestion of a document that is `queued` or `processing`; 409 if it is neither.

    What was live of it before stays. The worker lets go of it within seconds.
    """
    return DocumentItem.of(await cancel_document(DocumentId(document_id)))


@post(
    "/documents/{document_id:uuid}/retry",
    status_code=202,
    tags=["documents"],
    operation_id="retryDocument",
    response_description="It is queued",
    summary="Retry an ingestion",
    responses=_PROBLEMS,
)
async def restart_ingestion(
    document_id: FromPath[UUID],
    request: Request[Any, Any, Any],
    retry_document: NamedDependency[RetryDocument],
) -> SubmittedItem:
    """Queue a document anew that has `failed` or was `cancelled`; 409 if it has not."""
    submitted = await retry_document(DocumentId(document_id), request_id=request_id_of(request.scope))
    return SubmittedItem.of_submitted(submitted)
