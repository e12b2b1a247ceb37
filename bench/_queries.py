"""The query endpoint under load, and beside it what PostgreSQL alone does with the same statements."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Final

import httpx
import psutil
from tests.e2e.serving import Service

from bench._client import Measured, load
from bench._figures import Ceiling, QueryFigure
from bench._memory import family
from bench._openloop import http_request
from bench._pgbench import Statement, find_pgbench, per_second, session_settings, statements_of
from citewell_entrypoints.supervisor.postgres import PostgresServer

__all__ = ["Asking", "Question", "Say", "measure_queries", "warm_up"]

#: Tells what is going on.
Say = Callable[[str], None]

_WARM_UP_CLIENTS: Final = 10
_WARM_UP_SECONDS: Final = 0.5
#: As many as the service has connections: more would only wait in PostgreSQL.
_CONNECTIONS: Final = 10


@dataclass(frozen=True, slots=True)
class Asking:
    """seconds: of each round, for each question and number of clients."""

    rounds: int
    seconds: float
    clients: Sequence[int]


@dataclass(frozen=True, slots=True)
class Question:
    """A kind of question. kept: whether a reply may be one that was made before; its ceiling is `/livez`."""

    name: str
    body: dict[str, Any]
    kept: bool = False

    @property
    def request(self) -> bytes:
        """As it goes over the wire."""
        return http_request("POST", "/api/v1/query", {**self.body, "cache": self.kept})


@dataclass
class _Series:
    question: Question
    clients: int
    found: list[Measured] = field(default_factory=list)
    ceiling: list[float] = field(default_factory=list)

    def figure(self, what: str, missing: str) -> QueryFigure:
        return QueryFigure(
            self.question.name,
            self.clients,
            per_second=[one.per_second for one in self.found],
            p50=[one.p50 for one in self.found],
            p95=[one.p95 for one in self.found],
            p99=[one.p99 for one in self.found],
            cpu=[one.cpu for one in self.found],
            client_cpu=[one.client_cpu for one in self.found],
            ceiling=Ceiling(what, self.ceiling, missing),
        )


def warm_up(service: Service, questions: Sequence[Question]) -> None:
    """So that statements are planned, and connections open."""
    for question in questions:
        load(_port(service), question.request, clients=_WARM_UP_CLIENTS, seconds=_WARM_UP_SECONDS)


def measure_queries(
    service: Service, questions: Sequence[Question], asking: Asking, *, say: Say
) -> list[QueryFigure]:
    """Each question by each number of clients, with its ceiling right behind it, round by round."""
    port = _port(service)
    tops = [_ceiling_of(service, question) for question in questions]
    series = [[_Series(question, clients) for clients in asking.clients] for question in questions]
    for number in range(1, asking.rounds + 1):
        for top, row in zip(tops, series, strict=True):
            for one in row:
                measured = load(
                    port,
                    one.question.request,
                    clients=one.clients,
                    seconds=asking.seconds,
                    cpu_seconds=partial(_cpu_seconds, service),
                )
                one.found.append(measured)
                if top.measure is not None:
                    one.ceiling.append(top.measure(one.clients, asking.seconds))
                say(f"round {number}, {one.question.name}, {one.clients}: {measured.per_second:.0f} a second")
    return [one.figure(top.what, top.missing) for top, row in zip(tops, series, strict=True) for one in row]


@dataclass(frozen=True, slots=True)
class _Ceiling:
    """measure: by the number of clients and the seconds, in requests a second; None if nothing can."""

    what: str
    measure: Callable[[int, float], float] | None
    missing: str = ""


def _ceiling_of(service: Service, question: Question) -> _Ceiling:
    if question.kept:
        port, request = _port(service), http_request("GET", "/livez", None)
        return _Ceiling(
            "/livez",
            lambda clients, seconds: load(port, request, clients=clients, seconds=seconds).per_second,
        )
    pgbench = find_pgbench()
    if pgbench is None:
        return _Ceiling("pgbench", None, "no pgbench")
    server = PostgresServer(service.data_dir)
    settings = asyncio.run(session_settings(server.url))
    statements = _statements(service, question, server.url, server.log.path)

    def measure(clients: int, seconds: float) -> float:
        connections = min(clients, _CONNECTIONS)
        return per_second(
            pgbench, server.url, statements, settings=settings, clients=connections, seconds=seconds
        )

    return _Ceiling("pgbench", measure)


def _statements(service: Service, question: Question, url: str, log: Path) -> list[Statement]:
    with httpx.Client(base_url=service.url, timeout=60) as client:

        def ask() -> None:
            body = {**question.body, "cache": False}
            client.post("/api/v1/query", json=body).raise_for_status()
            time.sleep(0.05)  # until the log is written

        for _ in range(3):
            ask()
        found = statements_of(url, log, ask)
    if not found:
        raise SystemExit(f"PostgreSQL has logged no statement of the question {question.name!r}")
    return found


def _port(service: Service) -> int:
    return int(service.url.rpartition(":")[2])


def _cpu_seconds(service: Service) -> float:
    """Of the service with all its processes, PostgreSQL's too."""
    total = 0.0
    for process in family(psutil.Process(service.process.pid)):
        try:
            times = process.cpu_times()
        except psutil.NoSuchProcess:
            continue
        total += times.user + times.system
    return total
