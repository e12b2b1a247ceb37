"""Pages as images."""

from __future__ import annotations

import re
from http import HTTPStatus
from typing import Annotated, Any, Final, cast
from uuid import UUID

from litestar import Request, Response, get, head
from litestar.di import NamedDependency
from litestar.openapi import ResponseSpec
from litestar.params import FromPath, PathParameter, QueryParameter

from citewell.errors import (
    BlobsUnavailable,
    ChunkNotFound,
    DocumentNotFound,
    DocumentNotReady,
    InvalidInput,
    NoPageImages,
    PageNotFound,
    PageUndrawable,
    RendererBusy,
    StoreUnavailable,
)
from citewell.model import DocumentId
from citewell.usecases import MAX_SCALE, MIN_SCALE, DrawPage
from citewell_entrypoints.http.descriptions import problems
from citewell_entrypoints.http.problems import INVALID_REQUEST
from citewell_entrypoints.http.ranges import is_current

__all__ = ["draw_page_image", "look_for_page_image"]

_PATH: Final = "/documents/{document_id:uuid}/pages/{image:str}"
_PNG: Final = "image/png"
_IMAGE: Final = re.compile(r"([1-9][0-9]{0,8})\.png")
_MAX_INDEX: Final = 2**31 - 1
_SCALE: Final = 1.5

Image = Annotated[
    str,
    PathParameter(
        pattern=rf"^{_IMAGE.pattern}$", description="the page's number, from 1, and `.png`: `3.png`"
    ),
]
ChunkIndex = Annotated[
    int | None,
    QueryParameter(
        ge=0, le=_MAX_INDEX, description="mark the lines of this chunk: `chunk_index` of a source"
    ),
]
Scale = Annotated[
    float,
    QueryParameter(
        ge=MIN_SCALE,
        le=MAX_SCALE,
        description="pixels per point, a 72nd of an inch; a page that would have more than 10 million pixels "
        "is drawn smaller",
    ),
]


@get(
    _PATH,
    tags=["documents"],
    operation_id="drawPage",
    summary="Draw a page, with a chunk marked on it",
    media_type=_PNG,
    responses={
        200: ResponseSpec(bytes, generate_examples=False, description="The image", media_type=_PNG),
        304: ResponseSpec(None, generate_examples=False, description="What `If-None-Match` names is current"),
        **problems(
            INVALID_REQUEST,
            DocumentNotFound,
            PageNotFound,
            ChunkNotFound,
            DocumentNotReady,
            NoPageImages,
            PageUndrawable,
            RendererBusy,
            StoreUnavailable,
            BlobsUnavailable,
        ),
    },
)
async def draw_page_image(
    document_id: FromPath[UUID],
    image: Image,
    request: Request[Any, Any, Any],
    draw_page: NamedDependency[DrawPage],
    chunk: ChunkIndex = None,
    scale: Scale = _SCALE,
) -> Response[bytes]:
    """A page of the live revision as it is shown; with `chunk`, the lines of that chunk are marked on it.

    404 if the chunk is not on the page: the detail says where it is. 409 for formats without pages, and as
    long as no revision is live. `ETag` changes with all that the image is made of, so `If-None-Match` costs
    no drawing. At most a few pages are drawn at once; 503 with `Retry-After` tells who is too many.
    """
    return await _reply(document_id, image, request, draw_page, chunk=chunk, scale=scale)


@head(_PATH, media_type=_PNG, include_in_schema=False)
async def look_for_page_image(
    document_id: FromPath[UUID],
    image: Image,
    request: Request[Any, Any, Any],
    draw_page: NamedDependency[DrawPage],
    chunk: ChunkIndex = None,
    scale: Scale = _SCALE,
) -> Response[None]:
    """What GET would say."""
    reply = await _reply(document_id, image, request, draw_page, chunk=chunk, scale=scale)
    headers = dict(reply.headers)
    if reply.status_code == HTTPStatus.OK:
        headers |= {"Content-Type": _PNG, "Content-Length": str(len(reply.content))}
    # Of an image the framework can only send bytes, be they none.
    return Response(cast("None", b""), status_code=reply.status_code, media_type=_PNG, headers=headers)


async def _reply(
    document_id: UUID,
    image: str,
    request: Request[Any, Any, Any],
    draw_page: DrawPage,
    *,
    chunk: int | None,
    scale: float,
) -> Response[bytes]:
    plan = await draw_page.plan(DocumentId(document_id), page=_number(image), chunk=chunk, scale=scale)
    headers = {"ETag": f'"{plan.key[:32]}"', "Cache-Control": "private, no-cache"}
    if is_current(request.headers.get("if-none-match"), headers["ETag"]):
        return Response(b"", status_code=HTTPStatus.NOT_MODIFIED, media_type=_PNG, headers=headers)
    return Response(await draw_page(plan), status_code=HTTPStatus.OK, media_type=_PNG, headers=headers)


def _number(image: str) -> int:
    # The pattern's `$` lets a line feed through.
    if (name := _IMAGE.fullmatch(image)) is None:
        raise InvalidInput("a page's image is named by the number of the page and `.png`, as in 3.png")
    return int(name[1])
