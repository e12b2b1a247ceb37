"""Starts and stops child processes that die with the process that started them."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final

__all__ = ["Account", "Child", "spawn", "stop"]

Child = subprocess.Popen[bytes]

_LAUNCHER: Final = Path(__file__).with_name("launch.py")


@dataclass(frozen=True, slots=True)
class Account:
    """The user that a child runs as; `keep_search` lets it pass through folders that are closed to it."""

    uid: int
    gid: int
    keep_search: bool = False


def spawn(
    command: Sequence[str],
    *,
    death_signal: signal.Signals,
    output: IO[bytes] | None = None,
    environment: Mapping[str, str] | None = None,
    account: Account | None = None,
    directory: Path | None = None,
    standard_input: str | None = None,
    hold: bool = False,
) -> Child:
    """Start `command` (its first part an absolute path) in a session of its own.

    On Linux the kernel sends `death_signal` to it once the calling thread is gone: call from the main thread.
    Keys pressed in the terminal do not reach it. `output` takes what it prints, both streams; None passes it
    through. `environment` is its whole environment; None passes ours on. It reads `standard_input`, of a few
    lines at most, and then the end; with `hold`, the end comes when `stdin` of the child is closed.
    """
    uid, gid, search = (account.uid, account.gid, account.keep_search) if account else (-1, -1, False)
    launcher = [sys.executable, "-I", "-S", str(_LAUNCHER)]
    arguments = [str(int(value)) for value in (os.getpid(), death_signal, uid, gid, search)]
    child = subprocess.Popen(
        [*launcher, *arguments, *command],
        stdin=subprocess.PIPE if hold or standard_input is not None else subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.STDOUT if output is not None else None,
        env=environment,
        cwd=directory,
        start_new_session=True,
        umask=0o077,
    )
    if child.stdin is not None and not hold:
        with contextlib.suppress(BrokenPipeError), child.stdin as stream:
            stream.write((standard_input or "").encode())
    return child


def stop(child: Child, *signals: tuple[signal.Signals, float]) -> None:
    """Send each signal in turn and give it its seconds to work; SIGKILL for what is left then."""
    for number, seconds in (*signals, (signal.SIGKILL, 5.0)):
        if child.poll() is not None:
            return
        with contextlib.suppress(ProcessLookupError):
            child.send_signal(number)
            # A process that was suspended would not see the signal.
            child.send_signal(signal.SIGCONT)
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.wait(seconds)
