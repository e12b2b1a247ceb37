"""What a process that reads untrusted files gives up before it opens the first one."""

from __future__ import annotations

import contextlib
import ctypes
import os
import resource
import signal
import sys
from typing import Final

from citewell.niceness import make_session_nice
from citewell_adapters.parsing.syscalls import deny_network_and_programs

__all__ = ["confine", "die_with_parent", "grant_cpu_seconds", "stay_nice"]

_PR_SET_PDEATHSIG: Final = 1
_OPEN_FILES: Final = 32


def die_with_parent(parent: int) -> None:
    """Where the system can, be killed as soon as the thread of `parent` that started this process is gone."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != parent:
            os._exit(1)


def stay_nice() -> None:
    """Be as nice as who started this process in a session of its own."""
    niceness = os.getpriority(os.PRIO_PROCESS, 0)
    if niceness > 0:
        make_session_nice(niceness)


def confine(*, memory_bytes: int, file_bytes: int = 0) -> None:
    """Limit memory and the files it writes; dump no core; on Linux, start no program and reach no network.

    file_bytes: of each file, at most; with 0 nothing can be written.
    """
    _limit(resource.RLIMIT_AS, memory_bytes)
    _limit(resource.RLIMIT_CORE, 0)
    _limit(resource.RLIMIT_FSIZE, file_bytes)
    _limit(resource.RLIMIT_NOFILE, _OPEN_FILES)
    _limit(resource.RLIMIT_NPROC, 0)
    deny_network_and_programs()


def grant_cpu_seconds(seconds: float) -> None:
    """From now on the process may compute so long in all, then the kernel stops it with SIGXCPU."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    soft = int(used.ru_utime + used.ru_stime + seconds) + 1
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    if hard != resource.RLIM_INFINITY:
        soft = min(soft, hard)
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_CPU, (soft, hard))


def _limit(which: int, most: int) -> None:
    _, hard = resource.getrlimit(which)
    if hard != resource.RLIM_INFINITY:
        most = min(most, hard)
    # Some systems, such as macOS, do not know every limit.
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(which, (most, most))
