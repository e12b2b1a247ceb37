"""The memory of processes over time, as the kernel counts it."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import psutil

__all__ = ["MemoryPeak", "child_of", "family", "sampled_memory"]

_SECONDS = 0.05
#: Proportional shares take the kernel milliseconds: not in every sample.
_SAMPLES_A_SHARE = 10
_MEGABYTE = 1_000_000


@dataclass
class MemoryPeak:
    """The highest sums over all processes, and the highest value of each, in MB.

    resident: pages that processes share count in each; proportional: shared pages count once.
    """

    resident: float = 0.0
    proportional: float = 0.0
    by_process: dict[str, float] = field(default_factory=dict)

    def add(self, processes: Sequence[psutil.Process], *, with_shares: bool) -> None:
        """One sample."""
        resident = {_label(each): each.memory_info().rss / _MEGABYTE for each in processes}
        self.resident = max(self.resident, sum(resident.values()))
        for label, value in resident.items():
            self.by_process[label] = max(value, self.by_process.get(label, 0.0))
        if with_shares:
            shares = [each.memory_full_info().pss / _MEGABYTE for each in processes]
            self.proportional = max(self.proportional, sum(shares))


def child_of(process: psutil.Process, *words: str) -> psutil.Process:
    """The one child whose command line holds all the words."""
    [child] = [each for each in process.children() if set(words) <= set(each.cmdline())]
    return child


def family(process: psutil.Process) -> list[psutil.Process]:
    """The process and all below it, but for those that it has just forked: their memory is still its own."""
    command = process.cmdline()
    return [process, *(each for each in process.children(recursive=True) if _has_own_command(each, command))]


def _has_own_command(process: psutil.Process, forker: list[str]) -> bool:
    try:
        return bool(process.cmdline() != forker)
    except psutil.NoSuchProcess:  # ended since the listing
        return False


@contextlib.contextmanager
def sampled_memory(processes: Callable[[], Sequence[psutil.Process]]) -> Iterator[MemoryPeak]:
    """The peak of what `processes` gives, looked at every 50 ms for as long as the context."""
    peak, over = MemoryPeak(), threading.Event()

    def sample() -> None:
        number = 0
        while not over.wait(_SECONDS):
            with contextlib.suppress(psutil.NoSuchProcess):  # ended between the listing and the look
                peak.add(processes(), with_shares=number % _SAMPLES_A_SHARE == 0)
                number += 1

    thread = threading.Thread(target=sample, daemon=True)
    thread.start()
    try:
        yield peak
    finally:
        over.set()
        thread.join()


def _label(process: psutil.Process) -> str:
    command = process.cmdline()
    name = "worker" if "worker" in command else "api" if "api" in command else "reader"
    return f"{name} {process.pid}"
