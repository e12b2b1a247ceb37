"""ImageCache and PageRenderer in memory."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from math import sqrt
from pathlib import Path
from typing import Final

from citewell.errors import PageNotFound
from citewell.images import MAX_IMAGE_PIXELS, encode_png, highlight
from citewell.model import Box

__all__ = ["MemoryImageCache", "SheetRenderer"]

#: A4, in points.
_WIDTH: Final = 595
_HEIGHT: Final = 842
_WHITE: Final = b"\xff"


class MemoryImageCache:
    """The reference ImageCache, of up to `max_bytes`."""

    def __init__(self, *, max_bytes: int = 64 << 20) -> None:
        self._max_bytes = max_bytes
        #: In the order in which they were asked for last.
        self._images: dict[tuple[str, str], bytes] = {}

    async def get(self, sha256: str, key: str) -> bytes | None:
        image = self._images.pop((sha256, key), None)
        if image is not None:
            self._images[sha256, key] = image
        return image

    async def put(self, sha256: str, key: str, image: bytes) -> None:
        self._images.pop((sha256, key), None)
        self._images[sha256, key] = image
        total = sum(map(len, self._images.values()))
        while total > self._max_bytes:
            total -= len(self._images.pop(next(iter(self._images))))

    async def forget(self, sha256: str) -> None:
        self._images = {name: image for name, image in self._images.items() if name[0] != sha256}

    async def contents(self) -> Sequence[str]:
        return sorted({sha256 for sha256, _ in self._images})


class SheetRenderer:
    """A PageRenderer that knows no letters: each page of a text is a sheet of A4, white but for the marks.

    A form feed begins the next page.
    """

    version = "sheets-1"

    def __init__(self, media_types: Iterable[str] = ("text/plain", "text/markdown")) -> None:
        self._media_types = frozenset(media_types)

    def draws(self, media_type: str) -> bool:
        return media_type in self._media_types

    async def draw(
        self, path: Path, *, media_type: str, page: int, scale: float, marks: Sequence[Box] = ()
    ) -> bytes:
        del media_type  # they are all alike
        count = (await asyncio.to_thread(path.read_bytes)).count(b"\f") + 1
        if not 1 <= page <= count:
            raise PageNotFound(f"there is no page {page} among {count}")
        scale = min(scale, sqrt(MAX_IMAGE_PIXELS / (_WIDTH * _HEIGHT)))
        width, height = max(1, int(scale * _WIDTH)), max(1, int(scale * _HEIGHT))
        samples = bytearray(_WHITE * (3 * width * height))
        highlight(samples, width=width, height=height, boxes=marks)
        return encode_png(samples, width=width, height=height)
