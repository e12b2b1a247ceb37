"""One part that is to run for as long as the supervisor does."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import Enum, auto

from citewell_entrypoints.supervisor.children import Child
from citewell_entrypoints.supervisor.restarts import RestartPolicy

__all__ = ["Service", "State"]


class State(Enum):
    """Where a service is in its life."""

    STARTING = auto()
    READY = auto()
    #: It ended and waits for its next start.
    RESTING = auto()
    #: It was not started yet, or ended once too often.
    ENDED = auto()


@dataclass(slots=True)
class Service:
    """A child process that can be started again when it has ended."""

    name: str
    launch: Callable[[], Child]
    is_ready: Callable[[], bool]
    #: Versions and places, for people.
    describe: Callable[[], str]
    #: What the process said before it ended, or where that is to be found.
    last_words: Callable[[], str]
    #: What ends the process: the orderly way first.
    stop_signals: Sequence[signal.Signals] = (signal.SIGTERM,)
    #: Whether the process may do its work, not only prepare for it; see `let_go`.
    released: bool = False
    #: The state `READY` in a word, for people.
    word: str = "ready"
    #: Whether the processes that it started in its process group are to end with it.
    owns_group: bool = True
    child: Child | None = None
    state: State = State.ENDED
    #: When the state began, or, when resting, ends; in seconds of the monotonic clock.
    since: float = 0.0
    policy: RestartPolicy = field(default_factory=RestartPolicy)

    @property
    def is_running(self) -> bool:
        """Whether there is a process."""
        return self.child is not None and self.child.poll() is None

    @property
    def ending(self) -> str:
        """How the process ended, like `ended with exit code 1` or `was ended by SIGKILL`."""
        code = self.child.returncode if self.child is not None else None
        if code is not None and code < 0:
            return f"was ended by {signal.Signals(-code).name}"
        return f"ended with exit code {code}"

    def start(self) -> None:
        """Launch the process; where it was launched to wait, `let_go` lets it go on."""
        self.child = self.launch()
        self.state = State.STARTING
        self.released = False
        self.since = time.monotonic()

    def let_go(self) -> None:
        """Tell the process that what it needs is there, or that it is over, by the end of its input."""
        self.released = True
        if self.child is not None and self.child.stdin is not None:
            self.child.stdin.close()

    def rest(self) -> float | None:
        """Note that the process ended; the seconds until its next start, or None if there is none."""
        now = time.monotonic()
        delay = self.policy.ended(now)
        self.state = State.ENDED if delay is None else State.RESTING
        self.since = now + (delay or 0.0)
        return delay
