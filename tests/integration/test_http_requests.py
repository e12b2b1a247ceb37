"""What every request gets: an id, a log line, headers, and a problem where nothing else answers."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
import structlog
from structlog.testing import capture_logs
from structlog.typing import EventDict
from tests.http_app import API, Served, served

from citewell_entrypoints.http.middleware import EveryRequest


@pytest_asyncio.fixture(loop_scope="session")
async def service(tmp_path: Path) -> AsyncIterator[Served]:
    async with served(tmp_path) as running:
        yield running


@pytest.mark.parametrize("given", ["a", "0199c1f0-7d6e.X_1", "x" * 128])
async def test_a_request_id_is_kept(service: Served, given: str) -> None:
    """1-128 of letters, digits, `.`, `_` and `-`: in the reply, and in a problem."""
    reply = await service.client.get("/nowhere", headers={"X-Request-ID": given})
    assert reply.headers["x-request-id"] == reply.json()["request_id"] == given


@pytest.mark.parametrize("given", [None, "", "a b", "x" * 129, "a/b", "ü".encode(), b"a\tb"])
async def test_a_request_without_a_fit_id_gets_one(service: Served, given: str | bytes | None) -> None:
    """Nothing that could break a log line or a header comes through."""
    headers: Any = {} if given is None else {"X-Request-ID": given}
    ids = [(await service.client.get("/livez", headers=headers)).headers["x-request-id"] for _ in range(2)]
    assert all(re.fullmatch("[0-9a-f]{32}", id_) for id_ in ids)
    assert ids[0] < ids[1]


async def test_replies_carry_headers_that_hold_browsers_back(service: Served) -> None:
    """Good ones and bad ones, and those that no route answered."""
    for path in ("/livez", "/nowhere", f"{API}/documents", f"{API}/documents?limit=0"):
        headers = (await service.client.get(path)).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["content-security-policy"] == "default-src 'none'; frame-ancestors 'none'"
        assert headers["referrer-policy"] == "no-referrer"


async def test_an_unknown_address_is_a_problem(service: Served) -> None:
    """404, with where the addresses are."""
    for path in ("/nowhere", "/api/v1", "/api/v2/query", "/schema/nowhere", "/schema/assets/x"):
        reply = await service.client.get(path)
        assert (reply.status_code, reply.headers["content-type"]) == (404, "application/problem+json")
        problem = reply.json()
        assert problem["type"] == "urn:citewell:problem:route-not-found"
        assert (problem["status"], problem["instance"]) == (404, path)
        assert "/schema" in problem["detail"]


async def test_an_unknown_method_is_a_problem(service: Served) -> None:
    """405, with Allow."""
    for method, path in [("PUT", "/livez"), ("GET", f"{API}/query"), ("TRACE", f"{API}/documents")]:
        reply = await service.client.request(method, path)
        assert (reply.status_code, reply.headers["content-type"]) == (405, "application/problem+json")
        assert reply.json()["type"] == "urn:citewell:problem:method-not-allowed"
        assert reply.headers["allow"]


async def test_a_wrong_host_header_is_a_problem(service: Served) -> None:
    """400, not an error of the server."""
    reply = await service.client.get("/livez", headers={"Host": "a b"})
    assert (reply.status_code, reply.headers["content-type"]) == (400, "application/problem+json")


async def lines_of(service: Served, method: str, path: str, **arguments: Any) -> list[EventDict]:
    with capture_logs(processors=[structlog.contextvars.merge_contextvars]) as lines:
        await service.client.request(method, path, **arguments)
    return lines


async def test_a_request_is_one_line_in_the_log(service: Served) -> None:
    """Method, route, path, status, duration, bytes and id."""
    path = f"{API}/documents/0199c1f0-7d6e-7c3a-9b57-2f6f3c1f9a10"
    [line] = await lines_of(service, "GET", path, headers={"X-Request-ID": "r1"})
    assert line.pop("duration_ms") >= 0
    assert line.pop("bytes") > 100
    assert line == {
        "event": "request", "log_level": "info", "method": "GET", "route": f"{API}/documents/{{document_id}}",
        "path": path, "status": 404, "request_id": "r1",
    }  # fmt: skip


async def test_what_machines_ask_every_second_is_no_line_at_info(service: Served) -> None:
    """/livez, /readyz and /metrics are logged at debug."""
    for path in ("/livez", "/readyz", "/metrics"):
        assert [line["log_level"] for line in await lines_of(service, "GET", path)] == ["debug"]


async def test_a_path_cannot_steer_a_terminal(service: Served) -> None:
    """What cannot be printed is percent-encoded in the log."""
    [line] = await lines_of(service, "GET", "/a%1b%5b2Jb%0Ac")
    assert line["path"] == "/a%1B%5B2Jb%0Ac"


@pytest.mark.parametrize("length", ["9" * 5_000, "x", "-1", ""])
async def test_a_content_length_that_is_none_is_no_trouble(service: Served, length: str) -> None:
    """Servers refuse most of them; what comes through is measured, not believed."""
    reply = await service.client.post(
        f"{API}/query", content=b'{"question": "x"}', headers={"Content-Length": length}
    )
    assert reply.status_code == 200


async def test_an_error_nobody_thought_of_is_logged_with_its_trace(service: Served) -> None:
    """500 without a trace for the caller; the trace, under the same id, for the log."""
    service.house.embedder.failures.append(ZeroDivisionError("by zero"))
    lines = await lines_of(
        service, "POST", f"{API}/query", json={"question": "x"}, headers={"X-Request-ID": "r2"}
    )
    [error] = [line for line in lines if line["log_level"] == "error"]
    assert isinstance(error["exc_info"], ZeroDivisionError)
    assert error["request_id"] == "r2"
    assert [line["status"] for line in lines if line["event"] == "request"] == [500]


async def test_one_request_does_not_see_what_another_bound(service: Served) -> None:
    """A server may run requests of one connection in one context."""
    structlog.contextvars.bind_contextvars(document_id="of another request")
    [line] = await lines_of(service, "GET", "/nowhere")
    assert "document_id" not in line


async def test_a_connection_of_another_protocol_passes() -> None:
    """Only HTTP has requests."""
    seen: list[Any] = []

    async def application(scope: Any, receive: Any, send: Any) -> None:
        seen.append(scope["type"])

    middleware: Any = EveryRequest(application, metrics=None)  # type: ignore[arg-type]
    await middleware({"type": "websocket"}, None, None)
    assert seen == ["websocket"]
