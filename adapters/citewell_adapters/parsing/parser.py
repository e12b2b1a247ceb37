"""A Parser whose reading happens in processes of their own."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

from citewell.model import ParsedPage
from citewell_adapters.parsing.limits import ChildLimits
from citewell_adapters.parsing.pool import ChildPool

__all__ = ["ChildParser", "Detect"]


class Detect(Protocol):
    """What Parser.detect promises."""

    def __call__(self, head: bytes, *, name: str) -> str | None: ...


class ChildParser:
    """Reads untrusted files in child processes with limits on time and memory.

    reader: `module:function` of a PageReader, imported by the child alone; unlocker: of an Unlocker, if the
    format has passwords. A file that takes too much ends in ParserLimitExceeded, one that crashes its reader
    in ParserCrashed; neither touches this process.
    """

    def __init__(
        self,
        *,
        reader: str,
        detect: Detect,
        unlocker: str | None = None,
        limits: ChildLimits | None = None,
        max_children: int = 4,
        idle_children: int = 2,
        files_per_child: int = 100,
    ) -> None:
        self._detect = detect
        self._has_passwords = unlocker is not None
        self._pool = ChildPool(
            function=reader,
            unlocker=unlocker,
            limits=limits or ChildLimits(),
            max_children=max_children,
            idle_children=idle_children,
            files_per_child=files_per_child,
        )

    async def __aenter__(self) -> Self:
        await self._pool.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._pool.__aexit__(kind, error, trace)

    def detect(self, head: bytes, *, name: str) -> str | None:
        """As Parser.detect; works without the parser being open."""
        return self._detect(head, name=name)

    async def parse(
        self, path: Path, *, media_type: str, password: str | None = None, skip: int = 0
    ) -> AsyncGenerator[ParsedPage, None]:
        """As Parser.parse. Raises ReaderUnavailable, too, if no process can be had."""
        async with (
            self._pool.child() as child,
            aclosing(child.read(path, media_type=media_type, password=password, skip=skip)) as pages,
        ):
            async for page in pages:
                yield page

    async def unlock(self, path: Path, *, media_type: str, password: str, to: Path) -> bool:
        """As Parser.unlock, in a process made for it. Raises ReaderUnavailable, too, if none can be had."""
        if not self._has_passwords:
            return False
        unlocked = False
        try:
            async with self._pool.unlocking_child() as child:
                unlocked = await child.unlock(path, media_type=media_type, password=password, to=to)
        finally:
            if not unlocked:
                _remove(to)
        return unlocked


def _remove(path: Path) -> None:
    path.unlink(missing_ok=True)
