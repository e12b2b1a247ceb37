"""Finds and stops processes that a dead supervisor left behind, and only those."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from pathlib import Path
from typing import Final

__all__ = ["command_of", "is_alive", "stop_leftover"]

_POLL_SECONDS: Final = 0.02


def is_alive(pid: int) -> bool:
    """Whether a process with this id runs, whoever owns it; one that only waits to be reaped does not."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (OSError, IndexError):
        return True
    return state != "Z"


def command_of(pid: int) -> str:
    """The command line of a process, its parts joined by spaces; empty if it cannot be known."""
    try:
        return (
            Path(f"/proc/{pid}/cmdline")
            .read_bytes()
            .rstrip(b"\0")
            .replace(b"\0", b" ")
            .decode("utf-8", "replace")
        )
    except OSError:
        pass
    try:
        listing = subprocess.run(
            ["/bin/ps", "-ww", "-o", "command=", "-p", str(pid)], capture_output=True, text=True, check=False
        )
    except OSError:
        return ""
    return listing.stdout.strip()


def stop_leftover(pid: int, *signals: tuple[signal.Signals, float]) -> bool:
    """Send each signal in turn and give it its seconds; whether the process is gone then."""
    for number, seconds in signals:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(pid, number)
            os.kill(pid, signal.SIGCONT)
        deadline = time.monotonic() + seconds
        while is_alive(pid) and time.monotonic() < deadline:
            time.sleep(_POLL_SECONDS)
    return not is_alive(pid)
