"""Requests on top of what can be done: refused at once, class by class, before they are read."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, cast

import pytest
from tests.http_app import API, http_scope

from citewell_entrypoints.gates import Gate
from citewell_entrypoints.http.metrics import Metrics
from citewell_entrypoints.http.middleware import EveryRequest
from citewell_entrypoints.http.shedding import RequestClass, Shedding

QUERY = ("POST", f"{API}/query")
UPLOAD = ("POST", f"{API}/documents")
READ = ("GET", f"{API}/documents")


@dataclass
class Application:
    """Answers once it is told to; `busy` are the requests that it is at."""

    may_answer: asyncio.Event = field(default_factory=asyncio.Event)
    may_end: asyncio.Event = field(default_factory=asyncio.Event)
    busy: int = 0
    bodies: list[bytes] = field(default_factory=list)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.busy += 1
        if scope["method"] == "POST":
            body, more = b"", True
            while more:
                message = await receive()
                body, more = body + message.get("body", b""), message.get("more_body", False)
            self.bodies.append(body)
        await self.may_answer.wait()
        self.busy -= 1
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await self.may_end.wait()
        await send({"type": "http.response.body", "body": b"", "more_body": False})


class Caller:
    """Sends one request: a body in pieces, where "…" stands for one that does not come."""

    def __init__(self, method: str, path: str, body: Sequence[bytes | None] = (b"{}",)) -> None:
        self.scope = http_scope(method, path)
        self._pieces = list(body)
        self.asked = 0
        self.status = 0
        self.headers: dict[bytes, bytes] = {}
        self.content = b""

    async def receive(self) -> dict[str, Any]:
        self.asked += 1
        piece = self._pieces.pop(0)
        if piece is None:
            await asyncio.sleep(3600)
        return {"type": "http.request", "body": piece, "more_body": bool(self._pieces)}

    async def send(self, message: Any) -> None:
        if message["type"] == "http.response.start":
            self.status, self.headers = message["status"], dict(message["headers"])
        else:
            self.content += message["body"]

    @property
    def problem(self) -> str:
        return str(json.loads(self.content)["type"]).rpartition(":")[2]


class Server:
    """The layers around an application, as the API has them, with one place and one that waits."""

    def __init__(self, *, waiting_seconds: float = 30.0, body_seconds: float = 30.0) -> None:
        self.application = Application()
        self.metrics = Metrics()
        self.gates = {
            name: Gate(running=1, waiting=1, waiting_seconds=waiting_seconds) for name in RequestClass
        }
        gated = Shedding(self.application, gates=self.gates, metrics=self.metrics, body_seconds=body_seconds)
        self._app = cast("Any", EveryRequest(gated, metrics=self.metrics))

    async def call(self, caller: Caller) -> Caller:
        await asyncio.wait_for(self._app(caller.scope, caller.receive, caller.send), 10)
        return caller

    async def begin(self, *callers: Caller) -> list[asyncio.Task[Caller]]:
        """Let each come as far as it does by itself."""
        tasks = [asyncio.create_task(self.call(caller)) for caller in callers]
        for _ in range(10):
            await asyncio.sleep(0)
        return tasks

    async def finish(self, tasks: list[asyncio.Task[Caller]]) -> None:
        self.application.may_answer.set()
        self.application.may_end.set()
        await asyncio.gather(*tasks)

    def metric(self, name: str, request_class: str) -> float | None:
        return self.metrics.registry.get_sample_value(
            f"citewell_http_requests_{name}", {"class": request_class}
        )


@pytest.mark.parametrize(
    ("request_line", "name"), [(QUERY, "queries"), (UPLOAD, "uploads"), (READ, "others")]
)
async def test_who_is_one_too_many_is_refused_unread(request_line: tuple[str, str], name: str) -> None:
    """503 with Retry-After and a type of its own, the body not touched; the others are served."""
    server = Server()
    tasks = await server.begin(Caller(*request_line), Caller(*request_line))
    assert (server.metric("running", name), server.metric("waiting", name)) == (1, 1)
    refused = await server.call(Caller(*request_line))
    assert (refused.status, refused.asked, refused.problem) == (503, 0, "overloaded")
    assert refused.headers[b"retry-after"] == b"2"
    assert refused.headers[b"content-type"] == b"application/problem+json"
    assert refused.headers[b"x-request-id"].decode() == json.loads(refused.content)["request_id"]
    assert server.metric("shed_total", name) == 1
    await server.finish(tasks)
    assert [task.result().status for task in tasks] == [200, 200]
    assert (server.metric("running", name), server.metric("waiting", name)) == (0, 0)


async def test_one_class_does_not_wait_for_another() -> None:
    """Questions up to the brim leave uploads and reads alone."""
    server = Server()
    questions = [Caller(*QUERY), Caller("POST", f"{API}/recall"), Caller("POST", f"{API}/query/")]
    others = [Caller(*UPLOAD), Caller("PUT", f"{API}/documents/1"), Caller(*READ)]
    tasks = await server.begin(*questions, *others)
    assert questions[2].status == 503
    # One of each runs; the second upload waits.
    assert (server.application.busy, server.gates[RequestClass.UPLOADS].waiting) == (3, 1)
    await server.finish(tasks)
    assert [caller.status for caller in others] == [200, 200, 200]


@pytest.mark.parametrize("path", ["/livez", "/readyz", "/metrics", "/schema", "/", "/nothing"])
async def test_what_looks_after_the_service_passes_by(path: str) -> None:
    """However full it is."""
    server = Server()
    tasks = await server.begin(*(Caller(*line) for line in (QUERY, UPLOAD, READ) for _ in range(3)))
    tasks += await server.begin(*(Caller("GET", path) for _ in range(5)))
    assert server.application.busy == 3 + 5
    await server.finish(tasks)
    assert [task.result().status for task in tasks[-5:]] == [200] * 5


async def test_who_waits_too_long_is_refused() -> None:
    """With the same reply, and without the application having seen it."""
    server = Server(waiting_seconds=0.01)
    tasks = await server.begin(Caller(*QUERY))
    late = await server.call(Caller(*QUERY))
    assert (late.status, late.problem) == (503, "overloaded")
    assert server.application.busy == 1
    await server.finish(tasks)


async def test_who_sends_or_reads_slowly_holds_no_place() -> None:
    """Questions have theirs from the end of their body to the beginning of their reply."""
    server = Server()
    slow = await server.begin(*(Caller(*QUERY, body=[b"{", None, b"}"]) for _ in range(5)))
    assert server.gates[RequestClass.QUERIES].running == 0
    server.application.may_answer.set()
    slow += await server.begin(*(Caller(*QUERY) for _ in range(5)))
    quick = slow[-5:]
    assert [task.done() for task in quick] == [False] * 5
    assert server.gates[RequestClass.QUERIES].running == 0
    for task in slow[:5]:
        task.cancel()
    await server.finish(quick)
    assert [task.result().status for task in quick] == [200] * 5


async def test_a_question_in_pieces_arrives_whole() -> None:
    """What was read to see its end is read again; of a body that is too long the rest is left."""
    server = Server()
    server.application.may_answer.set()
    server.application.may_end.set()
    await server.call(Caller(*QUERY, body=[b'{"question"', b": ", b'"lamp"}']))
    await server.call(Caller(*QUERY, body=[b"x" * (1 << 20), b"yy", b"zz"]))
    assert server.application.bodies[0] == b'{"question": "lamp"}'
    assert server.application.bodies[1] == b"x" * (1 << 20) + b"yyzz"


@pytest.mark.parametrize("request_line", [QUERY, UPLOAD])
async def test_a_body_that_does_not_come_is_ended(request_line: tuple[str, str]) -> None:
    """408, whether the body is read here or by what takes the upload; the connection ends with it."""
    server = Server(body_seconds=0.02)
    caller = await server.call(Caller(*request_line, body=[b"{", None, b"}"]))
    assert (caller.status, caller.problem) == (408, "body-too-slow")
    assert caller.headers[b"connection"] == b"close"
    assert server.gates[RequestClass.UPLOADS].running == 0


async def test_a_body_that_comes_steadily_is_waited_for() -> None:
    """Each thousand bytes are a second more."""
    server = Server(body_seconds=0.02)
    server.application.may_answer.set()
    server.application.may_end.set()

    class Steady(Caller):
        async def receive(self) -> dict[str, Any]:
            await asyncio.sleep(0.015)
            return await super().receive()

    caller = await server.call(Steady(*UPLOAD, body=[b"x" * 200] * 5))
    assert caller.status == 200
    caller = await server.call(Steady(*UPLOAD, body=[b"x"] * 5))
    assert caller.status == 408
