"""What a child of the supervisor does when the supervisor is gone."""

from __future__ import annotations

import os
import signal
import threading
import time
from typing import Final

__all__ = ["SUPERVISOR_VARIABLE", "exit_with_parent"]

#: Tells a child whose child it is; not a setting.
SUPERVISOR_VARIABLE: Final = "CITEWELL_SUPERVISOR_PID"

_POLL_SECONDS: Final = 0.5


def exit_with_parent(*, grace_seconds: float = 3.0) -> None:
    """Watch the supervisor from a thread; once it is gone, end this process and the processes it started.

    First as by SIGTERM; what is left after `grace_seconds` is killed. To be called once, early, by a process
    that the supervisor starts; in any other process it does nothing. On Linux the kernel sends the SIGTERM
    at once; elsewhere it comes within half a second.
    """
    # Taken away, so that no process started from here believes to be watched.
    supervisor = os.environ.pop(SUPERVISOR_VARIABLE, "")
    if not supervisor.isdigit():
        return
    watch = threading.Thread(
        target=_watch, args=(int(supervisor), grace_seconds), name="exit-with-parent", daemon=True
    )
    watch.start()


def _watch(supervisor: int, grace_seconds: float) -> None:
    while os.getppid() == supervisor:
        time.sleep(_POLL_SECONDS)
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(grace_seconds)
    if os.getpgrp() == os.getpid():
        os.killpg(0, signal.SIGKILL)
    os.kill(os.getpid(), signal.SIGKILL)
