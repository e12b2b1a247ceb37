"""What a running service takes: time to start, and memory."""

from __future__ import annotations

import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
from tests.e2e.serving import Service, serving

from bench._figures import Figure
from bench._memory import family

__all__ = ["api_memory", "help_figure", "later_starts", "memory_figures", "timed_start"]

_HELP_RUNS = 5


@contextmanager
def timed_start(folder: Path, starts: list[float], **settings: str) -> Iterator[Service]:
    """The service with its data in the folder; the seconds until it is ready are added to `starts`."""
    folder.mkdir(exist_ok=True)
    began = time.perf_counter()
    # As many API processes as there are by default.
    with serving(folder, APP_LOG_LEVEL="warning", APP_API_PROCESSES="", **settings) as service:
        starts.append(time.perf_counter() - began)
        yield service


def later_starts(folder: Path, *, rounds: int, **settings: str) -> Figure:
    """Starts on what is in the folder."""
    starts: list[float] = []
    for _ in range(rounds):
        with timed_start(folder, starts, **settings):
            pass
    return Figure("later start, until `/readyz` is 200", "s", starts)


def help_figure() -> Figure:
    """What somebody waits for who asks for help."""
    times: list[float] = []
    for _ in range(_HELP_RUNS):
        began = time.perf_counter()
        command = [sys.executable, "-m", "citewell_entrypoints.cli", "--help"]
        subprocess.run(command, stdout=subprocess.DEVNULL, check=True)
        times.append(time.perf_counter() - began)
    return Figure("`citewell --help`", "s", times)


def memory_figures(service: Service) -> list[Figure]:
    """Of each kind of process, its share of common pages counted in proportion where the system tells."""
    supervisor = psutil.Process(service.process.pid)
    sums: Counter[str] = Counter()
    counts: Counter[str] = Counter()
    for process in family(supervisor):
        try:
            kind = "supervisor" if process == supervisor else _kind(process)
            full = process.memory_full_info()
        except psutil.NoSuchProcess:
            continue
        sums[kind] += getattr(full, "pss", full.rss)
        counts[kind] += 1
    return [
        Figure(f"memory of {kind} ({counts[kind]})", "MB", [size / 1e6])
        for kind, size in sorted(sums.items())
    ]


def api_memory(service: Service) -> float:
    """Resident memory of the API's largest process, in MB."""
    processes = family(psutil.Process(service.process.pid))
    sizes: list[int] = [each.memory_info().rss for each in processes if _kind(each) == "api"]
    return max(sizes) / 1e6


def _kind(process: psutil.Process) -> str:
    command = process.cmdline()
    for kind in ("api", "worker"):
        if kind in command:
            return kind
    name = process.name()
    return next((kind for kind in ("postgres", "valkey") if kind in name), "readers of files")
