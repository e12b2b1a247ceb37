"""Filling an embedding space from stored chunks, and making it the active one."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from citewell.chunking import in_context_within
from citewell.errors import Conflict
from citewell.model import Vector
from citewell.ports import Embedder

if TYPE_CHECKING:
    from citewell_adapters.pgvector import LiveChunk, OpenedSpace, PgSpaces

__all__ = ["BuildSpace"]

#: So often what came in meanwhile is caught up beside the writers; after that the last of it while they wait.
_ROUNDS_BESIDE: Final = 3
_MOST_ROUNDS: Final = 20
#: How long the last of it may take: writers wait as long.
_LAST_SECONDS: Final = 15.0


class BuildSpace:
    """Embeds the live chunks that an inactive space lacks, batch by batch.

    Each batch is stored before the next is embedded, so whoever was stopped goes on where they were, and at
    most one batch is embedded twice. texts_per_second: no more than that, None for as many as can be.
    tell: hears how many of how many chunks have their vectors.
    """

    def __init__(
        self,
        *,
        spaces: PgSpaces,
        embedder: Embedder,
        batch_texts: int,
        texts_per_second: float | None = None,
        tell: Callable[[int, int], None] = lambda done, total: None,  # noqa: ARG005
    ) -> None:
        self._spaces = spaces
        self._embedder = embedder
        self._batch_texts = batch_texts
        self._texts_per_second = texts_per_second
        self._tell = tell
        #: How many texts were embedded, and how many of those are longer than the embedder reads.
        self.embedded = 0
        self.too_long = 0

    async def fill(self, target: OpenedSpace) -> None:
        """Until nothing is missing, of what came in meanwhile either.

        Raises what the embedder and the database raise, and SpaceMismatch if the space becomes active or is
        dropped.
        """
        state = await self._spaces.state(target)
        done, total = state.vectors, state.live_chunks
        self._tell(done, total)
        while True:
            added = 0
            after = None
            while (found := await self._spaces.missing(target, after=after, limit=self._batch())) is not None:
                began = time.monotonic()
                stored = 0
                if found.chunks:
                    vectors = await self._embed(found.chunks)
                    stored = await self._spaces.add(target, found.chunks, vectors)
                    added += stored
                    self._tell(done + added, max(total, done + added))
                    await self._rest(len(found.chunks), since=began)
                if not found.more or not stored:
                    after = found.up_to
            done += added
            if not added:
                return

    async def activate(self, target: OpenedSpace) -> None:
        """Fill the space and make it the active one.

        Raises what `fill` raises, and Conflict if more comes in than can be embedded.
        """
        for round_number in range(_MOST_ROUNDS):
            await self.fill(target)
            last = None if round_number < _ROUNDS_BESIDE else self._embed_last
            with suppress(TimeoutError):
                if not await self._spaces.activate(target, embed=last):
                    return
        raise Conflict("documents come in faster than they are embedded anew: stop uploading, and try again")

    async def _embed_last(self, chunks: Sequence[LiveChunk]) -> Sequence[Vector]:
        async with asyncio.timeout(_LAST_SECONDS):
            return await self._embed(chunks)

    async def _embed(self, chunks: Sequence[LiveChunk]) -> Sequence[Vector]:
        texts, too_long = await asyncio.to_thread(self._texts, chunks)
        vectors = await self._embedder.embed(texts, role="passage")
        self.embedded += len(chunks)
        self.too_long += too_long
        return vectors

    def _texts(self, chunks: Sequence[LiveChunk]) -> tuple[Sequence[str], int]:
        """What is embedded of the chunks, as an ingestion does it, and how many do not fit the window."""
        window, count_tokens = self._embedder.max_tokens, self._embedder.count_tokens
        texts = [
            in_context_within(
                window,
                chunk.text,
                name=chunk.name,
                heading_path=chunk.heading_path,
                count_tokens=count_tokens,
            )
            for chunk in chunks
        ]
        return texts, sum(count_tokens(chunk.text) > window for chunk in chunks)

    def _batch(self) -> int:
        if self._texts_per_second is None:
            return self._batch_texts
        return max(1, min(self._batch_texts, int(self._texts_per_second)))

    async def _rest(self, texts: int, *, since: float) -> None:
        if self._texts_per_second is not None:
            await asyncio.sleep(max(0.0, since + texts / self._texts_per_second - time.monotonic()))
