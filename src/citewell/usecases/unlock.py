"""Opening what was uploaded together with its password."""

from __future__ import annotations

import asyncio
import logging
import tempfile
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Final

from citewell.errors import IngestionFailure
from citewell.model import Content
from citewell.ports import BlobStore, Parser
from citewell.usecases.pages import local_copy

__all__ = ["UnlockContent"]

_PIECE_BYTES: Final = 1 << 20

_log = logging.getLogger(__name__)


class UnlockContent:
    """Adds to encrypted content a copy that opens without the password, which itself is kept nowhere.

    scratch: a folder for local copies.
    """

    def __init__(self, *, blobs: BlobStore, parser: Parser, scratch: Path) -> None:
        self._blobs = blobs
        self._parser = parser
        self._scratch = scratch

    async def __call__(self, content: Content, *, password: str) -> Content:
        """The content with its copy, or as it was if the password opens nothing.

        A wrong password and a damaged file are no errors here: the document's ingestion tells of them.
        """
        with tempfile.TemporaryDirectory(dir=self._scratch, prefix="unlock-") as folder:
            copy = Path(folder, "copy")
            async with local_copy(self._blobs.read_received(content.blob), folder=Path(folder)) as path:
                if not await self._unlock(path, content.media_type, password=password, to=copy):
                    return content
            return replace(content, unlocked=await self._blobs.receive(_pieces(copy)))

    async def _unlock(self, path: Path, media_type: str, *, password: str, to: Path) -> bool:
        try:
            return await self._parser.unlock(path, media_type=media_type, password=password, to=to)
        except IngestionFailure as error:
            _log.info("an upload could not be unlocked: %s", error)
            return False


async def _pieces(path: Path) -> AsyncIterator[bytes]:
    with path.open("rb") as file:
        while piece := await asyncio.to_thread(file.read, _PIECE_BYTES):
            yield piece
