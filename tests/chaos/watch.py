"""Looks into the database all the time: what is under way, and what was committed when."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final

import psycopg
from tests.chaos.embeddings import EmbeddingsStub
from tests.chaos.schedule import Moment

__all__ = ["Committed", "Watch"]

_PAUSE_SECONDS: Final = 0.03
_PATIENCE_SECONDS: Final = 1.5

#: Slices are staged in order, so the number of staged vectors says which chunks are paid for.
_UNDER_WAY: Final = """
SELECT j.document_id::text, j.status, j.stage, encode(r.sha256, 'hex'),
    (SELECT count(*) FROM staged_vectors AS s WHERE s.revision_id = j.revision_id)
FROM jobs AS j JOIN revisions AS r ON r.id = j.revision_id
WHERE j.status IN ('queued', 'processing')
"""

#: Publishing and deleting change this row, so they wait in the middle of their transaction.
_HOLD_PUBLICATIONS: Final = "SELECT 1 FROM collections FOR NO KEY UPDATE"


@dataclass(frozen=True, slots=True)
class Committed:
    """The first `chunks` chunks of these bytes in this document had been committed by then."""

    document_id: str
    sha256: str
    chunks: int
    at: float


class Watch:
    """`run` it as a task. uploads_open: how many uploads are being sent."""

    def __init__(self, database_url: Callable[[], str], stub: EmbeddingsStub) -> None:
        self._database_url = database_url
        self._stub = stub
        self._moments: set[Moment] = set()
        self._staged: dict[tuple[str, str], int] = {}
        self.uploads_open = 0
        #: In the order of time; one for each step forward.
        self.committed: list[Committed] = []
        #: The documents under way at the last look.
        self.under_way: frozenset[str] = frozenset()

    @property
    def moments(self) -> set[Moment]:
        """What documents are going through now."""
        moments = set(self._moments)
        if self.uploads_open:
            moments.add(Moment.UPLOADING)
        if self._stub.open_calls:
            moments.add(Moment.EMBEDDING)
            moments.discard(Moment.PARSING)
        return moments

    async def run(self) -> None:
        """Looks until it is cancelled; while the database is away it sees nothing new."""
        while True:
            with contextlib.suppress(psycopg.Error, OSError, TimeoutError):
                async with self._connection() as connection:
                    while True:
                        async with asyncio.timeout(_PATIENCE_SECONDS):
                            self._note(await (await connection.execute(_UNDER_WAY)).fetchall())
                        await asyncio.sleep(_PAUSE_SECONDS)
            self._moments.clear()
            await asyncio.sleep(0.1)

    @asynccontextmanager
    async def publications_held(self) -> AsyncIterator[None]:
        """Publications stop halfway for as long as the context lasts; nothing happens without a database."""
        try:
            async with asyncio.timeout(_PATIENCE_SECONDS):
                connection = await psycopg.AsyncConnection.connect(self._database_url())
        except (psycopg.Error, OSError, TimeoutError):
            yield
            return
        try:
            with contextlib.suppress(psycopg.Error, TimeoutError):
                async with asyncio.timeout(_PATIENCE_SECONDS):
                    await connection.execute(_HOLD_PUBLICATIONS)
            yield
        finally:
            await connection.close()

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator[psycopg.AsyncConnection[tuple[Any, ...]]]:
        async with asyncio.timeout(_PATIENCE_SECONDS):
            connection = await psycopg.AsyncConnection.connect(self._database_url(), autocommit=True)
        try:
            yield connection
        finally:
            await connection.close()

    def _note(self, rows: list[tuple[Any, ...]]) -> None:
        now = time.monotonic()
        self.under_way = frozenset(row[0] for row in rows)
        self._moments = set()
        for document_id, status, stage, sha256, chunks in rows:
            if status == "queued":
                self._moments.add(Moment.QUEUED)
            elif stage in set(Moment):
                self._moments.add(Moment(stage))
            if chunks > self._staged.get((document_id, sha256), 0):
                self.committed.append(Committed(document_id, sha256, chunks, now))
            self._staged[document_id, sha256] = chunks
