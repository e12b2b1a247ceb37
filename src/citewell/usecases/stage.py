"""From stored bytes to staged chunks: parse, chunk and embed, slice by slice.

Pages flow through, so memory does not grow with the document. Each slice is in the store before the next
one begins, and each report extends the lease.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import replace
from pathlib import Path

from citewell.chunking import Passages
from citewell.errors import NoText
from citewell.model import Chunk, EmbeddedChunk, Lease, Page, Progress, Stage
from citewell.ports import BlobStore, Chunker, Embedder, JobStore, PageStore, Parser, VectorStore
from citewell.usecases.ahead import read_ahead
from citewell.usecases.pages import local_copy, page_slices

__all__ = ["StageRevision"]


class StageRevision:
    """Stages the pages, chunks and vectors of a lease's revision.

    batch_chunks: how many chunks are embedded and staged at once. scratch: a folder for local copies.
    """

    def __init__(
        self,
        *,
        jobs: JobStore,
        pages: PageStore,
        vectors: VectorStore,
        blobs: BlobStore,
        parser: Parser,
        chunker: Chunker,
        embedder: Embedder,
        scratch: Path,
        lease_seconds: float,
        batch_chunks: int = 64,
    ) -> None:
        self._jobs = jobs
        self._pages = pages
        self._vectors = vectors
        self._blobs = blobs
        self._parser = parser
        self._chunker = chunker
        self._embedder = embedder
        self._scratch = scratch
        self._lease_seconds = lease_seconds
        self._batch_chunks = batch_chunks

    async def __call__(self, lease: Lease) -> Progress:
        """How many pages and chunks there are. Raises NoText if there is no chunk."""
        progress = Progress()
        await self._report(lease, Stage.PARSING, progress)
        passages = Passages(self._chunker, self._embedder.count_tokens)
        waiting: list[Chunk] = []
        async with (
            local_copy(self._blobs, lease.sha256, folder=self._scratch) as path,
            aclosing(
                read_ahead(page_slices(self._parser.parse(path, media_type=lease.media_type)))
            ) as slices,
        ):
            async for pages, pages_total in slices:
                await self._pages.add(lease.revision_id, pages)
                waiting += await asyncio.to_thread(_cut, passages, pages)
                progress = replace(progress, pages_done=pages[-1].number, pages_total=pages_total)
                await self._report(lease, Stage.PARSING, progress)
                while len(waiting) >= self._batch_chunks:
                    progress = await self._embed_batch(lease, waiting, Stage.PARSING, progress)
        waiting += await asyncio.to_thread(passages.finish)
        progress = replace(
            progress, pages_total=progress.pages_done, chunks_total=progress.chunks_done + len(waiting)
        )
        while waiting:
            progress = await self._embed_batch(lease, waiting, Stage.EMBEDDING, progress)
        if not progress.chunks_done:
            raise NoText
        await self._report(lease, Stage.PUBLISHING, progress)
        return progress

    async def _embed_batch(
        self, lease: Lease, waiting: list[Chunk], stage: Stage, progress: Progress
    ) -> Progress:
        """Takes a batch off the front of `waiting`, embeds and stages it; the progress after it."""
        batch = waiting[: self._batch_chunks]
        del waiting[: self._batch_chunks]
        vectors = await self._embedder.embed([chunk.text for chunk in batch], role="passage")
        embedded = [EmbeddedChunk(chunk, vector) for chunk, vector in zip(batch, vectors, strict=True)]
        await self._vectors.stage(lease.publication, embedded)
        progress = replace(progress, chunks_done=progress.chunks_done + len(batch))
        await self._report(lease, stage, progress)
        return progress

    async def _report(self, lease: Lease, stage: Stage, progress: Progress) -> None:
        await self._jobs.report(lease, stage=stage, progress=progress, lease_seconds=self._lease_seconds)


def _cut(passages: Passages, pages: Sequence[Page]) -> list[Chunk]:
    return [chunk for page in pages for chunk in passages.feed(page)]
