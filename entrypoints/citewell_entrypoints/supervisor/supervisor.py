"""Runs the parts of Citewell as children of one process: what `citewell serve` does."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import Final

from citewell_entrypoints.supervisor.address import Address
from citewell_entrypoints.supervisor.console import Console
from citewell_entrypoints.supervisor.datadir import hold_data_directory
from citewell_entrypoints.supervisor.errors import PartFailed, SupervisorError
from citewell_entrypoints.supervisor.parts import Parts, build_parts
from citewell_entrypoints.supervisor.plan import Plan
from citewell_entrypoints.supervisor.records import ChildRecords, kill_group
from citewell_entrypoints.supervisor.restarts import RestartPolicy
from citewell_entrypoints.supervisor.service import Service, State
from citewell_entrypoints.supervisor.shutdown import Stage, shut_down
from citewell_entrypoints.supervisor.signals import StopSignals
from citewell_entrypoints.supervisor.sockets import remove_outside_socket_folder

__all__ = ["supervise"]

_STARTING_PAUSE_SECONDS: Final = 0.015
_IDLE_PAUSE_SECONDS: Final = 30.0
_SLOW_SECONDS: Final = 10.0


def supervise(plan: Plan) -> int:
    """Run everything until it is told to stop by SIGINT, SIGTERM or SIGHUP; the exit code of the process.

    0 after a requested stop. 1, and one clear message on standard error, if it could not start, or if a part
    ended again and again. Nothing is left running in any case. Call from the main thread.
    """
    address = Address(plan.host, plan.port)
    directory = plan.data_directory
    try:
        with StopSignals() as signals, hold_data_directory(directory, address=address.url):
            records = ChildRecords(directory / "processes")
            records.stop_leftovers()
            address.check_free()
            parts = build_parts(plan, address=address)
            for engine in parts.engines:
                engine.check()
            Supervisor(parts, signals, records, Console(sys.stdout)).run(address.url)
            records.clear()
            remove_outside_socket_folder(directory)
    except (SupervisorError, OSError) as error:
        # An OSError names the path: a full disk, say, or a folder that was taken away.
        sys.stderr.write(f"Error: {error}\n")
        return 1
    return 0


class _StopRequested(Exception):
    """Somebody wants us to stop."""


class Supervisor:
    """Starts the parts in order, starts them again when they end, and stops them in order."""

    def __init__(self, parts: Parts, signals: StopSignals, records: ChildRecords, console: Console) -> None:
        self._parts = parts
        self._signals = signals
        self._records = records
        self._console = console
        self._is_up = False

    def run(self, url: str) -> None:
        """Run until a stop is requested. Raises SupervisorError if it cannot start or go on."""
        began = time.monotonic()
        try:
            self._start()
            self._is_up = True
            self._console.line("citewell", "ready", f"{url} (after {time.monotonic() - began:.1f} s)")
            self._until(lambda: False)
        except _StopRequested:
            self._console.line("citewell", "stopping")
        finally:
            self._stop()

    def _start(self) -> None:
        parts = self._parts
        for name, host in parts.given:
            self._console.line(name, "given", host)
        # Our own load their programs meanwhile, and wait: the schema for the engines, the others for it.
        for service in (*parts.engine_services, parts.schema, parts.api, *parts.workers):
            self._launch(service)
        for service in parts.engine_services:
            service.let_go()
        self._until(lambda: all(service.state is State.READY for service in parts.engine_services))
        parts.schema.let_go()
        self._until(lambda: not parts.schema.is_running)
        if parts.schema.child is None or parts.schema.child.returncode != 0:
            raise PartFailed(
                f"bringing the schema up to date {parts.schema.ending}; {parts.schema.last_words()}"
            )
        parts.schema.state = State.ENDED
        self._console.line("schema", "ready")
        for service in (*parts.workers, parts.api):
            service.let_go()
        self._until(lambda: parts.api.state is State.READY)

    def _until(self, condition: Callable[[], bool]) -> None:
        """Look after the parts until the condition holds. Raises _StopRequested."""
        while not condition():
            for service in self._parts.lasting:
                self._look_after(service)
            for engine in self._parts.engines:
                engine.log.trim()
            if condition():
                return
            self._signals.wait(self._pause())
            if self._signals.requests:
                raise _StopRequested

    def _pause(self) -> float:
        now = time.monotonic()
        pauses = [_IDLE_PAUSE_SECONDS]
        for service in (*self._parts.lasting, self._parts.schema):
            if service.state is State.STARTING:
                pauses.append(_STARTING_PAUSE_SECONDS)
            elif service.state is State.RESTING:
                pauses.append(service.since - now)
        return max(0.0, min(pauses))

    def _look_after(self, service: Service) -> None:
        if service.state in (State.STARTING, State.READY) and not service.is_running:
            self._ended(service)
        elif service.state is State.STARTING and service.released and service.is_ready():
            service.state = State.READY
            self._console.line(service.name, service.word, service.describe())
        elif service.state is State.STARTING and time.monotonic() > service.since + _SLOW_SECONDS:
            service.since = time.monotonic()
            self._console.line(service.name, "starting", "takes its time")
        elif service.state is State.RESTING and time.monotonic() >= service.since:
            self._launch(service)
            service.let_go()

    def _launch(self, service: Service) -> None:
        service.start()
        children = [part.child for part in self._parts.processes if part.is_running]
        self._records.write([child.pid for child in children if child is not None])

    def _ended(self, service: Service) -> None:
        if service.owns_group and service.child is not None:
            kill_group(service.child.pid)
        service.let_go()
        if not self._is_up:
            raise PartFailed(f"{service.name} {service.ending} while starting; {service.last_words()}")
        delay = service.rest()
        if delay is None:
            raise PartFailed(
                f"{service.name} ended {RestartPolicy.MAX_ENDS} times within "
                f"{RestartPolicy.WINDOW_SECONDS:g} seconds, so everything was stopped; "
                f"it last {service.ending}; {service.last_words()}"
            )
        self._console.line(service.name, "ended", f"{service.ending}; starts again in {delay:g} s")

    def _stop(self) -> None:
        parts = self._parts
        engines = {service.name: service for service in parts.engine_services}
        # Within ten seconds, and what must be killed takes a moment too.
        stages = [
            Stage([parts.api], [2.5]),
            Stage([*parts.workers, parts.schema], [6.8]),
            Stage([engines[name] for name in ["valkey"] if name in engines], [7.4]),
            Stage([engines[name] for name in ["postgres"] if name in engines], [9.0, 9.5]),
        ]
        shut_down(stages, signals=self._signals, console=self._console)
