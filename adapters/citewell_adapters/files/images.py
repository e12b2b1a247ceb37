"""ImageCache in a folder, which processes may share."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import re
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final, NamedTuple
from uuid import uuid4

__all__ = ["FileImageCache"]

_NAME: Final = re.compile(r"[0-9a-f]{64}")
#: How full the cache is after making room, so that not each of the next images has to make some.
_FILLED_AGAIN: Final = 0.9

_log = logging.getLogger(__name__)


class _Kept(NamedTuple):
    asked_at: float
    size: int
    path: Path


class FileImageCache:
    """The ImageCache port: `FOLDER/SHA256/KEY.png`; its time of modification is when it was last asked for.

    max_bytes: what all files may take together; with 0 none is kept. Hashes and keys are 64 hexadecimal
    digits. A file is there whole or not at all.
    """

    def __init__(self, folder: Path, *, max_bytes: int) -> None:
        self._folder = folder
        self._max_bytes = max_bytes

    async def get(self, sha256: str, key: str) -> bytes | None:
        return await asyncio.to_thread(self._read, self._path(sha256, key))

    async def put(self, sha256: str, key: str, image: bytes) -> None:
        if len(image) <= self._max_bytes:
            await asyncio.to_thread(self._write, self._path(sha256, key), image)

    async def forget(self, sha256: str) -> None:
        folder = self._path(sha256, sha256).parent
        await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)

    async def contents(self) -> Sequence[str]:
        return await asyncio.to_thread(lambda: sorted(self._contents()))

    def _path(self, sha256: str, key: str) -> Path:
        if not (_NAME.fullmatch(sha256) and _NAME.fullmatch(key)):
            raise ValueError("an image is named by 64 hexadecimal digits, and so is its content")
        return self._folder / sha256 / f"{key}.png"

    def _read(self, path: Path) -> bytes | None:
        try:
            image = path.read_bytes()
        except OSError:
            return None
        with contextlib.suppress(OSError):
            os.utime(path)
        return image

    def _write(self, path: Path, image: bytes) -> None:
        # Beside its place, so that it goes with its content, and is old one day, if it never gets there.
        unfinished = path.with_name(f".{uuid4().hex}")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            unfinished.write_bytes(image)
            unfinished.replace(path)
        except OSError as error:
            _log.warning("an image of a page could not be kept: %s", error)
            with contextlib.suppress(OSError):
                unfinished.unlink(missing_ok=True)
        self._make_room()

    def _make_room(self) -> None:
        files = sorted(self._files())
        total = sum(file.size for file in files)
        if total <= self._max_bytes:
            return
        for file in files:
            # The newest stays, however small the cache is.
            if total <= self._max_bytes * _FILLED_AGAIN or file is files[-1]:
                break
            with contextlib.suppress(OSError):
                file.path.unlink()
                total -= file.size
        for content in list(self._contents()):
            with contextlib.suppress(OSError):
                (self._folder / content).rmdir()

    def _files(self) -> Iterator[_Kept]:
        for content in self._contents():
            with contextlib.suppress(OSError), os.scandir(self._folder / content) as entries:
                for entry in entries:
                    with contextlib.suppress(OSError):
                        known = entry.stat()
                        yield _Kept(known.st_mtime, known.st_size, Path(entry.path))

    def _contents(self) -> Iterator[str]:
        with contextlib.suppress(OSError), os.scandir(self._folder) as entries:
            yield from (entry.name for entry in entries if _NAME.fullmatch(entry.name))
