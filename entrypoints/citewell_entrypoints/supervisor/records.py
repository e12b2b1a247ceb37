"""Notes which processes run, so that the next supervisor finds what a killed one left behind."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from collections.abc import Iterable
from pathlib import Path

from citewell_entrypoints.supervisor.leftovers import is_alive, stop_leftover

__all__ = ["ChildRecords", "kill_group"]


class ChildRecords:
    """A file with a line per process: its id, and when it began, as ids are used again."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def write(self, pids: Iterable[int]) -> None:
        """Replace the notes by these processes."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._path.write_text("".join(f"{pid} {_beginning(pid)}\n" for pid in pids))

    def stop_leftovers(self) -> None:
        """Kill the noted processes that still run, with the processes they started."""
        with contextlib.suppress(FileNotFoundError):
            for line in self._path.read_text().splitlines():
                pid, _, beginning = line.partition(" ")
                if pid.isdigit() and is_alive(int(pid)) and beginning == _beginning(int(pid)):
                    kill_group(int(pid))
                    stop_leftover(int(pid), (signal.SIGKILL, 5.0))
        self.clear()

    def clear(self) -> None:
        """Note that nothing runs."""
        self._path.unlink(missing_ok=True)


def kill_group(leader: int) -> None:
    """Kill what is left of the process group that this process leads or led."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(leader, signal.SIGKILL)


def _beginning(pid: int) -> str:
    try:
        # The 22nd field of the line; the 2nd, the name, may hold spaces and ends with the last bracket.
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
    except (OSError, IndexError):
        pass
    with contextlib.suppress(OSError):
        return subprocess.run(
            ["/bin/ps", "-o", "lstart=", "-p", str(pid)], capture_output=True, text=True, check=False
        ).stdout.strip()
    return ""
