"""From an upload to a queued job."""

from __future__ import annotations

from collections.abc import AsyncIterator

from citewell.errors import ContentTooLarge, UnsupportedMediaType
from citewell.model import Content, Submission, Submitted
from citewell.ports import (
    BlobStore,
    ContentLedger,
    DocumentStore,
    JobQueue,
    PageStore,
    Parser,
    UnitOfWork,
    VectorStore,
)
from citewell.usecases.announce import announced

__all__ = ["HEAD_BYTES", "ReceiveContent", "SubmitDocument"]

#: How many first bytes a parser gets to see when it says what a file is.
HEAD_BYTES = 8192


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
    """Records a document for received content and announces its job.

    suspicion_seconds: after so long it is looked whether the bytes of a submission that a crash has
    interrupted are in use.
    """

    def __init__(
        self,
        *,
        documents: DocumentStore,
        ledger: ContentLedger,
        pages: PageStore,
        vectors: VectorStore,
        blobs: BlobStore,
        queue: JobQueue,
        unit_of_work: UnitOfWork,
        suspicion_seconds: float = 60.0,
    ) -> None:
        self._documents = documents
        self._ledger = ledger
        self._pages = pages
        self._vectors = vectors
        self._blobs = blobs
        self._queue = queue
        self._unit_of_work = unit_of_work
        self._suspicion_seconds = suspicion_seconds

    async def __call__(self, content: Content, submission: Submission) -> Submitted:
        """The document that holds the content; what was received is kept or dropped in any case.

        Raises Conflict and KeyReused.
        """
        try:
            for blob in content.blobs:
                # Before the bytes are kept, so that a crash between the two leaves no orphan for good.
                await self._ledger.suspect(blob.sha256, after_seconds=self._suspicion_seconds)
            async with self._unit_of_work():
                submitted = await self._record(content, submission)
        finally:
            for blob in content.blobs:
                await self._blobs.drop(blob)
        return await announced(submitted, self._queue)

    async def _record(self, content: Content, submission: Submission) -> Submitted:
        # In the order of the hashes, as whoever locks two of them does.
        for blob in sorted(content.blobs, key=lambda blob: blob.sha256):
            # A delete of the last document with the same bytes must not take them away in between.
            await self._ledger.lock(blob.sha256)
            await self._blobs.keep(blob)
        submitted = await self._documents.submit(submission)
        if submitted.superseded is not None:
            await self._vectors.discard(submitted.superseded)
            await self._pages.discard(submitted.superseded)
        for blob in content.blobs:
            if await self._ledger.is_used(blob.sha256):
                await self._ledger.clear(blob.sha256)
        return submitted
