"""Replies that flow: begun before their head is sent, and closed when their reader is gone."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from http import HTTPStatus
from typing import TypeVar

from litestar.background_tasks import BackgroundTask
from litestar.response import Stream

__all__ = ["begun", "streamed"]

T = TypeVar("T", str, bytes)


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
