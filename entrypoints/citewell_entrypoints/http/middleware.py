"""What surrounds every request: its id, its log line, its metrics, and the headers of every reply."""

from __future__ import annotations

import re
import time
from functools import lru_cache
from typing import Final
from urllib.parse import quote

import structlog
from litestar.enums import ScopeType
from litestar.types import ASGIApp, HTTPScope, Message, Receive, Scope, Send

from citewell_entrypoints.http.lingering import LingeringClose
from citewell_entrypoints.http.metrics import Metrics
from citewell_entrypoints.http.request_ids import HEADER, accepted_or_new, set_request_id
from citewell_entrypoints.http.shedding import was_shed
from citewell_entrypoints.http.whole_replies import SendWhole, is_whole, send_whole_of, without_whole

__all__ = ["EveryRequest"]

_POLICY: Final = b"content-security-policy"
_HEADERS: Final = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"same-origin"),
)
#: Replies are data, not pages; the pages there are say what they may load.
_NOTHING_IS_LOADED: Final = (_POLICY, b"default-src 'none'; frame-ancestors 'none'")
_LINES: Final = b"".join(b"%b: %b\r\n" % header for header in (*_HEADERS, _NOTHING_IS_LOADED))
#: A server throws smaller bodies away by itself.
_LARGE_BYTES: Final = 65_536
_UNMATCHED: Final = "unmatched"
#: Asked every few seconds, by machines.
_QUIET_ROUTES: Final = frozenset({"/livez", "/readyz", "/metrics"})
#: No reply was sent: the caller had gone, or the server stopped.
_NO_REPLY: Final = 499

#: The headers of a request that matter here.
_READ: Final = frozenset({HEADER, b"content-length", b"transfer-encoding", b"expect"})

_log = structlog.get_logger("citewell.access")


class EveryRequest:
    """Pure ASGI, outside of the framework, so that it also sees what no route answers."""

    def __init__(self, app: ASGIApp, *, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != ScopeType.HTTP:
            await self._app(scope, receive, send)
            return
        head = {name: value for name, value in scope["headers"] if name in _READ}
        request_id = accepted_or_new(head.get(HEADER))
        set_request_id(scope, request_id)
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(request_id=request_id)
        if _has_large_body(head) and scope["http_version"].startswith("1"):
            lingering = LingeringClose(receive, send, expects_continue=b"expect" in head)
            receive, send = lingering.receive, lingering.send
            without_whole(scope)
        reply = _Reply(send, request_id, send_whole=send_whole_of(scope))
        started = time.perf_counter()
        self._metrics.in_progress.inc()
        try:
            await self._app(scope, receive, reply.send)
        finally:
            self._metrics.in_progress.dec()
            self._tell(scope, reply, time.perf_counter() - started)

    def _tell(self, scope: HTTPScope, reply: _Reply, seconds: float) -> None:
        template = scope.get("path_template")
        route = _readable(template) if template else _UNMATCHED
        method = scope["method"]
        self._metrics.answered(method=method, route=route, status=reply.status, seconds=seconds)
        log = _log.debug if route in _QUIET_ROUTES or was_shed(scope) else _log.info
        log(
            "request",
            method=method,
            route=route,
            # A terminal may show the line as it is.
            path=path if (path := scope["path"]).isprintable() else quote(path),
            status=reply.status,
            duration_ms=round(seconds * 1000, 2),
            bytes=reply.sent_bytes,
        )


def _has_large_body(head: dict[bytes, bytes]) -> bool:
    length = head.get(b"content-length", b"0")
    if b"transfer-encoding" in head or not length.isdigit() or len(length) > 18:
        return True
    return int(length) > _LARGE_BYTES


@lru_cache(maxsize=256)
def _readable(template: str) -> str:
    """`/documents/{document_id}` for `/documents/{document_id:uuid}`."""
    return re.sub(r"\{(\w+):\w+\}", r"{\1}", template)


class _Reply:
    """Adds to the reply's headers, and keeps in mind what was sent."""

    __slots__ = ("_request_id", "_send", "_send_whole", "sent_bytes", "status")

    def __init__(self, send: Send, request_id: str, *, send_whole: SendWhole | None) -> None:
        self._send = send
        self._request_id = request_id.encode("ascii")
        self._send_whole = send_whole
        self.status = _NO_REPLY
        self.sent_bytes = 0

    async def send(self, message: Message) -> None:
        if self._send_whole is not None and is_whole(message):
            self.status = 200
            self.sent_bytes = len(message["body"])
            own = b"%b%b: %b\r\n" % (_LINES, HEADER, self._request_id)
            await self._send_whole(own + message["headers"], message["body"])
            return
        if message["type"] == "http.response.start":
            self.status = int(message["status"])
            headers = [*message["headers"], *_HEADERS, (HEADER, self._request_id)]
            if all(name != _POLICY for name, _ in headers):
                headers.append(_NOTHING_IS_LOADED)
            message = {**message, "headers": headers}
        elif message["type"] == "http.response.body":
            self.sent_bytes += len(message.get("body", b""))
        await self._send(message)
