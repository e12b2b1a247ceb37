"""Uvicorn's HTTP protocol, which also sends replies as a whole."""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn._types import ASGI3Application
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from citewell_entrypoints.http.whole_replies import EXTENSION, SEND

__all__ = ["WholeReplyProtocol"]


class WholeReplyProtocol(HttpToolsProtocol):
    """Each request has the extension of `citewell_entrypoints.http.whole_replies`."""

    _at_work: RequestResponseCycle

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        # One for all requests: of its own each would be garbage that only the collector finds.
        self._extensions: dict[str, dict[Any, Any]] = {EXTENSION: {SEND: self._send_whole}}

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: ASGI3Application) -> None:
        self._at_work = cycle
        cycle.scope["extensions"] = self._extensions
        super()._start_asgi_task(cycle, app)

    async def _send_whole(self, headers: bytes, body: bytes) -> None:
        """As the cycle's own `send` does with the two messages of a reply."""
        cycle = self._at_work
        if self.flow.write_paused and not cycle.disconnected:
            await self.flow.drain()
        if cycle.disconnected:
            return
        cycle.response_started = cycle.response_complete = True
        cycle.waiting_for_100_continue = False
        lines = [b"HTTP/1.1 200 OK\r\n"]
        for name, value in cycle.default_headers:
            lines += (name, b": ", value, b"\r\n")
        lines.append(headers)
        if not cycle.keep_alive:
            lines.append(b"connection: close\r\n")
        lines += (b"\r\n", body)
        self.transport.write(b"".join(lines))
        cycle.message_event.set()
        if not cycle.keep_alive:
            self.transport.close()
        cycle.on_response()
