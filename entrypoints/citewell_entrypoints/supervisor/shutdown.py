"""Stops everything, in order, within ten seconds."""

from __future__ import annotations

import contextlib
import signal
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from citewell_entrypoints.supervisor.console import Console
from citewell_entrypoints.supervisor.records import kill_group
from citewell_entrypoints.supervisor.service import Service
from citewell_entrypoints.supervisor.signals import StopSignals

__all__ = ["Stage", "shut_down"]

_HASTENED_SECONDS: Final = 0.5
_POLL_SECONDS: Final = 0.05
_KILLED_SECONDS: Final = 1.0


@dataclass(frozen=True, slots=True)
class Stage:
    """Services that stop together; `deadlines` are in seconds since the stop began, one for each signal."""

    services: Sequence[Service]
    deadlines: Sequence[float]


def shut_down(stages: Sequence[Stage], *, signals: StopSignals, console: Console) -> None:
    """End the services stage by stage; one more request to stop cuts the waiting short.

    What does not end by its last deadline is killed. A stage that is quick leaves its time to the next.
    """
    began = time.monotonic()
    requests = signals.requests
    for stage in stages:
        running = [service for service in stage.services if service.is_running]
        for step, seconds in enumerate(stage.deadlines):
            _send(running, step)
            _wait(running, began + seconds, signals=signals, patient_requests=requests)
        _kill(running)
        for service in running:
            console.line(service.name, "stopped")


def _send(services: Sequence[Service], step: int) -> None:
    for service in services:
        if service.child is not None and service.is_running:
            with contextlib.suppress(ProcessLookupError):
                service.child.send_signal(service.stop_signals[step])
                # A process that was suspended would not see the signal.
                service.child.send_signal(signal.SIGCONT)


def _wait(
    services: Sequence[Service], deadline: float, *, signals: StopSignals, patient_requests: int
) -> None:
    hastened = False
    while any(service.is_running for service in services):
        if not hastened and signals.requests > patient_requests:
            hastened = True
            deadline = min(deadline, time.monotonic() + _HASTENED_SECONDS)
        left = deadline - time.monotonic()
        if left <= 0:
            return
        signals.wait(min(left, _POLL_SECONDS))


def _kill(services: Sequence[Service]) -> None:
    for service in services:
        if service.child is None:
            continue
        if service.is_running:
            service.child.kill()
        if service.owns_group:
            kill_group(service.child.pid)
        service.let_go()
        with contextlib.suppress(subprocess.TimeoutExpired):
            service.child.wait(_KILLED_SECONDS)
