"""Trying again what a server could not do for the moment."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Final, TypeVar

from citewell_entrypoints.client.errors import Busy, ClientError, ConnectionLost, NoServer, Stopped

__all__ = ["Patience"]

T = TypeVar("T")

_FIRST_WAIT_SECONDS: Final = 0.5
_LONGEST_WAIT_SECONDS: Final = 30.0


class Patience:
    """Waits as long as a busy server says, else twice as long each time, and gives up after a while.

    busy_seconds, gone_seconds: for how long in all it waits for a server that says it is busy, and for one
    that does not answer. stop: set by others to end a wait at once.
    """

    def __init__(
        self, *, stop: threading.Event, busy_seconds: float = 600.0, gone_seconds: float = 30.0
    ) -> None:
        self._stop = stop
        self._limits = {True: busy_seconds, False: gone_seconds}

    def call(self, function: Callable[[], T], *, waiting: Callable[[float, str], None]) -> T:
        """What `function` returns, tried until it does; `waiting` hears of each wait and of its reason.

        Raises Stopped, and what `function` raised at last.
        """
        wait, waited = _FIRST_WAIT_SECONDS, 0.0
        while True:
            try:
                return function()
            except (Busy, ConnectionLost, NoServer) as error:
                pause = min(_told(error) or wait, _LONGEST_WAIT_SECONDS)
                waited += pause
                if waited > self._limits[isinstance(error, Busy)]:
                    raise
                waiting(pause, str(error))
            if self._stop.wait(pause):
                raise Stopped("stopped while waiting for the server")
            wait = min(wait * 2, _LONGEST_WAIT_SECONDS)


def _told(error: ClientError) -> float | None:
    return error.retry_after_seconds if isinstance(error, Busy) else None
