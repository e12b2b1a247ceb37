"""What an engine is to the supervisor: a server in a data directory of ours, reached through a socket."""

from __future__ import annotations

import signal
import time
from collections.abc import Sequence
from typing import Final, Protocol

from citewell_entrypoints.supervisor.children import Child
from citewell_entrypoints.supervisor.errors import EngineFailed
from citewell_entrypoints.supervisor.logfile import LogFile

__all__ = ["Engine", "failure", "start_blocking"]

_POLL_SECONDS: Final = 0.01


class Engine(Protocol):
    """One server process; it can be launched again after it has ended."""

    @property
    def name(self) -> str:
        """The engine's name in messages."""
        ...

    @property
    def url(self) -> str:
        """How a client connects; fixed before the start."""
        ...

    @property
    def stop_signals(self) -> Sequence[signal.Signals]:
        """What ends the process: the orderly way first, then what to try if that takes too long."""
        ...

    @property
    def log(self) -> LogFile:
        """What the engine prints."""
        ...

    def check(self) -> None:
        """Raise StartRefused if it cannot be launched as things are; nothing is started or altered."""
        ...

    def launch(self) -> Child:
        """Prepare the data if there is none, and start the process; it is not ready yet.

        Call from the main thread. What runs on this data already, left by a dead owner, is stopped first.
        Raises StartRefused or EngineFailed.
        """
        ...

    def is_ready(self) -> bool:
        """Whether the launched process answers."""
        ...

    def describe(self) -> str:
        """Versions and place of the data, for people."""
        ...

    def stop(self, *, timeout_seconds: float = 8.0) -> None:
        """End the process, in order if it does so in time, else by force; not running is no error."""
        ...


def start_blocking(engine: Engine, *, timeout_seconds: float) -> None:
    """Launch the engine and wait until it answers.

    Raises EngineFailed, and leaves nothing running, if it does not answer in time.
    """
    child = engine.launch()
    try:
        _wait_until_ready(engine, child, timeout_seconds=timeout_seconds)
    except BaseException:
        engine.stop()
        raise


def _wait_until_ready(engine: Engine, child: Child, *, timeout_seconds: float) -> None:
    deadline = time.monotonic() + timeout_seconds
    while not engine.is_ready():
        if child.poll() is not None:
            raise EngineFailed(failure(engine, f"ended with exit code {child.returncode}"))
        if time.monotonic() > deadline:
            raise EngineFailed(failure(engine, f"was not ready after {timeout_seconds:g} seconds"))
        time.sleep(_POLL_SECONDS)


def failure(engine: Engine, what: str) -> str:
    """A message that ends with the last lines of the engine's log."""
    return f"{engine.name} {what}; the end of {engine.log.path}:\n{engine.log.tail()}"
