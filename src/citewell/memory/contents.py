"""ContentLedger in memory."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from citewell.memory.state import MemoryDatabase

__all__ = ["MemoryContentLedger"]


class MemoryContentLedger:
    """The reference ContentLedger."""

    def __init__(self, database: MemoryDatabase) -> None:
        self._database = database

    async def lock(self, sha256: str) -> None:
        """Nothing to do: a unit of work is alone with the tables anyway."""

    async def is_used(self, sha256: str) -> bool:
        async with self._database.tables() as tables:
            return any(sha256 in row.hashes for row in tables.revisions.values())

    async def suspect(self, sha256: str, *, after_seconds: float = 0.0) -> None:
        async with self._database.tables() as tables:
            tables.suspects[sha256] = self._database.clock() + timedelta(seconds=after_seconds)

    async def suspected(self, *, limit: int) -> Sequence[str]:
        async with self._database.tables() as tables:
            now = self._database.clock()
            due = sorted((due_at, sha256) for sha256, due_at in tables.suspects.items() if due_at <= now)
            return [sha256 for _, sha256 in due][:limit]

    async def clear(self, sha256: str) -> None:
        async with self._database.tables() as tables:
            tables.suspects.pop(sha256, None)
