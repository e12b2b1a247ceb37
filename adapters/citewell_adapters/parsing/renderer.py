"""A PageRenderer whose drawing happens in processes of their own."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from citewell.model import Box
from citewell_adapters.parsing.limits import ChildLimits
from citewell_adapters.parsing.pool import ChildPool

__all__ = ["ChildRenderer"]


class ChildRenderer:
    """Draws pages of untrusted files in child processes with limits on time and memory.

    drawer: `module:function` of a PageDrawer, imported by the child alone. version: another one whenever it
    draws otherwise. A page that takes too much ends in ParserLimitExceeded, one that crashes its drawer in
    ParserCrashed; neither touches this process.
    """

    def __init__(
        self,
        *,
        drawer: str,
        media_types: Iterable[str],
        version: str,
        limits: ChildLimits | None = None,
        max_children: int = 2,
        idle_children: int = 1,
        files_per_child: int = 50,
    ) -> None:
        self._media_types = frozenset(media_types)
        self._version = version
        self._pool = ChildPool(
            function=drawer,
            task="draw",
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

    @property
    def version(self) -> str:
        return self._version

    def draws(self, media_type: str) -> bool:
        return media_type in self._media_types

    async def draw(
        self, path: Path, *, media_type: str, page: int, scale: float, marks: Sequence[Box] = ()
    ) -> bytes:
        """As PageRenderer.draw. Raises ReaderUnavailable, too, if no process can be had."""
        async with self._pool.child() as child:
            return await child.draw(path, media_type=media_type, page=page, scale=scale, marks=marks)
