"""From stored bytes to staged chunks: parse, chunk, embed and analyse, slice by slice.

Pages flow through, so memory does not grow with the document. Slices are committed together with the report
of them, under the lease, while the next ones are worked on: whoever lost the job commits nothing.
Whoever takes the job up reads the pages behind the kept ones and embeds the chunks behind the staged ones, so
nothing is paid for twice but what was under way; the result is the same as if nothing had come between.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Final

from citewell.chunking import Passages, in_context, shortened
from citewell.errors import NoText
from citewell.model import Chunk, EmbeddedChunk, Lease, Page, Progress, Stage
from citewell.ports import (
    BlobStore,
    Chunker,
    Embedder,
    JobStore,
    LexicalEncoder,
    PageStore,
    Parser,
    UnitOfWork,
    VectorStore,
)
from citewell.usecases.ahead import read_ahead
from citewell.usecases.behind import Behind
from citewell.usecases.pages import local_copy, page_slices
from citewell.usecases.resume import kept_pages, passages_after
from citewell.usecases.turns import Turn

__all__ = ["StageRevision"]


#: So many slices are being committed or wait for it: what a crash costs, and what memory holds.
_MOST_SLICES: Final = 4


@dataclass(frozen=True, slots=True)
class _Slice:
    """What is to be committed, and how far the document is with it."""

    stage: Stage
    progress: Progress
    pages: Sequence[Page] = ()
    chunks: Sequence[EmbeddedChunk] = ()


@dataclass(slots=True)
class _Staging:
    """The staging of one revision under one lease.

    commits: of what is done. waiting: chunks that are cut and not embedded yet.
    """

    lease: Lease
    turn: Turn
    commits: Behind[_Slice]
    passages: Passages
    progress: Progress
    stage: Stage = Stage.PARSING
    waiting: list[Chunk] = field(default_factory=list)


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
        encoder: LexicalEncoder,
        unit_of_work: UnitOfWork,
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
        self._encoder = encoder
        self._unit_of_work = unit_of_work
        self._scratch = scratch
        self._lease_seconds = lease_seconds
        self._batch_chunks = batch_chunks

    async def __call__(self, lease: Lease, *, turn: Turn) -> Progress:
        """How many pages and chunks there are. Raises NoText if there is no chunk, and TurnOver."""
        revision_id = lease.revision_id
        kept = await self._pages.extent(revision_id)
        last = await self._vectors.staged(revision_id)
        passages = await passages_after(
            last, self._pages, revision_id, chunker=self._chunker, count_tokens=self._embedder.count_tokens
        )
        # Not what was reported: that may have been staged for another embedding space.
        progress = replace(lease.progress, chunks_done=0 if last is None else last.index + 1)
        async with Behind(partial(self._commit, lease), most=_MOST_SLICES) as commits:
            staging = _Staging(lease, turn, commits, passages, progress)
            await self._report(lease, staging.stage, progress)
            async with aclosing(kept_pages(self._pages, revision_id, last=last, kept=kept)) as slices:
                async for pages in slices:
                    await self._cut(staging, pages)
            async with (
                local_copy(self._blobs.read(lease.content_sha256), folder=self._scratch) as path,
                aclosing(self._parser.parse(path, media_type=lease.media_type, skip=kept.pages)) as parsed,
                aclosing(read_ahead(page_slices(parsed, start=kept.end))) as parsed_slices,
            ):
                async for pages, pages_total in parsed_slices:
                    await self._keep(staging, pages, pages_total)
                    await self._cut(staging, pages)
            await self._finish(staging)
        return staging.progress

    async def _keep(self, staging: _Staging, pages: Sequence[Page], pages_total: int | None) -> None:
        """Has the pages committed."""
        staging.progress = replace(staging.progress, pages_done=pages[-1].number, pages_total=pages_total)
        await staging.commits.add(_Slice(staging.stage, staging.progress, pages=pages))
        await staging.turn.check()

    async def _cut(self, staging: _Staging, pages: Sequence[Page]) -> None:
        """Cuts the pages into chunks, and embeds the full batches among those that wait."""
        staging.waiting += await asyncio.to_thread(_chunks, staging.passages, pages)
        while len(staging.waiting) >= self._batch_chunks:
            await self._embed_batch(staging)

    async def _finish(self, staging: _Staging) -> None:
        """Embeds what is left, once all pages are read."""
        staging.waiting += await asyncio.to_thread(staging.passages.finish)
        done = staging.progress
        total = done.chunks_done + len(staging.waiting)
        staging.progress = replace(done, pages_total=done.pages_done, chunks_total=total)
        staging.stage = Stage.EMBEDDING
        while staging.waiting:
            await self._embed_batch(staging)
        if not total:
            raise NoText

    async def _embed_batch(self, staging: _Staging) -> None:
        """Takes a batch off the front of those that wait, embeds it and has it committed."""
        batch = staging.waiting[: self._batch_chunks]
        texts, terms = await asyncio.to_thread(self._in_context, batch, name=staging.lease.name)
        vectors = await self._embedder.embed(texts, role="passage")
        embedded = [EmbeddedChunk(*parts) for parts in zip(batch, vectors, terms, strict=True)]
        del staging.waiting[: self._batch_chunks]
        chunks_done = staging.progress.chunks_done + len(batch)
        staging.progress = replace(staging.progress, chunks_done=chunks_done)
        await staging.commits.add(_Slice(staging.stage, staging.progress, chunks=embedded))
        if staging.waiting:
            await staging.turn.check()

    async def _commit(self, lease: Lease, slices: Sequence[_Slice]) -> None:
        pages = [page for each in slices for page in each.pages]
        chunks = [chunk for each in slices for chunk in each.chunks]
        async with self._unit_of_work():
            await self._report(lease, slices[-1].stage, slices[-1].progress)
            if pages:
                await self._pages.add(lease.revision_id, pages)
            if chunks:
                await self._vectors.stage(lease.publication, chunks)

    def _in_context(
        self, chunks: Sequence[Chunk], *, name: str
    ) -> tuple[Sequence[str], Sequence[Mapping[int, int]]]:
        """What is embedded of the chunks, and their terms."""
        window, count_tokens = self._embedder.max_tokens, self._embedder.count_tokens
        wholes = [in_context(chunk.text, name=name, heading_path=chunk.heading_path) for chunk in chunks]
        texts = [
            shortened(whole, chunk.text, max_tokens=window, count_tokens=count_tokens)
            for whole, chunk in zip(wholes, chunks, strict=True)
        ]
        return texts, [self._encoder.passage(whole) for whole in wholes]

    async def _report(self, lease: Lease, stage: Stage, progress: Progress) -> None:
        await self._jobs.report(lease, stage=stage, progress=progress, lease_seconds=self._lease_seconds)


def _chunks(passages: Passages, pages: Sequence[Page]) -> list[Chunk]:
    return [chunk for page in pages for chunk in passages.feed(page)]
