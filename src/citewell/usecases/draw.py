"""Pages as images, with a chunk marked on them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Final

from citewell.errors import (
    ChunkNotFound,
    ContentMissing,
    IngestionFailure,
    InvalidInput,
    NoPageImages,
    PageNotFound,
    PageUndrawable,
    RendererBusy,
)
from citewell.model import Box, Citation, DocumentId, LiveRevision
from citewell.ports import (
    BlobStore,
    ContentLedger,
    DocumentStore,
    ImageCache,
    PageRenderer,
    PageStore,
    PassageStore,
)
from citewell.usecases.pages import local_copy

__all__ = ["MAX_SCALE", "MIN_SCALE", "DrawPage", "ForgetImages", "PageImage"]

#: Pixels per point.
MIN_SCALE: Final = 0.1
MAX_SCALE: Final = 4.0


@dataclass(frozen=True, slots=True)
class PageImage:
    """An image that can be drawn. key: the same for images that are the same to the last bit."""

    document_id: DocumentId
    revision: LiveRevision
    page: int
    scale: float
    marks: tuple[Box, ...]
    key: str


class DrawPage:
    """Draws pages of live revisions, and keeps the images.

    scratch: a folder for local copies. max_at_once: how many images are drawn or waited for; who comes then
    gets RendererBusy.
    """

    def __init__(
        self,
        *,
        documents: DocumentStore,
        pages: PageStore,
        passages: PassageStore,
        blobs: BlobStore,
        ledger: ContentLedger,
        renderer: PageRenderer,
        images: ImageCache,
        scratch: Path,
        max_at_once: int = 8,
    ) -> None:
        self._documents = documents
        self._pages = pages
        self._passages = passages
        self._blobs = blobs
        self._ledger = ledger
        self._renderer = renderer
        self._images = images
        self._scratch = scratch
        self._max_at_once = max_at_once
        self._at_work = 0

    async def plan(self, document_id: DocumentId, *, page: int, chunk: int | None, scale: float) -> PageImage:
        """What the page is drawn of, with the lines of the chunk marked; nothing is drawn yet.

        The scale counts in hundredths. Raises DocumentNotFound, DocumentNotReady, NoPageImages, PageNotFound,
        also where the chunk is not on the page, ChunkNotFound, and InvalidInput for a scale out of range.
        """
        if not MIN_SCALE <= scale <= MAX_SCALE:
            raise InvalidInput(f"scale is {scale}; it must be from {MIN_SCALE} to {MAX_SCALE}")
        scale = round(scale, 2)
        revision = await self._documents.live(document_id)
        if not self._renderer.draws(revision.media_type):
            raise NoPageImages(f"document {document_id} is {revision.media_type}, which has no pages to draw")
        count = (await self._pages.extent(revision.id)).pages
        if not 1 <= page <= count:
            raise PageNotFound(f"document {document_id} has {_pages(1, count)}, and no page {page}")
        marks: tuple[Box, ...] = ()
        if chunk is not None:
            marks = await self._marks(Citation(document_id, revision.sha256, chunk), page=page)
        return PageImage(document_id, revision, page, scale, marks, self._key(revision, page, scale, marks))

    async def __call__(self, image: PageImage) -> bytes:
        """The image, as a PNG. Raises PageUndrawable, RendererBusy, and ContentMissing."""
        content = image.revision.content_sha256
        kept = await self._images.get(content, image.key)
        if kept is not None:
            return kept
        if self._at_work >= self._max_at_once:
            raise RendererBusy
        self._at_work += 1
        try:
            drawn = await self._drawn(image)
        finally:
            self._at_work -= 1
        await self._images.put(content, image.key, drawn)
        if not await self._ledger.is_used(content):
            # Deleted while it was drawn: whoever deleted it looked for images too early to find this one.
            await self._images.forget(content)
        return drawn

    async def _marks(self, citation: Citation, *, page: int) -> tuple[Box, ...]:
        [passage] = await self._passages.around([citation], neighbours=0)
        if passage is None:
            raise ChunkNotFound(
                f"document {citation.document_id} has no chunk {citation.chunk_index} that is live"
            )
        if not passage.first_page <= page <= passage.last_page:
            there = _pages(passage.first_page, passage.last_page)
            raise PageNotFound(f"chunk {citation.chunk_index} is on {there}, not on page {page}")
        return tuple(found.box for found in passage.boxes if found.page == page)

    def _key(self, revision: LiveRevision, page: int, scale: float, marks: tuple[Box, ...]) -> str:
        places = [(box.left, box.top, box.right, box.bottom) for box in marks]
        drawn = [revision.sha256, revision.content_sha256, page, scale, places, self._renderer.version]
        return sha256(json.dumps(drawn).encode()).hexdigest()

    async def _drawn(self, image: PageImage) -> bytes:
        revision = image.revision
        try:
            async with local_copy(self._blobs.read(revision.content_sha256), folder=self._scratch) as path:
                return await self._renderer.draw(
                    path,
                    media_type=revision.media_type,
                    page=image.page,
                    scale=image.scale,
                    marks=image.marks,
                )
        except ContentMissing:
            # Said of a document that is gone, it would sound as if something were wrong.
            await self._documents.get(image.document_id)
            raise
        except IngestionFailure as failure:
            raise PageUndrawable(f"page {image.page} cannot be drawn: {failure}") from failure


class ForgetImages:
    """Forgets the images of content that no document has any more, wherever it was deleted from."""

    def __init__(self, *, ledger: ContentLedger, images: ImageCache) -> None:
        self._ledger = ledger
        self._images = images

    async def __call__(self) -> None:
        """All of them."""
        for content in await self._images.contents():
            if not await self._ledger.is_used(content):
                await self._images.forget(content)


def _pages(first: int, last: int) -> str:
    if first == last:
        return f"page {first}"
    return f"pages {first} to {last}"
