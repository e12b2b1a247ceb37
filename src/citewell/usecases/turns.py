"""Taking turns: a long document lets others go first now and then."""

from __future__ import annotations

import time

from citewell.ports import JobBoard

__all__ = ["Turn", "TurnOver"]


class TurnOver(Exception):
    """The work goes on later: others have waited long enough."""


class Turn:
    """One claim's share of a worker: `seconds` at least, and for as long as nobody waits."""

    def __init__(self, board: JobBoard, *, seconds: float) -> None:
        self._board = board
        self._seconds = seconds
        self._began = time.monotonic()

    async def check(self) -> None:
        """Raises TurnOver if the time is up and a job waits. To be called where the work can go on from."""
        if time.monotonic() - self._began >= self._seconds and await self._board.waiting():
            raise TurnOver
