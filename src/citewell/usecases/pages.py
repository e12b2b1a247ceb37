"""The two ends of a parser: a local file to read, and slices of pages to store."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing, asynccontextmanager
from pathlib import Path
from typing import Final

from citewell.chunking import PageLayout
from citewell.model import Page, ParsedPage

__all__ = ["local_copy", "page_slices"]

_SLICE_PAGES: Final = 16
#: Nothing can be done before the first slice has come, so it is short; each is twice the one before.
_FIRST_SLICE_PAGES: Final = 4
_SLICE_CHARACTERS: Final = 65_536


@asynccontextmanager
async def local_copy(content: AsyncGenerator[bytes, None], *, folder: Path) -> AsyncIterator[Path]:
    """A copy of the bytes as a file below `folder`, gone at the end. Raises what reading them raises."""
    with tempfile.NamedTemporaryFile(dir=folder, prefix="ingest-") as file:
        async with aclosing(content) as pieces:
            async for piece in pieces:
                await asyncio.to_thread(file.write, piece)
        file.flush()
        yield Path(file.name)


async def page_slices(
    parsed: AsyncGenerator[ParsedPage, None], *, start: int = 0
) -> AsyncGenerator[tuple[Sequence[Page], int | None], None]:
    """Pages with their places in the revision's text, some at a time, and the document's number of pages.

    start: the place of the first of them.
    """
    layout = PageLayout(start=start)
    waiting: list[Page] = []
    most, characters, pages_total = _FIRST_SLICE_PAGES, 0, None
    async with aclosing(parsed):
        async for page in parsed:
            pages_total = page.pages_total or pages_total
            for placed in layout.feed(page):
                waiting.append(placed)
                characters += len(placed.text)
            if len(waiting) >= most or characters >= _SLICE_CHARACTERS:
                yield waiting, pages_total
                waiting, characters = [], 0
                most = min(2 * most, _SLICE_PAGES)
    waiting += layout.finish()
    if waiting:
        yield waiting, pages_total
