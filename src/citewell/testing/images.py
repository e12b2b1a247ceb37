"""The contracts of PageRenderer and ImageCache."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from itertools import pairwise
from math import ceil, floor
from pathlib import Path
from typing import Final

import pytest

from citewell.errors import PageNotFound, UnreadableDocument
from citewell.images import MAX_IMAGE_PIXELS, png_size
from citewell.model import Box
from citewell.ports import ImageCache, PageRenderer

__all__ = ["ImageCacheContract", "PageRendererContract", "PageSample", "Picture"]

_MARKS: Final = (Box(0.1, 0.2, 0.6, 0.25), Box(0.3, 0.24, 0.75, 0.3), Box(0.8, 0.9, 1.0, 1.0))


@dataclass(frozen=True, slots=True)
class PageSample:
    """A file to draw: page 1 is `width` x `height` points, and white in its margins; `pages` are in it."""

    path: Path
    media_type: str
    width: float
    height: float
    pages: int


@dataclass(frozen=True, slots=True)
class Picture:
    """The pixels of a PNG of red, green and blue: rows of three bytes a pixel."""

    width: int
    height: int
    rows: Sequence[bytes]

    @classmethod
    def of(cls, image: bytes) -> Picture:
        """Decodes the image; AssertionError unless it is 8 bits each of red, green and blue."""
        width, height = png_size(image)
        assert image[24:29] == bytes([8, 2, 0, 0, 0])
        packed, place = b"", 8
        while place < len(image):
            length = int.from_bytes(image[place : place + 4])
            if image[place + 4 : place + 8] == b"IDAT":
                packed += image[place + 8 : place + 8 + length]
            place += length + 12
        raw, stride = zlib.decompress(packed), 3 * width
        assert len(raw) == (stride + 1) * height
        rows: list[bytes] = []
        for row in range(height):
            start = row * (stride + 1)
            before = rows[-1] if rows else bytes(stride)
            rows.append(_unfiltered(raw[start], raw[start + 1 : start + 1 + stride], before))
        return cls(width, height, rows)

    def pixel(self, across: int, down: int) -> bytes:
        """The three bytes of a pixel."""
        return self.rows[down][3 * across : 3 * across + 3]

    def differing(self, other: Picture) -> set[tuple[int, int]]:
        """Where the two are not the same: across, down."""
        assert (self.width, self.height) == (other.width, other.height)
        return {
            (across, down)
            for down, (row, theirs) in enumerate(zip(self.rows, other.rows, strict=True))
            if row != theirs
            for across in range(self.width)
            if row[3 * across : 3 * across + 3] != theirs[3 * across : 3 * across + 3]
        }


def _unfiltered(kind: int, row: bytes, before: bytes) -> bytes:
    """As PNG's filters 0 to 4 say, for pixels of three bytes."""
    if kind == 0:
        return row
    made = bytearray(row)
    for place in range(len(made)):
        left = made[place - 3] if place >= 3 else 0
        corner = before[place - 3] if place >= 3 else 0
        made[place] = (made[place] + _predicted(kind, left, before[place], corner)) & 255
    return bytes(made)


