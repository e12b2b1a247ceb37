"""Several processes of one server, copied from one that is built: Python code runs on one core a process."""

from __future__ import annotations

import gc
import logging
import os
import signal
import sys
import time
import warnings
from typing import Final

from citewell_entrypoints.supervisor import die_with

__all__ = ["in_processes"]

#: One that ends sooner would end again and again.
_SHORT_LIFE_SECONDS: Final = 5.0
_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM)

_log = logging.getLogger(__name__)


def in_processes(count: int) -> int:
    """Returns in each of `count` new processes, with its number from 0. Here it waits for their end.

    To be called before any event loop or connection is there. SIGINT and SIGTERM stop all. One that is killed
    is replaced; if one ends by itself within seconds the others are stopped. Then SystemExit is raised, with
    that one's code.
    """
    # What is shared stays shared as long as nobody writes on it, as the collector does.
    gc.freeze()
    processes = _Processes()
    for number in range(count):
        if processes.start(number):
            return number
    return processes.watch()


class _Processes:
    def __init__(self) -> None:
        self._parent = os.getpid()
        #: By process id: its number, and when it began.
        self._running: dict[int, tuple[int, float]] = {}
        self._stopping = False
        self._handlers = {number: signal.signal(number, self._stop) for number in _SIGNALS}

    def start(self, number: int) -> bool:
        """Whether this is the new process."""
        # A signal in between would be handled by the copy of the one that starts it.
        signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
        with warnings.catch_warnings():
            # The thread that watches over the supervisor holds no lock.
            warnings.simplefilter("ignore", DeprecationWarning)
            process = os.fork()
        if process:
            self._running[process] = (number, time.monotonic())
        else:
            for each, handler in self._handlers.items():
                signal.signal(each, handler)
            die_with(self._parent)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGNALS)
        return not process

    def watch(self) -> int:
        """As `in_processes`, once all are started."""
        code = 0
        while self._running:
            ended, status = os.waitpid(-1, 0)
            if ended not in self._running:
                continue
            number, began = self._running.pop(ended)
            exit_code = os.waitstatus_to_exitcode(status)
            if self._stopping:
                code = code or max(0, exit_code)
            elif exit_code < 0 or time.monotonic() - began > _SHORT_LIFE_SECONDS:
                _log.error("API process %d ended (%d), another takes its place", number, exit_code)
                if self.start(number):
                    return number
            else:
                code = exit_code or 1
                self._stop()
        for each, handler in self._handlers.items():
            signal.signal(each, handler)
        sys.exit(code)

    def _stop(self, *_: object) -> None:
        self._stopping = True
        for process in self._running:
            os.kill(process, signal.SIGTERM)
