"""From hits to passages: each with the chunks around it."""

from __future__ import annotations

from collections.abc import Sequence

from citewell.model import Chunk, Hit, Passage
from citewell.ports import PassageStore

__all__ = ["expanded"]


async def expanded(hits: Sequence[Hit], passages: PassageStore, *, neighbours: int) -> tuple[Hit, ...]:
    """The hits, each with its chunk and so many before and after it as one passage.

    The passages of several hits may overlap: each stands for itself. Where a document was replaced or deleted
    since it was found, the passage is the chunk alone.
    """
    found = await passages.around([hit.citation for hit in hits], neighbours=neighbours)
    return tuple(
        hit._replace(passage=_alone(hit.chunk) if passage is None else passage)
        for hit, passage in zip(hits, found, strict=True)
    )


def _alone(chunk: Chunk) -> Passage:
    return Passage(
        text=chunk.text,
        span=chunk.span,
        first_page=chunk.first_page,
        last_page=chunk.last_page,
        chunk_first=chunk.index,
        chunk_last=chunk.index,
        boxes=chunk.boxes,
    )
