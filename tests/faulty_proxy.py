"""A TCP proxy before any server, whose connections fail on order."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from enum import Enum
from types import MappingProxyType
from typing import Final, Self
from urllib.parse import parse_qs, unquote, urlsplit

__all__ = ["HTTP_ERRORS", "POSTGRES_ERRORS", "VALKEY_ERRORS", "Fault", "FaultyProxy"]

_FLAP_SECONDS: Final = 0.15
_TRICKLE_SECONDS: Final = 0.05
_PIECE_BYTES: Final = 1 << 16


class Fault(Enum):
    """DOWN: nobody listens, and open connections are broken. SILENT: connections are taken, nothing comes.

    TRICKLING: what the server says comes byte by byte. ERRING: it says that something is wrong with it.
    REFUSING: it refuses the request. FLAPPING: it is down and back, several times a second.
    """

    DOWN = "down"
    SILENT = "silent"
    TRICKLING = "trickling"
    ERRING = "erring"
    REFUSING = "refusing"
    FLAPPING = "flapping"


def _http(status: str) -> bytes:
    body = b'{"error": {"message": "out of order", "type": "fault", "param": null, "code": null}}'
    head = f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n"
    return f"{head}Connection: close\r\n\r\n".encode() + body


def _postgres(code: str, message: str) -> bytes:
    fields = b"".join(field.encode() + b"\0" for field in ("SFATAL", "VFATAL", f"C{code}", f"M{message}"))
    return b"E" + (len(fields) + 5).to_bytes(4, "big") + fields + b"\0"


HTTP_ERRORS: Final = MappingProxyType(
    {Fault.ERRING: _http("500 Internal Server Error"), Fault.REFUSING: _http("401 Unauthorized")}
)
VALKEY_ERRORS: Final = MappingProxyType({Fault.ERRING: b"-LOADING the dataset is being read into memory\r\n"})
POSTGRES_ERRORS: Final = MappingProxyType(
    {Fault.ERRING: _postgres("57P03", "the database system is in recovery mode")}
)


class FaultyProxy:
    """Before the server at a URL. errors: what it says instead of the server, by fault. Use `async with`."""

    def __init__(self, url: str, *, errors: Mapping[Fault, bytes]) -> None:
        self._url = url
        self._errors = errors
        self._fault: Fault | None = None
        self._flows = asyncio.Event()
        self._flows.set()
        self._connections: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None
        self.port = 0

    async def __aenter__(self) -> Self:
        await self._listen()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._close()

    @property
    def url(self) -> str:
        """The server's, by way of the proxy."""
        parts = urlsplit(self._url)
        login = f"{parts.netloc.rpartition('@')[0]}@" if "@" in parts.netloc else ""
        scheme = "redis" if parts.scheme == "unix" else parts.scheme
        # A path of `unix://` is that of the socket; the server of a socket needs no query to be found.
        path = "/0" if parts.scheme == "unix" else parts.path
        return f"{scheme}://{login}127.0.0.1:{self.port}{path}"

    @asynccontextmanager
    async def suffering(self, fault: Fault) -> AsyncIterator[None]:
        """The fault, until the end of the context."""
        flapping = asyncio.create_task(self._flap()) if fault is Fault.FLAPPING else None
        if flapping is None:
            await self._begin(fault)
        try:
            yield
        finally:
            if flapping is not None:
                flapping.cancel()
                await asyncio.gather(flapping, return_exceptions=True)
            await self._lift()

    async def _flap(self) -> None:
        while True:
            await self._begin(Fault.DOWN)
            await asyncio.sleep(_FLAP_SECONDS)
            await self._lift()
            await asyncio.sleep(_FLAP_SECONDS)

    async def _begin(self, fault: Fault) -> None:
        self._fault = fault
        if fault is Fault.DOWN:
            await self._close()
        elif fault is Fault.SILENT:
            self._flows.clear()

    async def _lift(self) -> None:
        self._fault = None
        self._flows.set()
        if self._server is None:
            await self._listen()

    async def _listen(self) -> None:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def _close(self) -> None:
        server, self._server = self._server, None
        if server is not None:
            server.close()
        for connection in tuple(self._connections):
            connection.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)
        # What was taken in the last moment is let go of in its own first one.
        await asyncio.sleep(0.01)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._server is None:
            writer.transport.abort()
            return
        task = asyncio.current_task()
        assert task is not None
        self._connections.add(task)
        try:
            await self._serve(reader, writer)
        except (OSError, asyncio.CancelledError):
            pass  # a side has gone, or is to go
        finally:
            self._connections.discard(task)
            writer.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await self._connect()
        there = asyncio.create_task(self._pump(reader, far_writer, back=writer))
        back = asyncio.create_task(self._pump(far_reader, writer))
        try:
            await asyncio.wait({there, back}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (there, back):
                task.cancel()
            await asyncio.gather(there, back, return_exceptions=True)
            far_writer.transport.abort()

    async def _pump(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        *,
        back: asyncio.StreamWriter | None = None,
    ) -> None:
        """From one to the other. back: to whom an error is told, in the direction of the requests."""
        while piece := await reader.read(_PIECE_BYTES):
            await self._flows.wait()
            error = self._errors.get(self._fault) if self._fault is not None else None
            if error is not None and back is not None:
                back.write(error)
                # Whoever hears it hangs up; closing while something is unread would take it back.
                while await reader.read(_PIECE_BYTES):
                    pass
                return
            if self._fault is Fault.TRICKLING and back is None:
                for byte in piece:
                    if self._fault is Fault.TRICKLING:
                        await asyncio.sleep(_TRICKLE_SECONDS)
                    writer.write(bytes([byte]))
            else:
                writer.write(piece)
            await writer.drain()

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        parts = urlsplit(self._url)
        folder = parse_qs(parts.query).get("host")
        if parts.scheme == "unix":
            return await asyncio.open_unix_connection(unquote(parts.path))
        if folder:
            return await asyncio.open_unix_connection(f"{folder[0]}/.s.PGSQL.{parts.port or 5432}")
        return await asyncio.open_connection(parts.hostname, parts.port)
