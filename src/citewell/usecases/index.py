"""Putting published chunks into the index: behind publications, and before too many wait."""

from __future__ import annotations

import asyncio
import time
from typing import Final

from citewell.ports import LexicalEncoder, LexicalStore, VectorStore

__all__ = ["MAX_WAITING_CHUNKS", "EncodeChunks", "IndexChunks", "make_room"]

#: Searches read every waiting chunk of their scope: 4,000 of 1,536 dimensions in some 3 ms.
MAX_WAITING_CHUNKS: Final = 4_000

#: A publication or a delete of one of their documents waits this long: about 0.1 s at 1,536 dimensions.
_BATCH_CHUNKS: Final = 32

#: For each second of indexing so many of rest: the index takes a whole core of the database, which is there
#: for queries first.
_REST: Final = 1.0


class IndexChunks:
    """Moves a batch of waiting chunks into the index, then rests a while in proportion."""

    def __init__(self, *, vectors: VectorStore) -> None:
        self._vectors = vectors

    async def __call__(self) -> int:
        """How many were moved; 0 if none waits that nobody else is at."""
        began = time.monotonic()
        moved = await self._vectors.index(limit=_BATCH_CHUNKS)
        if moved:
            await asyncio.sleep(_REST * (time.monotonic() - began))
        return moved


class EncodeChunks:
    """Gives the chunks of a live document the terms that they lack; then rests a while in proportion."""

    def __init__(self, *, lexical: LexicalStore, encoder: LexicalEncoder) -> None:
        self._lexical = lexical
        self._encoder = encoder

    async def __call__(self) -> int:
        """How many chunks; 0 if none lacks them that nobody else is at."""
        began = time.monotonic()
        encoded = await self._lexical.encode(self._encoder)
        if encoded:
            await asyncio.sleep(_REST * (time.monotonic() - began))
        return encoded


async def make_room(vectors: VectorStore, *, chunks: int) -> None:
    """Before `chunks` more are published: while MAX_WAITING_CHUNKS wait, index one of them for each.

    So the waiting do not become more, and nobody pays for another's document: a small one after a huge one
    waits for a few chunks, not for all.
    """
    while chunks > 0:
        moved = await vectors.index(limit=min(chunks, _BATCH_CHUNKS), spare=MAX_WAITING_CHUNKS)
        if not moved:
            return
        chunks -= moved
