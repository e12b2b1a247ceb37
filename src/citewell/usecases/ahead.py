"""Reading ahead: the next item comes while the one before is worked on."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import TypeVar

__all__ = ["read_ahead"]

_Item = TypeVar("_Item")


async def read_ahead(source: AsyncGenerator[_Item, None]) -> AsyncGenerator[_Item, None]:
    """The items of `source`, one of them read in advance; closing it closes the source.

    What the source raises comes in the place of the item that it kept from coming.
    """
    async with aclosing(source):
        coming = _read(source)
        try:
            while True:
                try:
                    item = await coming
                except StopAsyncIteration:
                    return
                coming = _read(source)
                yield item
        finally:
            coming.cancel()
            # A generator that still runs cannot be closed.
            await asyncio.wait([coming])
            if not coming.cancelled():
                coming.exception()  # nobody is there for it any more


def _read(source: AsyncGenerator[_Item, None]) -> asyncio.Task[_Item]:
    return asyncio.create_task(_next(source))


async def _next(source: AsyncGenerator[_Item, None]) -> _Item:
    return await anext(source)
