"""Statements that somebody waits for, many at a time over few connections."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from typing import Any, Final

import psycopg

from citewell_adapters.pgvector.bounded import BoundedCache
from citewell_adapters.pgvector.lane import Asked, Lane, Rows, Statement

__all__ = ["Lanes"]

#: Statements of one connection at a time: the one that runs, and those that keep it from waiting for us.
_DEPTH: Final = 4
#: While as many connections are quick as half of the cores, and so many, no other one is used: fewer server
#: processes have more in their caches.
_FEW: Final = 2
#: Whoever comes does not wait behind a statement that has run for so long.
_QUICK_SECONDS: Final = 0.002


class Lanes:
    """Up to `most` connections, opened by `connect` when there is something to do.

    cores: of the server, as far as one knows. patience_seconds: how long a statement waits for a connection
    to take it. answering_seconds: a server that has not answered one after so long is hung up on.
    """

    def __init__(
        self,
        connect: Callable[[], Awaitable[psycopg.AsyncConnection[Any]]],
        *,
        most: int,
        cores: int,
        patience_seconds: float,
        answering_seconds: float,
    ) -> None:
        self._connect = connect
        self._most = most
        self._few = max(_FEW, cores // 2)
        self._patience_seconds = patience_seconds
        self._answering_seconds = answering_seconds
        self._statements = BoundedCache[str | bytes, Statement]()
        self._lanes: list[Lane] = []
        self._opening: set[asyncio.Task[None]] = set()
        self._waiting: deque[Asked] = deque()
        self._timer: asyncio.TimerHandle | None = None

    def fetch(self, query: str | bytes, parameters: Mapping[str, object]) -> asyncio.Future[Rows]:
        """The rows of a statement, values in binary. The future raises psycopg's errors.

        Who no longer waits for them does not end the statement.
        """
        statement = self._statements.get(query, lambda: Statement.of(query))
        loop = asyncio.get_running_loop()
        asked = Asked(statement, parameters, loop.create_future(), loop.time())
        lane = self._free(asked.since)
        if lane is not None:
            lane.send(asked)
        else:
            self._waiting.append(asked)
            self._look_later()
        return asked.rows

    async def close(self) -> None:
        """Who still waits learns that the connections are closed."""
        for task in self._opening:
            task.cancel()
        await asyncio.gather(*self._opening, return_exceptions=True)
        closed = psycopg.OperationalError("the connections are closed")
        self._fail_waiting(closed)
        for lane in tuple(self._lanes):
            lane.end(closed)
        if self._timer is not None:
            self._timer.cancel()

    def _free(self, now: float) -> Lane | None:
        """The one where a statement is likely to run first; None to wait for what is soon there again.

        Another one is opened if too few are quick.
        """
        best: Lane | None = None
        quick = 0
        for lane in tuple(self._lanes):
            if not lane.busy:
                if lane.is_alive():
                    return lane
                continue
            if now - lane.began_at >= _QUICK_SECONDS:
                continue
            quick += 1
            if lane.busy < _DEPTH and (best is None or lane.busy < best.busy):
                best = lane
            if quick == self._few:
                return best
        if len(self._lanes) + len(self._opening) < self._most:
            self._open()
        return best

    def _look_again(self) -> None:
        """For those who wait, as what was quick may have become slow."""
        self._timer = None
        now = asyncio.get_running_loop().time()
        while self._waiting and (lane := self._free(now)) is not None:
            self._send_next(lane)
        while self._waiting and now - self._waiting[0].since > self._patience_seconds:
            self._waiting.popleft().fail(psycopg.OperationalError("all connections are busy"))
        self._look_later()

    def _look_later(self) -> None:
        # Without any connection they wait for one to open.
        if self._waiting and self._lanes and self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(_QUICK_SECONDS, self._look_again)

    def _send_next(self, lane: Lane) -> None:
        asked = self._waiting.popleft()
        if not asked.rows.done():
            lane.send(asked)

    def _open(self) -> None:
        task = asyncio.create_task(self._opened())
        self._opening.add(task)
        task.add_done_callback(self._opening.discard)

    async def _opened(self) -> None:
        try:
            connection = await self._connect()
        except Exception as error:  # noqa: BLE001 - it is raised to those who wait
            if not self._lanes:
                self._fail_waiting(error)
            return
        lane = Lane(
            connection, answering_seconds=self._answering_seconds, on_room=self._refill, on_end=self._ended
        )
        self._lanes.append(lane)
        # One alone: more of them may be opening, and nobody knows yet which statements are quick.
        if self._waiting:
            self._send_next(lane)
        self._look_later()

    def _refill(self, lane: Lane) -> None:
        while self._waiting and lane.busy < _DEPTH and lane.is_open:
            self._send_next(lane)
        self._look_later()

    def _ended(self, lane: Lane) -> None:
        with suppress(ValueError):
            self._lanes.remove(lane)
        if self._waiting and not self._lanes and not self._opening:
            self._open()

    def _fail_waiting(self, error: Exception) -> None:
        while self._waiting:
            self._waiting.popleft().fail(error)
