"""What draws pages, and what keeps the drawings."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from citewell.model import Box

__all__ = ["ImageCache", "PageRenderer"]


class PageRenderer(Protocol):
    """Draws pages of files of some types."""

    @property
    def version(self) -> str:
        """Another one as soon as the same page may be drawn otherwise."""
        ...

    def draws(self, media_type: str) -> bool:
        """Whether it draws the pages of files of this type."""
        ...

    async def draw(
        self, path: Path, *, media_type: str, page: int, scale: float, marks: Sequence[Box] = ()
    ) -> bytes:
        """The page with this number, from 1, as it is shown: a PNG of 8 bits each of red, green and blue.

        scale: pixels per point (a 72nd of an inch); fewer where the image would have more than
        `MAX_IMAGE_PIXELS`. Of the pixels that a mark touches, those on paper look different than without it;
        all others are the same. The same call gives the same image. Raises PageNotFound, or
        UnreadableDocument, PasswordRequired, ParserLimitExceeded or ParserCrashed.
        """
        ...


class ImageCache(Protocol):
    """Keeps images that were made of some content, as long as there is room.

    What it cannot keep or read it does not have: no call fails for that.
    """

    async def get(self, sha256: str, key: str) -> bytes | None:
        """The image that was put last under the hash of the content and the key, or None."""
        ...

    async def put(self, sha256: str, key: str, image: bytes) -> None:
        """Keep the image. Those that nobody asked for the longest make room for it, where there is none."""
        ...

    async def forget(self, sha256: str) -> None:
        """Forget all images of this content; none is no error."""
        ...

    async def contents(self) -> Sequence[str]:
        """The hashes of all content that it may have images of."""
        ...
