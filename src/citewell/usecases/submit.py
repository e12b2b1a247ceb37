"""From an upload to a queued job."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator

from citewell.errors import ContentTooLarge, QueueUnavailable, UnsupportedMediaType
from citewell.model import Content, Submission, Submitted
from citewell.ports import BlobStore, DocumentStore, JobQueue, Parser, UnitOfWork

__all__ = ["HEAD_BYTES", "ReceiveContent", "SubmitDocument"]

#: How many first bytes a parser gets to see when it says what a file is.
HEAD_BYTES = 8192

_log = logging.getLogger(__name__)


class ReceiveContent:
    """Streams an upload aside and says what type it is. Nothing is recorded yet."""

    def __init__(self, *, blobs: BlobStore, parser: Parser, max_bytes: int) -> None:
        self._blobs = blobs
        self._parser = parser
        self._max_bytes = max_bytes

    async def __call__(self, content: AsyncIterator[bytes], *, name: str) -> Content:
        """The received content. Raises ContentTooLarge or UnsupportedMediaType as soon as it is clear."""
        watched = _Watched(content, self._parser, name=name, max_bytes=self._max_bytes)
        blob = await self._blobs.receive(watched.pieces())
        return Content(blob, watched.media_type)


class _Watched:
    """Passes a stream on and looks at its beginning and its length. A refusal breaks the stream off."""

    def __init__(self, content: AsyncIterator[bytes], parser: Parser, *, name: str, max_bytes: int) -> None:
        self._content = content
        self._parser = parser
        self._name = name
        self._max_bytes = max_bytes
        #: Known once the stream has been passed on.
        self.media_type = ""

    async def pieces(self) -> AsyncIterator[bytes]:
        head, size = bytearray(), 0
        async for piece in self._content:
            size += len(piece)
            if size > self._max_bytes:
                raise ContentTooLarge(f"the file is larger than the limit of {self._max_bytes} bytes")
            if len(head) < HEAD_BYTES:
                head += piece[: HEAD_BYTES - len(head)]
                if len(head) == HEAD_BYTES:
                    self.media_type = self._detected(bytes(head))
            yield piece
        if len(head) < HEAD_BYTES:
            self.media_type = self._detected(bytes(head))

    def _detected(self, head: bytes) -> str:
        media_type = self._parser.detect(head, name=self._name)
        if media_type is None:
            raise UnsupportedMediaType(
                "no parser reads files of this type; see the README for those it reads"
            )
        return media_type


class SubmitDocument:
    """Records a document for received content and announces its job."""

    def __init__(
        self, *, documents: DocumentStore, blobs: BlobStore, queue: JobQueue, unit_of_work: UnitOfWork
    ) -> None:
        self._documents = documents
        self._blobs = blobs
        self._queue = queue
        self._unit_of_work = unit_of_work

    async def __call__(self, content: Content, submission: Submission) -> Submitted:
        """The document that holds the content; what was received is kept or dropped in any case."""
        try:
            async with self._unit_of_work():
                # A delete of the last document with the same bytes must not take them away in between.
                await self._documents.lock_content(content.blob.sha256)
                await self._blobs.keep(content.blob)
                submitted = await self._documents.submit(submission)
        finally:
            await self._blobs.drop(content.blob)
        if submitted.job_id is not None:
            try:
                await self._queue.announce(submitted.job_id)
            except QueueUnavailable:
                # The job is safe in the store; the sweeper announces it when the queue is back.
                _log.warning("job %s waits for the queue to come back", submitted.job_id)
        return submitted
