"""Page renderers and image caches keep their contracts."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pymupdf
import pytest

from citewell.memory import MemoryImageCache, SheetRenderer
from citewell.ports import ImageCache, PageRenderer
from citewell.testing.images import (
    ImageCacheContract,
    PageRendererContract,
    PageSample,
    UntrustingRendererContract,
    name,
)
from citewell_adapters.files import FileImageCache
from citewell_adapters.parsing import ChildRenderer
from citewell_adapters.pymupdf import PDF, PDF_DRAWER, drawing_version

# Most of PyMuPDF has no types.
_pymupdf: Any = pymupdf


class TestMemoryImageCache(ImageCacheContract):
    @pytest.fixture
    def images(self) -> ImageCache:
        return MemoryImageCache(max_bytes=1_000)


class TestFileImageCache(ImageCacheContract):
    @pytest.fixture
    def folder(self, tmp_path: Path) -> Path:
        return tmp_path / "page-images"

    @pytest.fixture
    def images(self, folder: Path) -> ImageCache:
        return FileImageCache(folder, max_bytes=1_000)

    async def test_processes_may_share_a_folder(self, folder: Path, images: ImageCache) -> None:
        """What one puts the other has, and what one forgets is forgotten."""
        other = FileImageCache(folder, max_bytes=1_000)
        await images.put(name("a"), name(1), b"image")
        assert await other.get(name("a"), name(1)) == b"image"
        await other.forget(name("a"))
        assert await images.get(name("a"), name(1)) is None

    async def test_forgotten_content_leaves_no_file(self, folder: Path, images: ImageCache) -> None:
        """Nor a folder, nor what a process that was killed had not finished."""
        await images.put(name("a"), name(1), b"image")
        (folder / name("a") / ".unfinished").write_bytes(b"half an ima")
        await images.forget(name("a"))
        assert list(folder.iterdir()) == []  # noqa: ASYNC240 - a look at a folder

    async def test_what_was_not_finished_counts_and_makes_room(
        self, folder: Path, images: ImageCache
    ) -> None:
        """Files of processes that were killed do not stay for ever."""
        await images.put(name("a"), name(1), bytes(300))
        unfinished = folder / name("a") / ".unfinished"
        unfinished.write_bytes(bytes(600))
        os.utime(unfinished, (1, 1))
        await images.put(name("b"), name(1), bytes(300))
        assert not unfinished.exists()
        assert await images.get(name("a"), name(1)) is not None

    async def test_a_folder_that_cannot_be_written_costs_no_image(self, tmp_path: Path) -> None:
        """No call fails for that."""
        (tmp_path / "file").write_text("no folder")
        images = FileImageCache(tmp_path / "file", max_bytes=1_000)
        await images.put(name("a"), name(1), b"image")
        assert await images.get(name("a"), name(1)) is None
        assert list(await images.contents()) == []
        await images.forget(name("a"))

    async def test_a_name_that_is_no_hash_reaches_no_file(self, images: ImageCache) -> None:
        """Nothing outside of the folder is ever read or removed."""
        for wrong in ("..", "../x", "a" * 63, "A" * 64, ""):
            with pytest.raises(ValueError, match="hexadecimal"):
                await images.get(wrong, name(1))
            with pytest.raises(ValueError, match="hexadecimal"):
                await images.forget(wrong)

    async def test_without_room_nothing_is_kept(self, folder: Path) -> None:
        """0 bytes: no cache at all."""
        images = FileImageCache(folder, max_bytes=0)
        await images.put(name("a"), name(1), b"image")
        assert not folder.exists()  # noqa: ASYNC240 - a look at a folder


class TestSheetRenderer(PageRendererContract):
    @pytest.fixture
    def renderer(self) -> PageRenderer:
        return SheetRenderer()

    @pytest.fixture
    def sample(self, tmp_path: Path) -> PageSample:
        path = tmp_path / "three.txt"
        path.write_text("one\ftwo\fthree")
        return PageSample(path, "text/plain", 595, 842, 3)


@pytest.fixture(scope="module")
async def pdf_renderer() -> AsyncIterator[ChildRenderer]:
    async with ChildRenderer(drawer=PDF_DRAWER, media_types=[PDF], version=drawing_version()) as renderer:
        yield renderer


class TestPyMuPDFRenderer(UntrustingRendererContract):
    @pytest.fixture
    def renderer(self, pdf_renderer: ChildRenderer) -> PageRenderer:
        return pdf_renderer

    @pytest.fixture
    def sample(self, tmp_path: Path) -> PageSample:
        path = tmp_path / "two.pdf"
        with _pymupdf.open() as document:
            page = document.new_page(width=400, height=300)
            page.insert_text((60, 90), ["Words that are printed on the page."] * 8)
            page.draw_rect((200, 60, 380, 200), fill=(0, 0, 0))
            document.new_page(width=100, height=100).insert_text((20, 50), "Two")
            document.save(path)
        return PageSample(path, PDF, 400, 300, 2)

    @pytest.fixture
    def damaged(self, tmp_path: Path) -> PageSample:
        path = tmp_path / "damaged.pdf"
        path.write_bytes(b"%PDF-1.7\nnothing of it is true")
        return PageSample(path, PDF, 1, 1, 1)
