"""Trying again what a server could not do for the moment."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Final, TypeVar

from citewell_entrypoints.client.errors import Busy, ConnectionLost, NoServer, Stopped

__all__ = ["Patience"]

T = TypeVar("T")

_FIRST_WAIT_SECONDS: Final = 0.5
_LONGEST_BUSY_WAIT_SECONDS: Final = 30.0
#: A refused connection costs nobody anything.
_LONGEST_GONE_WAIT_SECONDS: Final = 2.0


class Patience:
    """Waits as long as a busy server says, else twice as long each time, and gives up after a while.

    busy_seconds, gone_seconds: for how long in all it waits for a server that says it is busy, and for one
    that does not answer. stop: set by others to end a wait at once.
    """

    def __init__(
        self, *, stop: threading.Event, busy_seconds: float = 600.0, gone_seconds: float = 60.0
    ) -> None:
        self._stop = stop
        self._busy_seconds = busy_seconds
        self._gone_seconds = gone_seconds

    def call(self, function: Callable[[], T], *, waiting: Callable[[float, str], None]) -> T:
        """What `function` returns, tried until it does; `waiting` hears of each wait and of its reason.

        Raises Stopped, and what `function` raised at last.
        """
        wait, busy, gone = _FIRST_WAIT_SECONDS, 0.0, 0.0
        while True:
            try:
                return function()
            except Busy as error:
                pause = min(error.retry_after_seconds or wait, _LONGEST_BUSY_WAIT_SECONDS)
                busy += pause
                if busy > self._busy_seconds:
                    raise
                waiting(pause, str(error))
            except (ConnectionLost, NoServer) as error:
                pause = min(wait, _LONGEST_GONE_WAIT_SECONDS)
                gone += pause
                if gone > self._gone_seconds:
                    raise
                waiting(pause, str(error))
            if self._stop.wait(pause):
                raise Stopped("stopped while waiting for the server")
            wait = min(wait * 2, _LONGEST_BUSY_WAIT_SECONDS)
