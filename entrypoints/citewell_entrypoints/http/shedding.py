"""What comes on top of what can be done is refused with 503 at once, so that what was accepted stays quick.

Each class of requests has a gate of its own, so none of them waits for another. What the health checks and
pages need is not scarce: they pass by.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Mapping
from enum import Enum
from typing import Final

import structlog
from litestar.enums import ScopeType
from litestar.types import ASGIApp, HTTPReceiveMessage, HTTPScope, Message, Receive, Scope, Send

from citewell_entrypoints.gates import Gate, Overloaded, Place
from citewell_entrypoints.http.bodies import MAX_JSON_BYTES
from citewell_entrypoints.http.failures import send_problem
from citewell_entrypoints.http.metrics import Metrics
from citewell_entrypoints.http.problems import OVERLOADED, HttpProblem
from citewell_entrypoints.http.query import QUERY_PATH
from citewell_entrypoints.http.slow_bodies import BODY_SECONDS, TimedBody
from citewell_entrypoints.http.whole_replies import WHOLE
from citewell_entrypoints.settings import Settings

__all__ = ["RequestClass", "Shedding", "gates_of", "was_shed"]

_API: Final = "/api/v1/"
_QUESTIONS: Final = frozenset({QUERY_PATH, "/api/v1/recall"})
_DOCUMENTS: Final = "/api/v1/documents"
_WITH_BODY: Final = frozenset({"POST", "PUT"})
#: Connections of the pool that the defaults assume to be busy with a class; a question also takes processor.
_QUESTIONS_PER_CONNECTION: Final = 4
_OTHERS_PER_CONNECTION: Final = 2
#: How often it is logged that requests are refused.
_LOG_SECONDS: Final = 10.0
_KEY: Final = "citewell.shed"
#: The messages that a reply begins with.
_BEGINNINGS: Final = frozenset({"http.response.start", WHOLE})
_DETAIL: Final = f"{OVERLOADED.title}. {OVERLOADED.advice}"

_log = structlog.get_logger("citewell.http")


class RequestClass(Enum):
    """What requests are told apart by."""

    QUERIES = "queries"
    UPLOADS = "uploads"
    #: Reads, and what changes documents without bringing any.
    OTHERS = "others"


def gates_of(settings: Settings) -> Mapping[RequestClass, Gate]:
    """The gates that the settings describe."""
    connections = settings.database_pool_size
    places = {
        RequestClass.QUERIES: settings.query_concurrency or connections * _QUESTIONS_PER_CONNECTION,
        RequestClass.UPLOADS: settings.upload_concurrency or connections * _OTHERS_PER_CONNECTION,
        RequestClass.OTHERS: settings.read_concurrency or connections * _OTHERS_PER_CONNECTION,
    }
    return {
        name: Gate(
            running=running,
            waiting=running * settings.waiting_factor,
            waiting_seconds=settings.waiting_seconds,
        )
        for name, running in places.items()
    }


def was_shed(scope: Scope) -> bool:
    """Whether the request was refused here."""
    return _KEY in scope


class Shedding:
    """Pure ASGI, around the framework: to refuse a request must cost much less than to answer it.

    A place is held until the reply begins: neither who sends slowly nor who reads slowly holds one. But an
    upload is nothing but its sending: it holds its place all the time, which TimedBody bounds.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        gates: Mapping[RequestClass, Gate],
        metrics: Metrics,
        body_seconds: float = BODY_SECONDS,
    ) -> None:
        self._app = app
        self._gates = gates
        self._shed = {name: metrics.watch_gate(name.value, gate) for name, gate in gates.items()}
        self._body_seconds = body_seconds
        self._log_again_at = 0.0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request_class = _class_of(scope) if scope["type"] == ScopeType.HTTP else None
        if request_class is None or scope["type"] != ScopeType.HTTP:
            await self._app(scope, receive, send)
            return
        gate = self._gates[request_class]
        if gate.is_full:
            await self._refuse(request_class, scope, send)
            return
        try:
            if scope["method"] in _WITH_BODY:
                receive = TimedBody(receive, body_seconds=self._body_seconds).receive
            if request_class is RequestClass.QUERIES:
                receive = await _with_whole_body(receive)
            async with Place(gate) as place:
                await self._app(scope, receive, _until_reply(place, send))
        except Overloaded:
            await self._refuse(request_class, scope, send)
        except HttpProblem as problem:
            _name_route(scope)
            await send_problem(problem, scope, send)

    async def _refuse(self, request_class: RequestClass, scope: HTTPScope, send: Send) -> None:
        scope[_KEY] = True  # type: ignore[typeddict-unknown-key]
        _name_route(scope)
        self._shed[request_class].inc()
        now = time.monotonic()
        if now >= self._log_again_at:
            self._log_again_at = now + _LOG_SECONDS
            _log.warning("requests are refused: too many come at once", request_class=request_class.value)
        await send_problem(HttpProblem(OVERLOADED, _DETAIL), scope, send)


def _name_route(scope: HTTPScope) -> None:
    """For the metrics: the framework, which does so for other requests, has not seen this one."""
    if scope["path"] in _QUESTIONS:
        scope["path_template"] = scope["path"]


def _class_of(scope: HTTPScope) -> RequestClass | None:
    """The class of a request, None if it passes by."""
    path, method = scope["path"], scope["method"]
    if not path.startswith(_API):
        return None
    if method == "POST":
        path = path.rstrip("/")
        if path in _QUESTIONS:
            return RequestClass.QUERIES
        return RequestClass.UPLOADS if path == _DOCUMENTS else RequestClass.OTHERS
    return RequestClass.UPLOADS if method == "PUT" else RequestClass.OTHERS


async def _with_whole_body(receive: Receive) -> Receive:
    """What receives the request anew, its body being here. Of one that is too long the rest is left."""
    messages = deque([await receive()])
    size = 0
    while messages[-1]["type"] == "http.request" and messages[-1]["more_body"] and size <= MAX_JSON_BYTES:
        size += len(messages[-1]["body"])
        messages.append(await receive())

    async def again() -> HTTPReceiveMessage:
        return messages.popleft() if messages else await receive()  # type: ignore[return-value]

    return again


def _until_reply(place: Place, send: Send) -> Send:
    async def passed(message: Message) -> None:
        if message["type"] in _BEGINNINGS:
            place.let_go()
        await send(message)

    return passed
