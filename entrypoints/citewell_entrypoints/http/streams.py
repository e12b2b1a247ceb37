"""Replies that flow: begun before their head is sent, kept alive, and closed when their reader is gone."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from http import HTTPStatus
from typing import Any, Final, TypeVar

import msgspec
from litestar.background_tasks import BackgroundTask
from litestar.response import Stream
from litestar.response.base import ASGIResponse
from litestar.types import Receive, Scope, Send

__all__ = ["EVENT_STREAM_HEADERS", "OpenStreams", "begun", "server_sent", "streamed"]

T = TypeVar("T", str, bytes)

#: Of a reply of server-sent events: nobody on the way is to keep it or to hold it back.
EVENT_STREAM_HEADERS: Final = {
    "Content-Type": "text/event-stream; charset=utf-8",
    "Cache-Control": "no-store",
    "X-Accel-Buffering": "no",
}
#: A comment, which readers of events skip; proxies and readers learn from it that the other side is there.
_PING: Final = b": ping\n\n"


class OpenStreams:
    """Streams that may be quiet for long. They are kept alive by pings, and end when the server stops.

    ping_seconds: how long a stream is quiet at most.
    """

    def __init__(self, *, ping_seconds: float = 15.0) -> None:
        self._ping_seconds = ping_seconds
        self._end = asyncio.Event()

    def end(self) -> None:
        """End all of them, and those that are yet to begin; their readers come back by themselves."""
        self._end.set()

    def reply(self, pieces: AsyncIterator[bytes]) -> Stream:
        """A reply of these pieces, one after the other as they are taken, and a ping whenever it is quiet."""
        return _EventStream(pieces, ping_seconds=self._ping_seconds, end=self._end)


class _EventStream(Stream):
    def __init__(self, pieces: AsyncIterator[bytes], *, ping_seconds: float, end: asyncio.Event) -> None:
        super().__init__(pieces, status_code=HTTPStatus.OK, headers=dict(EVENT_STREAM_HEADERS))
        self._sender = _Sender(pieces, ping_seconds=ping_seconds, end=end)

    def to_asgi_response(self, *arguments: Any, **options: Any) -> ASGIResponse:
        response = super().to_asgi_response(*arguments, **options)
        return _EventStreamReply(response, self._sender)


class _EventStreamReply(ASGIResponse):
    """The head as the framework makes it, the body by the sender."""

    def __init__(self, head: ASGIResponse, sender: _Sender) -> None:
        self._head = head
        self._sender = sender

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002
        try:
            await self._head.start_response(send)
            await self._sender(receive, send)
        finally:
            await self._sender.close()


class _Sender:
    """Sends pieces in one task from beginning to end: a task, a timer or a wait for each costs too much."""

    def __init__(self, pieces: AsyncIterator[bytes], *, ping_seconds: float, end: asyncio.Event) -> None:
        self._pieces = pieces
        self._ping_seconds = ping_seconds
        self._end = end
        self._sending = asyncio.Lock()
        self._sent_at = 0.0

    async def __call__(self, receive: Receive, send: Send) -> None:
        loop = asyncio.get_running_loop()
        self._sent_at = loop.time()
        flowing = asyncio.create_task(self._flow(send))
        leaving, ending = asyncio.create_task(_left(receive)), asyncio.create_task(self._end.wait())
        tasks = {flowing, leaving, ending}
        try:
            while not any(task.done() for task in tasks):
                quiet = loop.time() - self._sent_at
                # A reader that has not taken what there is needs no ping.
                if quiet >= self._ping_seconds and not self._sending.locked():
                    await self._send(send, _PING)
                    continue
                wait = max(self._ping_seconds - quiet, 0.1 * self._ping_seconds)
                await asyncio.wait(tasks, timeout=wait, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)
        if not leaving.cancelled():
            return
        if not flowing.cancelled():
            flowing.result()
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def close(self) -> None:
        await _close(self._pieces)

    async def _flow(self, send: Send) -> None:
        async for piece in self._pieces:
            await self._send(send, piece)

    async def _send(self, send: Send, piece: bytes) -> None:
        async with self._sending:
            await send({"type": "http.response.body", "body": piece, "more_body": True})
            self._sent_at = asyncio.get_running_loop().time()


async def _left(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def server_sent(event: str, data: object, *, event_id: int | None = None) -> bytes:
    """An event as the protocol has it; data: what becomes one line of JSON."""
    known_as = b"" if event_id is None else b"id: %d\n" % event_id
    return known_as + b"event: %s\ndata: %s\n\n" % (event.encode(), msgspec.json.encode(data))


async def begun(pieces: AsyncIterator[T]) -> AsyncIterator[T]:
    """The same pieces; what the first of them raises is raised here, while a status can still tell of it."""
    first = await anext(pieces, None)

    async def all_pieces() -> AsyncIterator[T]:
        try:
            if first is not None:
                yield first
                async for piece in pieces:
                    yield piece
        finally:
            await _close(pieces)

    return all_pieces()


def streamed(
    pieces: AsyncIterator[T],
    *,
    status: HTTPStatus = HTTPStatus.OK,
    headers: Mapping[str, str],
) -> Stream:
    """A reply of these pieces, sent as fast as they are taken. headers: with the Content-Type."""
    return Stream(
        pieces,
        status_code=status,
        headers=dict(headers),
        # The framework stops reading when the reader is gone, but leaves what it read from open.
        background=BackgroundTask(_close, pieces),
    )


async def _close(pieces: AsyncIterator[T]) -> None:
    if isinstance(pieces, AsyncGenerator):
        await pieces.aclose()