def _predicted(kind: int, left: int, above: int, corner: int) -> int:
    if kind == 4:
        guess = left + above - corner
        return min((left, above, corner), key=lambda near: abs(guess - near))
    return (0, left, above, (left + above) // 2)[kind]


def marked_pixels(marks: Sequence[Box], width: int, height: int) -> set[tuple[int, int]]:
    """The pixels that are touched."""
    return {
        (across, down)
        for box in marks
        for across in range(floor(box.left * width), min(width, ceil(box.right * width)))
        for down in range(floor(box.top * height), min(height, ceil(box.bottom * height)))
    }


@pytest.mark.asyncio
class PageRendererContract:
    """Override `renderer` with an open one, and `sample` with a file that it draws."""

    @pytest.fixture
    def renderer(self) -> PageRenderer:
        raise NotImplementedError("override the fixture renderer")

    @pytest.fixture
    def sample(self) -> PageSample:
        raise NotImplementedError("override the fixture sample")

    async def drawn(
        self,
        renderer: PageRenderer,
        sample: PageSample,
        *,
        page: int = 1,
        scale: float = 0.5,
        marks: Sequence[Box] = (),
    ) -> bytes:
        return await renderer.draw(
            sample.path, media_type=sample.media_type, page=page, scale=scale, marks=marks
        )

    async def test_it_says_what_it_draws(self, renderer: PageRenderer, sample: PageSample) -> None:
        """Whether it draws the pages of files of this type."""
        assert renderer.draws(sample.media_type)
        assert not renderer.draws("application/x-nothing")
        assert renderer.version == renderer.version != ""

    @pytest.mark.parametrize("scale", [0.1, 0.5, 1.0, 1.37])
    async def test_an_image_has_so_many_pixels_per_point(
        self, renderer: PageRenderer, sample: PageSample, scale: float
    ) -> None:
        """A PNG of 8 bits each of red, green and blue; pixels per point."""
        picture = Picture.of(await self.drawn(renderer, sample, scale=scale))
        assert abs(picture.width - scale * sample.width) <= 1
        assert abs(picture.height - scale * sample.height) <= 1
        assert picture.pixel(0, 0) == b"\xff\xff\xff"

    async def test_an_image_is_never_too_large(self, renderer: PageRenderer, sample: PageSample) -> None:
        """Fewer where the image would have more than MAX_IMAGE_PIXELS, in the same proportions."""
        width, height = png_size(await self.drawn(renderer, sample, scale=1_000.0))
        assert 0.98 * MAX_IMAGE_PIXELS < width * height <= MAX_IMAGE_PIXELS
        assert abs(width / height - sample.width / sample.height) < 0.01

    async def test_marks_show_where_they_are_and_nowhere_else(
        self, renderer: PageRenderer, sample: PageSample
    ) -> None:
        """Of the pixels that a mark touches those on paper look different; all others are the same."""
        bare = Picture.of(await self.drawn(renderer, sample))
        marked = Picture.of(await self.drawn(renderer, sample, marks=_MARKS))
        differing = marked.differing(bare)
        touched = marked_pixels(_MARKS, bare.width, bare.height)
        assert differing <= touched
        assert {place for place in touched if bare.pixel(*place) == b"\xff\xff\xff"} <= differing
        assert differing

    async def test_overlapping_marks_are_one(self, renderer: PageRenderer, sample: PageSample) -> None:
        """Look different than without it: once."""
        box = Box(0.25, 0.25, 0.75, 0.75)
        once = await self.drawn(renderer, sample, marks=[box])
        assert await self.drawn(renderer, sample, marks=[box, box, Box(0.3, 0.3, 0.4, 0.75)]) == once

    async def test_the_same_call_gives_the_same_image(
        self, renderer: PageRenderer, sample: PageSample
    ) -> None:
        """To the last bit, whatever was drawn in between."""
        images = [
            await self.drawn(renderer, sample, page=page, marks=_MARKS)
            for page in (1, sample.pages, 1, sample.pages)
        ]
        assert images[:2] == images[2:]

    async def test_a_page_that_is_not_there_is_said(self, renderer: PageRenderer, sample: PageSample) -> None:
        """Raises PageNotFound, and goes on drawing."""
        for page in (0, -1, sample.pages + 1, 10_000_000):
            with pytest.raises(PageNotFound):
                await self.drawn(renderer, sample, page=page)
        assert await self.drawn(renderer, sample, page=sample.pages)


class UntrustingRendererContract(PageRendererContract):
    """For a renderer that reads a format which can be damaged. Override `damaged`, too: such a file."""

    @pytest.fixture
    def damaged(self) -> PageSample:
        raise NotImplementedError("override the fixture damaged")

    async def test_a_damaged_file_is_unreadable(
        self, renderer: PageRenderer, sample: PageSample, damaged: PageSample
    ) -> None:
        """Raises UnreadableDocument, and goes on drawing."""
        with pytest.raises(UnreadableDocument):
            await self.drawn(renderer, damaged)
        assert await self.drawn(renderer, sample)


def name(what: object) -> str:
    """A hash, as content and keys have it."""
    return sha256(repr(what).encode()).hexdigest()


@pytest.mark.asyncio
class ImageCacheContract:
    """Override `images` with an empty cache that holds 1,000 bytes."""

    @pytest.fixture
    def images(self) -> ImageCache:
        raise NotImplementedError("override the fixture images")

    async def test_what_was_put_is_got(self, images: ImageCache) -> None:
        """The image that was put last under the hash of the content and the key, or None."""
        assert await images.get(name("a"), name(1)) is None
        await images.put(name("a"), name(1), b"one")
        await images.put(name("a"), name(2), b"two")
        await images.put(name("b"), name(1), b"three")
        assert await images.get(name("a"), name(1)) == b"one"
        assert await images.get(name("b"), name(1)) == b"three"
        await images.put(name("a"), name(1), b"again")
        assert await images.get(name("a"), name(1)) == b"again"
        assert await images.get(name("a"), name(2)) == b"two"
        assert await images.get(name("b"), name(2)) is None

    async def test_content_is_forgotten_with_all_its_images(self, images: ImageCache) -> None:
        """Forget all images of this content; none is no error."""
        for key in range(3):
            await images.put(name("a"), name(key), b"image")
            await images.put(name("b"), name(key), b"image")
        await images.forget(name("a"))
        await images.forget(name("a"))
        await images.forget(name("c"))
        assert [await images.get(name("a"), name(key)) for key in range(3)] == [None] * 3
        assert [await images.get(name("b"), name(key)) for key in range(3)] == [b"image"] * 3

    async def test_it_knows_of_which_content_it_has_images(self, images: ImageCache) -> None:
        """The hashes of all content that it may have images of."""
        assert list(await images.contents()) == []
        for content, key in (("a", 1), ("b", 1), ("a", 2)):
            await images.put(name(content), name(key), b"image")
        assert sorted(await images.contents()) == sorted([name("a"), name("b")])
        await images.forget(name("a"))
        assert list(await images.contents()) == [name("b")]

    async def test_what_nobody_asked_for_the_longest_makes_room(self, images: ImageCache) -> None:
        """Where there is none, and only then."""
        for key in range(4):
            await images.put(name(key), name(key), bytes(230))
        assert [await images.get(name(key), name(key)) is None for key in (3, 2, 0, 1)] == [False] * 4
        await images.put(name(4), name(4), bytes(230))
        assert await images.get(name(3), name(3)) is None
        assert await images.get(name(1), name(1)) is not None
        assert await images.get(name(4), name(4)) is not None

    async def test_it_never_holds_more_than_it_may(self, images: ImageCache) -> None:
        """Images make room; one that is too large is not kept."""
        for size in (1, 400, 999, 1_000, 1_001, 300, 300, 300, 300, 5_000):
            await images.put(name(size), name(size), bytes(size))
            kept = [
                await images.get(name(each), name(each)) for each in (1, 300, 400, 999, 1_000, 1_001, 5_000)
            ]
            assert sum(map(len, filter(None, kept))) <= 1_000
            assert (await images.get(name(size), name(size)) is not None) == (size <= 1_000)

    async def test_a_hundred_images_leave_the_last_ones(self, images: ImageCache) -> None:
        """In the order in which they were asked for."""
        for key in range(100):
            await images.put(name(key % 7), name(key), bytes(100))
        kept = [key for key in range(100) if await images.get(name(key % 7), name(key)) is not None]
        assert 5 <= len(kept) <= 10
        assert kept == list(range(100 - len(kept), 100))
        assert all(second - first == 1 for first, second in pairwise(kept))
