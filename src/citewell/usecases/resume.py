"""Where the staging of a revision goes on: behind what is committed of it."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from typing import Final

from citewell.chunking import Passages
from citewell.model import Chunk, Extent, Page, RevisionId, Span
from citewell.ports import Chunker, PageStore, TokenCounter

__all__ = ["kept_pages", "passages_after"]

_PAGES_AT_ONCE: Final = 32


async def passages_after(
    last: Chunk | None,
    pages: PageStore,
    revision_id: RevisionId,
    *,
    chunker: Chunker,
    count_tokens: TokenCounter,
) -> Passages:
    """Cuts what comes behind the last staged chunk, or the whole revision if there is none."""
    if last is None:
        return Passages(chunker, count_tokens)
    headings = await pages.headings(revision_id, up_to=last.span.start)
    return Passages.after(last, chunker, count_tokens, headings=headings)


async def kept_pages(
    pages: PageStore, revision_id: RevisionId, *, last: Chunk | None, kept: Extent
) -> AsyncGenerator[Sequence[Page], None]:
    """The kept pages from the one on in which the last staged chunk begins, some at a time."""
    start = 0 if last is None else last.span.start
    while start < kept.end:
        found = await pages.read(revision_id, span=Span(start, kept.end), limit=_PAGES_AT_ONCE)
        if not found:
            return
        yield found
        start = found[-1].span.end
