"""Drawing in child processes: whatever a page does to its drawer, the API lives on."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import psutil
import pymupdf
import pytest

from citewell.errors import CitewellError, ParserCrashed, ParserLimitExceeded, UnreadableDocument
from citewell.images import MAX_IMAGE_PIXELS, png_size
from citewell.model import Box
from citewell.testing.images import Picture
from citewell_adapters.parsing import ChildLimits, ChildRenderer, ReaderUnavailable
from citewell_adapters.pymupdf import PDF
from citewell_adapters.pymupdf.drawing import draw_page
from citewell_adapters.pymupdf.reader import read_pages

# Most of PyMuPDF has no types.
_pymupdf: Any = pymupdf


@asynccontextmanager
async def renderer(drawer: str, *, seconds: float = 60.0) -> AsyncIterator[ChildRenderer]:
    limits = ChildLimits(file_seconds=seconds, page_seconds=seconds, memory_bytes=512 << 20)
    async with ChildRenderer(
        drawer=f"tests.integration.planted_drawers:{drawer}", media_types=["x/y"], version="1", limits=limits
    ) as opened:
        yield opened


async def drawn(renderer: ChildRenderer, path: Path, *, page: int = 1) -> bytes:
    return await renderer.draw(path, media_type="x/y", page=page, scale=1.0)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "file"


async def test_a_warm_process_draws_the_next_page_too(path: Path) -> None:
    """One process for all that comes one after the other."""
    async with renderer("drawing") as opened:
        pixels = {Picture.of(await drawn(opened, path, page=page)).pixel(0, 0) for page in (1, 2, 3)}
    assert len(pixels) == 1


@pytest.mark.parametrize(
    ("drawer", "error"),
    [
        ("lying", UnreadableDocument),
        ("boasting", UnreadableDocument),
        ("flooding", CitewellError),
        ("crashing", ParserCrashed),
        ("greedy", ParserLimitExceeded),
        ("endless", ParserLimitExceeded),
    ],
)
async def test_a_drawer_gone_wrong_ends_its_page_alone(
    path: Path, drawer: str, error: type[CitewellError]
) -> None:
    """No byte of what is no image comes through, and the next page gets a process of its own."""
    before = {child.pid for child in psutil.Process().children()}
    async with renderer(drawer, seconds=1.0 if drawer == "endless" else 60.0) as opened:
        for _ in range(2):
            with pytest.raises(error):
                await drawn(opened, path)
    assert {child.pid for child in psutil.Process().children()} <= before


async def test_a_closed_renderer_draws_nothing(path: Path) -> None:
    """ReaderUnavailable."""
    async with renderer("drawing") as opened:
        pass
    with pytest.raises(ReaderUnavailable):
        await drawn(opened, path)


@pytest.mark.parametrize("size", [(14_400, 14_400), (14_400, 3), (3, 14_400)])
def test_a_giant_page_is_drawn_smaller(tmp_path: Path, size: tuple[int, int]) -> None:
    """As large as PDF has them."""
    path = tmp_path / "giant.pdf"
    with _pymupdf.open() as document:
        document.new_page(width=size[0], height=size[1])
        document.save(path)
    width, height = png_size(draw_page(path, media_type=PDF, page=1, scale=4.0, marks=[]))
    assert 0 < width * height <= MAX_IMAGE_PIXELS
    assert abs(width / height - size[0] / size[1]) <= 0.2 * size[0] / size[1]


@pytest.mark.parametrize("rotation", [0, 90, 180, 270])
def test_marks_stand_on_the_ink_of_their_lines(tmp_path: Path, rotation: int) -> None:
    """On pages that are turned, and cut out of a larger sheet."""
    path = tmp_path / "cut.pdf"
    with _pymupdf.open() as document:
        page = document.new_page(width=500, height=600)
        page.insert_text((200, 300), "The only line of this page", fontsize=14)
        page.set_cropbox(_pymupdf.Rect(100, 150, 480, 500))
        page.set_rotation(rotation)
        document.save(path)
    [parsed] = read_pages(path, media_type=PDF)
    marks: list[Box] = [line.box for line in parsed.lines]
    bare = Picture.of(draw_page(path, media_type=PDF, page=1, scale=1.0, marks=[]))
    marked = Picture.of(draw_page(path, media_type=PDF, page=1, scale=1.0, marks=marks))
    white = b"\xff\xff\xff"
    ink = {(x, y) for y in range(bare.height) for x in range(bare.width) if bare.pixel(x, y) != white}
    assert ink
    assert ink <= marked.differing(bare)
    assert len(marked.differing(bare)) < 10 * len(ink)
