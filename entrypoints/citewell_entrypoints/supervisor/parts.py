"""The parts of a plan, as services."""

from __future__ import annotations

import os
import signal
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final
from urllib.parse import urlsplit

from citewell_entrypoints.supervisor.address import Address
from citewell_entrypoints.supervisor.children import Child, spawn
from citewell_entrypoints.supervisor.engine import Engine
from citewell_entrypoints.supervisor.parent import SUPERVISOR_VARIABLE
from citewell_entrypoints.supervisor.plan import Plan
from citewell_entrypoints.supervisor.postgres import PostgresServer
from citewell_entrypoints.supervisor.service import Service
from citewell_entrypoints.supervisor.valkey import ValkeyServer

__all__ = ["Parts", "build_parts"]

_PROBE_SECONDS: Final = 1.0


@dataclass(frozen=True, slots=True)
class Parts:
    """Everything that runs; `schema` runs once, before `workers` and `api`. `given` is run by others."""

    engines: Sequence[Engine]
    engine_services: Sequence[Service]
    schema: Service
    workers: Sequence[Service]
    api: Service
    given: Sequence[tuple[str, str]]

    @property
    def lasting(self) -> Sequence[Service]:
        """The services that are to run until the end."""
        return (*self.engine_services, *self.workers, self.api)

    @property
    def processes(self) -> Sequence[Service]:
        """The services that run our own programs."""
        return (self.schema, *self.workers, self.api)


def build_parts(plan: Plan, *, address: Address) -> Parts:
    """The parts of the plan; nothing is started."""
    postgres = None if plan.database_url else PostgresServer(plan.data_directory)
    valkey = None if plan.redis_url else ValkeyServer(plan.data_directory)
    environment = {
        # Threads that only wait would each get a heap of their own from glibc.
        "MALLOC_ARENA_MAX": "2",
        **os.environ,
        **plan.environment,
        "APP_DATA_DIR": str(plan.data_directory.resolve()),
        "APP_HOST": plan.host,
        "APP_PORT": str(plan.port),
        "APP_DATABASE_URL": plan.database_url or (postgres.url if postgres else ""),
        "APP_REDIS_URL": plan.redis_url or (valkey.url if valkey else ""),
        SUPERVISOR_VARIABLE: str(os.getpid()),
    }

    def process(name: str, command: Sequence[str]) -> Service:
        return _process(name, command, environment=environment)

    def api_answers() -> bool:
        return address.readiness(timeout_seconds=_PROBE_SECONDS) == 200

    engines: list[Engine] = [engine for engine in (postgres, valkey) if engine is not None]
    given = (("postgres", plan.database_url), ("valkey", plan.redis_url))
    names = ["worker"] if plan.workers == 1 else [f"worker {index + 1}" for index in range(plan.workers)]
    return Parts(
        engines=engines,
        engine_services=[_engine(engine) for engine in engines],
        schema=process("schema", plan.migrate),
        workers=[replace(process(name, plan.worker), word="started") for name in names],
        api=replace(process("api", plan.api), is_ready=api_answers),
        # Without the name and the password that may stand in the URL.
        given=[(name, urlsplit(url).hostname or "") for name, url in given if url],
    )


def _engine(engine: Engine) -> Service:
    return Service(
        name=engine.name,
        launch=engine.launch,
        is_ready=engine.is_ready,
        describe=engine.describe,
        last_words=lambda: f"the end of {engine.log.path}:\n{engine.log.tail()}",
        stop_signals=engine.stop_signals,
        owns_group=False,
    )


def _process(name: str, command: Sequence[str], *, environment: dict[str, str]) -> Service:
    def launch() -> Child:
        return spawn(command, death_signal=signal.SIGTERM, environment=environment, hold=True)

    return Service(
        name=name,
        launch=launch,
        is_ready=lambda: True,
        describe=lambda: "",
        last_words=lambda: "what it said stands above",
    )
