"""Items are read one in advance, and nothing of the reading is left over."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator

import pytest

from citewell.usecases.ahead import read_ahead


class Source:
    """Numbers from 0 on; remembers how far it was read and whether it was closed."""

    def __init__(self, count: int, *, failure: Exception | None = None, stuck: bool = False) -> None:
        self.count = count
        self.failure = failure
        self.stuck = stuck
        self.begun = 0
        self.closed = False

    async def items(self) -> AsyncGenerator[int, None]:
        try:
            for number in range(self.count):
                self.begun = number + 1
                await asyncio.sleep(0)
                yield number
            if self.stuck:
                await asyncio.Event().wait()
            if self.failure is not None:
                raise self.failure
        finally:
            self.closed = True


@pytest.mark.parametrize("count", [0, 1, 5])
async def test_all_items_come_in_order(count: int) -> None:
    """And the end after the last."""
    source = Source(count)
    assert [item async for item in read_ahead(source.items())] == list(range(count))
    assert source.closed


async def test_one_item_is_read_in_advance() -> None:
    """One, and not more."""
    source = Source(9)
    ahead = read_ahead(source.items())
    assert await anext(ahead) == 0
    for _ in range(20):
        await asyncio.sleep(0)
    assert source.begun == 2
    await ahead.aclose()


async def test_a_failure_comes_in_its_place() -> None:
    """After the items before it."""
    source, seen = Source(3, failure=ValueError("damaged")), list[int]()

    async def read() -> None:
        async for item in read_ahead(source.items()):
            seen.append(item)

    with pytest.raises(ValueError, match="damaged"):
        await read()
    assert seen == [0, 1, 2]
    assert source.closed


@pytest.mark.parametrize("failure", [None, ValueError("damaged")])
@pytest.mark.parametrize("stuck", [True, False])
async def test_closing_early_closes_the_source(failure: Exception | None, stuck: bool) -> None:
    """Whatever it is at, and without a word about what nobody asked for."""
    source = Source(1, failure=failure, stuck=stuck)
    ahead = read_ahead(source.items())
    assert await anext(ahead) == 0
    for _ in range(5):
        await asyncio.sleep(0)
    await ahead.aclose()
    assert source.closed


async def test_cancelling_the_reader_closes_the_source() -> None:
    """Also while it waits for an item."""
    source = Source(0, stuck=True)

    async def read() -> None:
        async for _ in read_ahead(source.items()):
            pass

    reading = asyncio.create_task(read())
    await asyncio.sleep(0.01)
    reading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reading
    for _ in range(5):
        await asyncio.sleep(0)
    assert source.closed
