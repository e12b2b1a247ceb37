"""Turns signals into something to wait for."""

from __future__ import annotations

import os
import select
import signal
import time
from types import FrameType
from typing import Any, Final, Self

__all__ = ["StopSignals"]

_STOP: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
#: One press of Ctrl-C may arrive twice: from the terminal, and from a program that passes it on.
_SAME_REQUEST_SECONDS: Final = 0.3


class StopSignals:
    """While open, counts the requests to stop, and lets `wait` return early on any signal or a child's end.

    To be used in the main thread. SIGHUP that was ignored when the process began, as by nohup, stays ignored.
    """

    def __init__(self) -> None:
        self.requests = 0
        self._last_request = float("-inf")
        self._before: dict[signal.Signals, Any] = {}

    def __enter__(self) -> Self:
        self._read_end, self._write_end = os.pipe()
        os.set_blocking(self._read_end, False)
        os.set_blocking(self._write_end, False)
        self._wakeup_before = signal.set_wakeup_fd(self._write_end, warn_on_full_buffer=False)
        for number in (*_STOP, signal.SIGCHLD):
            # Shells let what they start in the background ignore SIGINT too; sent to us, it is meant.
            if number != signal.SIGHUP or signal.getsignal(number) is not signal.SIG_IGN:
                self._before[number] = signal.signal(number, self._handle)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        signal.set_wakeup_fd(self._wakeup_before)
        os.close(self._read_end)
        os.close(self._write_end)

    def wait(self, seconds: float) -> None:
        """Return after this time, or as soon as a signal has come since the last wait."""
        ready, _, _ = select.select([self._read_end], [], [], max(0.0, seconds))
        if ready:
            os.read(self._read_end, 4096)

    def _handle(self, number: int, _frame: FrameType | None) -> None:
        if number not in _STOP:
            return
        now = time.monotonic()
        if now - self._last_request > _SAME_REQUEST_SECONDS:
            self.requests += 1
        self._last_request = now
