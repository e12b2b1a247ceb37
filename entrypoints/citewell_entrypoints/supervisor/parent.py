"""What a child of the supervisor does when the supervisor is gone."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import sys
import threading
import time
from typing import Final

from citewell_entrypoints.supervisor.launch import set_death_signal

__all__ = ["SUPERVISOR_VARIABLE", "die_with", "exit_with_parent"]

#: Tells a child whose child it is; not a setting.
SUPERVISOR_VARIABLE: Final = "CITEWELL_SUPERVISOR_PID"

_POLL_SECONDS: Final = 0.5


def exit_with_parent() -> None:
    """Wait until the supervisor has its engines ready; once it is gone, kill this process and its children.

    At once on Linux, within half a second elsewhere; there is nothing to be orderly for, as the engines stop
    too. To be called once by a process that the supervisor starts, after its imports, which it makes while
    the engines start, and before it connects to them. In any other process it does nothing.
    """
    # Taken away, so that no process started from here believes to be watched.
    supervisor = os.environ.pop(SUPERVISOR_VARIABLE, "")
    if not supervisor.isdigit():
        return
    threading.Thread(target=_watch, args=(int(supervisor),), name="exit-with-parent", daemon=True).start()
    if sys.platform == "linux":
        # The kernel's signal would end this process alone, and might be quicker than the watch.
        set_death_signal(0)
    with contextlib.suppress(OSError):
        # The supervisor closes our standard input when it is time.
        while os.read(0, 4096):
            pass


def die_with(parent: int) -> None:
    """Kill this process once its parent is gone. To be called once, by a process that was just forked."""
    if sys.platform == "linux":
        set_death_signal(signal.SIGKILL)
    else:
        threading.Thread(target=_watch, args=(parent,), name="die-with-parent", daemon=True).start()
    if os.getppid() != parent:
        os.kill(os.getpid(), signal.SIGKILL)


def _watch(supervisor: int) -> None:
    _wait_for_end(supervisor)
    if os.getpgrp() == os.getpid():
        os.killpg(0, signal.SIGKILL)
    os.kill(os.getpid(), signal.SIGKILL)


def _wait_for_end(supervisor: int) -> None:
    """Return when the process is our parent no longer."""
    ended = None
    if sys.platform == "linux":
        with contextlib.suppress(AttributeError, OSError):
            # Readable once the process has ended.
            descriptor = os.pidfd_open(supervisor)
            ended = select.poll()
            ended.register(descriptor, select.POLLIN)
    while os.getppid() == supervisor:
        if ended is None:
            time.sleep(_POLL_SECONDS)
        else:
            ended.poll()
