"""Replies that flow: begun before their head is sent, kept alive, and closed when their reader is gone."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from http import HTTPStatus
from typing import Final, TypeVar

import msgspec
from litestar.background_tasks import BackgroundTask
from litestar.response import Stream

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

    async def pinged(self, pieces: AsyncIterator[bytes]) -> AsyncGenerator[bytes, None]:
        """The same pieces, one after the other as they are taken, and a ping whenever it is quiet."""
        ending = asyncio.ensure_future(self._end.wait())
        piece: asyncio.Future[bytes | None] | None = None
        try:
            while not ending.done():
                piece = asyncio.ensure_future(_next(pieces))
                while not (piece.done() or ending.done()):
                    done, _ = await asyncio.wait(
                        {piece, ending}, timeout=self._ping_seconds, return_when=asyncio.FIRST_COMPLETED
                    )
                    if not done:
                        yield _PING
                if not piece.done() or (found := piece.result()) is None:
                    return
                yield found
        finally:
            ending.cancel()
            if piece is not None and not piece.done():
                # What is asked for the next piece cannot be closed before it has let go of it.
                piece.cancel()
                await asyncio.wait({piece})
            await _close(pieces)


async def _next(pieces: AsyncIterator[bytes]) -> bytes | None:
    return await anext(pieces, None)


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
