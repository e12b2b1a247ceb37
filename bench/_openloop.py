"""Requests at a steady rate, whether or not the earlier ones were answered, as many callers send them."""

from __future__ import annotations

import asyncio
import json
import time
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast


def http_request(method: str, path: str, body: Mapping[str, Any] | None) -> bytes:
    """The whole request, with the body as JSON if there is one."""
    content = b"" if body is None else json.dumps(body).encode()
    head = [f"{method} {path} HTTP/1.1", "Host: x", "Content-Type: application/json"]
    return "\r\n".join([*head, f"Content-Length: {len(content)}", "", ""]).encode() + content


@dataclass(frozen=True, slots=True)
class Reply:
    """status: 0 where no reply came. seconds: since the request was due, so that a late client shows."""

    status: int
    seconds: float


class Connection(asyncio.Protocol):
    """One kept connection, one request at a time; just enough HTTP for replies with a Content-Length."""

    def __init__(self) -> None:
        self._received = bytearray()
        self._reply: asyncio.Future[int] | None = None
        self.is_open = True

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is none by its class

    def data_received(self, data: bytes) -> None:
        self._received += data
        head, found, body = bytes(self._received).partition(b"\r\n\r\n")
        if not found or self._reply is None:
            return
        length = next(
            int(line.split(b":")[1])
            for line in head.lower().split(b"\r\n")
            if line.startswith(b"content-length:")
        )
        if len(body) >= length and not self._reply.done():
            self._received.clear()
            self._reply.set_result(int(head.split(b" ", 2)[1]))

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        self.is_open = False
        if self._reply is not None and not self._reply.done():
            self._reply.set_result(0)

    async def ask(self, request: bytes) -> int:
        """The status of the reply, 0 if the connection was lost."""
        self._reply = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        return await self._reply

    def close(self) -> None:
        self._transport.close()


class Load:
    """Sends one request again and again to a port of this machine, over as many connections as it takes."""

    def __init__(self, port: int, request: bytes, *, max_connections: int = 2_000) -> None:
        self._port = port
        self._request = request
        self._idle: deque[Connection] = deque()
        self._made = 0
        self._max_connections = max_connections

    async def closed(self, *, clients: int, seconds: float) -> list[Reply]:
        """Each client sends its next request when it has the reply to the one before."""
        end = time.perf_counter() + seconds

        async def client() -> list[Reply]:
            replies = []
            while (began := time.perf_counter()) < end:
                replies.append(await self._once(began))
            return replies

        found = await asyncio.gather(*(client() for _ in range(clients)))
        return [reply for replies in found for reply in replies]

    async def steady(self, *, per_second: float, seconds: float) -> list[Reply]:
        """So many requests a second, come what may."""
        began = time.perf_counter()
        tasks: list[asyncio.Task[Reply]] = []
        while (now := time.perf_counter()) < began + seconds:
            while len(tasks) < (now - began) * per_second:
                tasks.append(asyncio.create_task(self._once(began + len(tasks) / per_second)))
            await asyncio.sleep(0.002)
        return list(await asyncio.gather(*tasks))

    def close(self) -> None:
        """Of connections that are idle; at the end all are."""
        for connection in self._idle:
            connection.close()

    async def _once(self, due: float) -> Reply:
        connection = await self._connection()
        if connection is None:
            return Reply(0, time.perf_counter() - due)
        status = await connection.ask(self._request)
        self._idle.append(connection)
        return Reply(status, time.perf_counter() - due)

    async def _connection(self) -> Connection | None:
        while self._idle:
            connection = self._idle.pop()
            if connection.is_open:
                return connection
            self._made -= 1
        if self._made >= self._max_connections:
            return None
        self._made += 1
        loop = asyncio.get_running_loop()
        _, connection = await loop.create_connection(Connection, "127.0.0.1", self._port)
        return connection
