"""An upload: the form's file streams into the blob store, its fields are checked, nothing is left behind."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, Final

import msgspec
from litestar import Request

from citewell.errors import CitewellError
from citewell.model import DEFAULT_COLLECTION, Content, Submission, checked_collection
from citewell.ports import BlobStore
from citewell.usecases import ReceiveContent
from citewell_entrypoints.http.bodies import body_pieces, declared_length
from citewell_entrypoints.http.filenames import clean_filename
from citewell_entrypoints.http.multipart import MAX_OVERHEAD_BYTES, Part, boundary_of, form_parts
from citewell_entrypoints.http.problems import CONTENT_TOO_LARGE, INVALID_REQUEST, FieldError, HttpProblem
from citewell_entrypoints.http.request_ids import request_id_of

__all__ = ["MAX_FIELD_BYTES", "Upload", "UploadReader"]

MAX_FIELD_BYTES: Final = 65_536
_MAX_DEPTH: Final = 32

_metadata_decoder: Final = msgspec.json.Decoder(dict[str, Any])
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Upload:
    """A received file, and what is to be recorded of it."""

    content: Content
    submission: Submission


@dataclass(slots=True)
class _Form:
    name: str = ""
    content: Content | None = None
    collection: str | None = None
    metadata: Mapping[str, Any] | None = None


class UploadReader:
    """Reads uploads: forms with one `file` and the fields `collection` and `metadata`, in any order."""

    def __init__(
        self,
        *,
        receive_content: ReceiveContent,
        blobs: BlobStore,
        max_bytes: int,
        received: Callable[[int], object],
    ) -> None:
        """received: hears of the bytes of every file that was accepted."""
        self._receive_content = receive_content
        self._blobs = blobs
        self._max_bytes = max_bytes
        self._received = received

    async def __call__(self, request: Request[Any, Any, Any]) -> Upload:
        """The upload; it is the caller's to submit. Raises HttpProblem, and what ReceiveContent raises.

        Whatever is raised, the bytes that were received are dropped.
        """
        boundary = boundary_of(request.headers.get("content-type", ""))
        if (declared_length(request) or 0) > self._max_bytes + MAX_OVERHEAD_BYTES:
            raise HttpProblem(
                CONTENT_TOO_LARGE, f"The file is larger than the limit of {self._max_bytes} bytes."
            )
        form = _Form()
        try:
            async with aclosing(form_parts(body_pieces(request), boundary=boundary)) as parts:
                async for part in parts:
                    await self._take(part, form)
            upload = _upload(form, request_id=request_id_of(request.scope))
        except BaseException:
            if form.content is not None:
                await asyncio.shield(self._drop(form.content))
            raise
        self._received(upload.submission.size_bytes)
        return upload

    async def _take(self, part: Part, form: _Form) -> None:
        if part.name == "file":
            if form.content is not None:
                raise _refused("file", "is given more than once; send one file per request")
            form.name = clean_filename(part.filename)
            form.content = await self._receive_content(part.body, name=form.name)
        elif part.name == "collection" and form.collection is None:
            form.collection = checked_collection(await _text(part.body, name=part.name))
        elif part.name == "metadata" and form.metadata is None:
            form.metadata = _metadata(await _text(part.body, name=part.name))
        elif part.name in ("collection", "metadata"):
            raise _refused(part.name, "is given more than once")
        else:
            raise _refused(
                part.name[:100], "is not known; the fields are `file`, `collection` and `metadata`"
            )

    async def _drop(self, content: Content) -> None:
        try:
            await self._blobs.drop(content.blob)
        except CitewellError as error:
            _log.warning("an upload that was refused could not be dropped: %s", error)


def _upload(form: _Form, *, request_id: str) -> Upload:
    if form.content is None:
        raise _refused("file", "is missing; send the document in a part of this name")
    submission = Submission(
        name=form.name,
        collection=DEFAULT_COLLECTION if form.collection is None else form.collection,
        media_type=form.content.media_type,
        sha256=form.content.blob.sha256,
        size_bytes=form.content.blob.size_bytes,
        metadata=form.metadata or {},
        request_id=request_id,
    )
    return Upload(form.content, submission)


async def _text(body: AsyncIterator[bytes], *, name: str) -> str:
    collected = bytearray()
    async for piece in body:
        collected += piece
        if len(collected) > MAX_FIELD_BYTES:
            raise _refused(name, f"is longer than {MAX_FIELD_BYTES} bytes")
    try:
        return collected.decode("utf-8")
    except UnicodeDecodeError:
        raise _refused(name, "is not UTF-8") from None


def _metadata(text: str) -> Mapping[str, Any]:
    try:
        metadata = _metadata_decoder.decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise _refused("metadata", f"is not a JSON object: {error}") from None
    _check_value(metadata, depth=1)
    return metadata


def _check_value(value: object, *, depth: int) -> None:
    """Refuses what a database does not take: a NUL character anywhere, and bottomless nesting."""
    if depth > _MAX_DEPTH:
        raise _refused("metadata", f"is nested more than {_MAX_DEPTH} deep")
    if isinstance(value, str) and "\0" in value:
        raise _refused("metadata", "contains a NUL character")
    if isinstance(value, dict):
        for key, inner in value.items():
            _check_value(key, depth=depth)
            _check_value(inner, depth=depth + 1)
    elif isinstance(value, list):
        for inner in value:
            _check_value(inner, depth=depth + 1)


def _refused(name: str, message: str) -> HttpProblem:
    error = FieldError(source="form", field=name, message=message)
    return HttpProblem(INVALID_REQUEST, f"`{name}`: {message}.", errors=[error])
