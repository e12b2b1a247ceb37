"""ContentLedger on PostgreSQL."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from citewell_adapters.pgvector.database import PgDatabase
from citewell_adapters.pgvector.locks import lock_until_end

__all__ = ["PgContentLedger"]

# revisions_sha256, revisions_unlocked_sha256
_IS_USED: Final = """
SELECT EXISTS (SELECT FROM revisions WHERE sha256 = %(sha256)s)
    OR EXISTS (SELECT FROM revisions WHERE unlocked_sha256 = %(sha256)s)
"""

# content_suspects_pkey
_SUSPECT: Final = """
INSERT INTO content_suspects (sha256, due_at)
VALUES (%(sha256)s, clock_timestamp() + make_interval(secs => %(seconds)s))
ON CONFLICT (sha256) DO UPDATE SET due_at = excluded.due_at
"""
_CLEAR: Final = "DELETE FROM content_suspects WHERE sha256 = %(sha256)s"

# content_suspects_due_at
_SUSPECTED: Final = """
SELECT encode(sha256, 'hex') FROM content_suspects WHERE due_at <= clock_timestamp()
ORDER BY due_at LIMIT %(limit)s
"""


class PgContentLedger:
    """The ContentLedger port. A trigger suspects the bytes of every revision that is deleted."""

    def __init__(self, database: PgDatabase) -> None:
        self._database = database

    async def lock(self, sha256: str) -> None:
        """See the port. Raises RuntimeError outside a unit of work, where it would lock nothing."""
        if not self._database.in_unit_of_work:
            raise RuntimeError("content is to be locked inside a unit of work")
        async with self._database.connection() as connection:
            await lock_until_end(connection, "content", sha256)

    async def is_used(self, sha256: str) -> bool:
        async with self._database.connection() as connection:
            cursor = await connection.execute(_IS_USED, {"sha256": bytes.fromhex(sha256)})
            row = await cursor.fetchone()
            return bool(row and row[0])

    async def suspect(self, sha256: str, *, after_seconds: float = 0.0) -> None:
        async with self._database.connection() as connection:
            await connection.execute(_SUSPECT, {"sha256": bytes.fromhex(sha256), "seconds": after_seconds})

    async def suspected(self, *, limit: int) -> Sequence[str]:
        async with self._database.connection() as connection:
            return [sha256 async for (sha256,) in await connection.execute(_SUSPECTED, {"limit": limit})]

    async def clear(self, sha256: str) -> None:
        async with self._database.connection() as connection:
            await connection.execute(_CLEAR, {"sha256": bytes.fromhex(sha256)})
