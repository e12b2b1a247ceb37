"""What is in a document: its bytes, its text, its chunks."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated, Any, Final
from uuid import UUID

from litestar import Request, Response, get
from litestar.di import NamedDependency
from litestar.openapi import ResponseSpec
from litestar.params import FromPath, QueryParameter

from citewell.errors import (
    BlobsUnavailable,
    DocumentNotFound,
    DocumentNotReady,
    InvalidInput,
    StoreUnavailable,
)
from citewell.model import Document, DocumentId, Span
from citewell.usecases import GetDocument, ReadChunks, ReadContent, ReadText
from citewell_entrypoints.http.descriptions import problems
from citewell_entrypoints.http.filenames import content_disposition
from citewell_entrypoints.http.problems import INVALID_REQUEST, RANGE_NOT_SATISFIABLE, HttpProblem
from citewell_entrypoints.http.ranges import RangeNotSatisfiable, is_current, requested_span
from citewell_entrypoints.http.schemas import ChunkItem, ChunkPage
from citewell_entrypoints.http.streams import begun, streamed

__all__ = ["download_content", "list_chunks", "read_document_text"]

_TAGS: Final = ["documents"]
_PLAIN_TEXT: Final = "text/plain; charset=utf-8"
#: The largest offset that a text or a list of chunks can have.
_MAX_OFFSET: Final = 2**31 - 1


@get(
    "/documents/{document_id:uuid}/content",
    tags=_TAGS,
    operation_id="downloadContent",
    summary="Download the original bytes",
    media_type="application/octet-stream",
    responses={
        200: ResponseSpec(bytes, generate_examples=False, description="The bytes", media_type="*/*"),
        206: ResponseSpec(
            bytes, generate_examples=False, description="The bytes of `Range`", media_type="*/*"
        ),
        304: ResponseSpec(None, generate_examples=False, description="What `If-None-Match` names is current"),
        **problems(
            INVALID_REQUEST, DocumentNotFound, RANGE_NOT_SATISFIABLE, StoreUnavailable, BlobsUnavailable
        ),
    },
)
async def download_content(
    document_id: FromPath[UUID],
    request: Request[Any, Any, Any],
    get_document: NamedDependency[GetDocument],
    read_content: NamedDependency[ReadContent],
) -> Response[Any]:
    """The original bytes.

    `ETag` is their SHA-256. `If-None-Match`, `If-Range` and one `Range` of bytes are honoured.
    """
    document = await get_document(DocumentId(document_id))
    etag = f'"{document.sha256}"'
    headers = {
        "ETag": etag,
        "Accept-Ranges": "bytes",
        "Cache-Control": "private, no-cache",
        "Content-Disposition": content_disposition(document.name),
    }
    if is_current(request.headers.get("if-none-match"), etag):
        return Response(b"", status_code=HTTPStatus.NOT_MODIFIED, headers=headers)
    span = _requested(request, document, etag=etag)
    pieces = await begun(read_content(document, span=span))
    status = HTTPStatus.OK
    if span is not None:
        status = HTTPStatus.PARTIAL_CONTENT
        headers["Content-Range"] = f"bytes {span.start}-{span.end - 1}/{document.size_bytes}"
    headers["Content-Length"] = str(document.size_bytes if span is None else len(span))
    headers["Content-Type"] = document.media_type
    return streamed(pieces, status=status, headers=headers)


def _requested(request: Request[Any, Any, Any], document: Document, *, etag: str) -> Span | None:
    size = document.size_bytes
    try:
        return requested_span(
            request.headers.get("range"), size=size, if_range=request.headers.get("if-range"), etag=etag
        )
    except RangeNotSatisfiable:
        raise HttpProblem(
            RANGE_NOT_SATISFIABLE,
            f"The content has {size} bytes, and none of them is in the range.",
            headers={"Content-Range": f"bytes */{size}"},
        ) from None


@get(
    "/documents/{document_id:uuid}/text",
    tags=_TAGS,
    operation_id="readText",
    summary="Read the text",
    media_type="text/plain",
    responses={
        200: ResponseSpec(str, generate_examples=False, description="The text", media_type="text/plain"),
        **problems(INVALID_REQUEST, DocumentNotFound, DocumentNotReady, StoreUnavailable),
    },
)
async def read_document_text(
    document_id: FromPath[UUID],
    read_text: NamedDependency[ReadText],
    start: Annotated[
        int | None, QueryParameter(ge=0, le=_MAX_OFFSET, description="offset of the first character")
    ] = None,
    end: Annotated[
        int | None, QueryParameter(ge=0, le=_MAX_OFFSET, description="offset past the last character")
    ] = None,
) -> Response[Any]:
    """The text of the live revision, or a part of it: what the spans of sources and chunks count in.

    409 as long as no revision is live.
    """
    span = _text_span(start, end)
    pieces = await read_text(DocumentId(document_id), span=span)
    return streamed(await begun(pieces), headers={"Content-Type": _PLAIN_TEXT})


def _text_span(start: int | None, end: int | None) -> Span | None:
    if start is None and end is None:
        return None
    first, last = start or 0, _MAX_OFFSET if end is None else end
    if first > last:
        raise InvalidInput(f"the text's part cannot start at {first} and end at {last}")
    return Span(first, last)


@get(
    "/documents/{document_id:uuid}/chunks",
    tags=_TAGS,
    operation_id="listChunks",
    response_description="Some chunks",
    summary="List the chunks",
    responses=problems(INVALID_REQUEST, DocumentNotFound, StoreUnavailable),
)
async def list_chunks(
    document_id: FromPath[UUID],
    read_chunks: NamedDependency[ReadChunks],
    limit: Annotated[int, QueryParameter(ge=1, le=200, description="how many at most")] = 50,
    after: Annotated[
        int,
        QueryParameter(
            ge=-1, le=_MAX_OFFSET, description="only those past this index: `next` of the page before"
        ),
    ] = -1,
) -> ChunkPage:
    """The live chunks of a document in order, page by page."""
    found, last = await read_chunks(DocumentId(document_id), after=after, limit=limit)
    return ChunkPage(items=[ChunkItem.of(chunk) for chunk in found], next=last)
