"""An upload: its file streams into the blob store, its fields are checked, nothing stays of a refused one."""

from __future__ import annotations

import asyncio
import logging
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

from litestar import Request

from citewell.errors import CitewellError, TooMuchQueued
from citewell.model import DEFAULT_COLLECTION, Content, DocumentId, Submission
from citewell.ports import BlobStore
from citewell.usecases import AdmitUpload, ReceiveContent, UnlockContent
from citewell_entrypoints.http.bodies import body_pieces, declared_length
from citewell_entrypoints.http.filenames import clean_filename
from citewell_entrypoints.http.forms import UploadFields, refused
from citewell_entrypoints.http.metrics import Metrics
from citewell_entrypoints.http.multipart import MAX_OVERHEAD_BYTES, Part, boundary_of, form_parts
from citewell_entrypoints.http.problems import CONTENT_TOO_LARGE, HttpProblem
from citewell_entrypoints.http.request_ids import request_id_of

__all__ = ["Upload", "UploadReader"]

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Upload:
    """A received file, and what is to be recorded of it."""

    content: Content
    submission: Submission


@dataclass(slots=True)
class _Form:
    fields: UploadFields
    name: str = ""
    content: Content | None = None


class UploadReader:
    """Reads uploads: forms with one `file` and the fields of UploadFields, in any order."""

    def __init__(
        self,
        *,
        admit_upload: AdmitUpload,
        receive_content: ReceiveContent,
        unlock_content: UnlockContent,
        blobs: BlobStore,
        max_bytes: int,
        metrics: Metrics,
    ) -> None:
        self._admit_upload = admit_upload
        self._receive_content = receive_content
        self._unlock_content = unlock_content
        self._blobs = blobs
        self._max_bytes = max_bytes
        self._metrics = metrics

    async def __call__(
        self,
        request: Request[Any, Any, Any],
        *,
        document_id: DocumentId | None = None,
        idempotency_key: str = "",
    ) -> Upload:
        """The upload; it is the caller's to submit.

        Raises HttpProblem, what ReceiveContent raises, and, before the body is read, what AdmitUpload raises.
        Whatever is raised, the bytes that were received are dropped.
        """
        boundary = boundary_of(request.headers.get("content-type", ""))
        await self._admit(declared_length(request) or 0)
        form = _Form(UploadFields())
        try:
            async with aclosing(form_parts(body_pieces(request.receive), boundary=boundary)) as parts:
                async for part in parts:
                    await self._take(part, form)
            content = await self._unlocked(form)
            form.content = content
            submission = _submission(
                form,
                content,
                document_id=document_id,
                idempotency_key=idempotency_key,
                request_id=request_id_of(request.scope),
            )
        except BaseException:
            if form.content is not None:
                await asyncio.shield(self._drop(form.content))
            raise
        self._metrics.uploaded_bytes.inc(submission.size_bytes)
        return Upload(content, submission)

    async def _admit(self, size_bytes: int) -> None:
        if size_bytes > self._max_bytes + MAX_OVERHEAD_BYTES:
            raise HttpProblem(
                CONTENT_TOO_LARGE, f"The file is larger than the limit of {self._max_bytes} bytes."
            )
        try:
            await self._admit_upload(size_bytes=size_bytes)
        except TooMuchQueued:
            self._metrics.refused_uploads.inc()
            raise

    async def _take(self, part: Part, form: _Form) -> None:
        if part.name != "file":
            await form.fields.take(part)
        elif form.content is not None:
            raise refused("file", "is given more than once; send one file per request")
        else:
            form.name = clean_filename(part.filename)
            form.content = await self._receive_content(part.body, name=form.name)

    async def _unlocked(self, form: _Form) -> Content:
        """Only now: the password may have come behind the file."""
        if form.content is None:
            raise refused("file", "is missing; send the document in a part of this name")
        if not form.fields.password:
            return form.content
        return await self._unlock_content(form.content, password=form.fields.password)

    async def _drop(self, content: Content) -> None:
        for blob in content.blobs:
            try:
                await self._blobs.drop(blob)
            except CitewellError as error:
                _log.warning("an upload that was refused could not be dropped: %s", error)


def _submission(
    form: _Form, content: Content, *, document_id: DocumentId | None, idempotency_key: str, request_id: str
) -> Submission:
    collection = form.fields.collection
    if collection is None and document_id is None:
        collection = DEFAULT_COLLECTION
    return Submission(
        name=form.name,
        collection=collection,
        media_type=content.media_type,
        sha256=content.blob.sha256,
        size_bytes=content.blob.size_bytes,
        metadata=form.fields.metadata or {},
        request_id=request_id,
        document_id=document_id,
        unlocked_sha256=None if content.unlocked is None else content.unlocked.sha256,
        idempotency_key=idempotency_key,
    )
