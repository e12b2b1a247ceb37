"""Every Cache keeps the contract, and none costs anything while it is away."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import uuid4

import pytest
import pytest_asyncio
from tests.manual_time import ManualTime

from citewell.breaker import Breaker
from citewell.caching import MemoryCache
from citewell.ports import Cache
from citewell.testing.caching import CacheContract
from citewell_adapters.redis import RedisCache
from citewell_adapters.redis.allowance import Allowance


class TestMemoryCache(CacheContract):
    @pytest.fixture
    def cache(self) -> Cache:
        return MemoryCache(max_bytes=10_000)

    async def test_it_holds_no_more_than_it_may(self) -> None:
        """What nobody asked for the longest makes room."""
        cache = MemoryCache(max_bytes=10_000)
        for number in range(100):
            await cache.put(str(number), bytes(600), ttl_seconds=60)
            await cache.get("0")
            assert cache.bytes_held <= 10_000
        assert await cache.get("0") is not None
        assert await cache.get("1") is None
        assert await cache.get("99") is not None
        assert cache.evictions == 100 - 10

    async def test_what_goes_is_not_counted(self) -> None:
        """Neither what took another's place nor what is over."""
        now = ManualTime()
        cache = MemoryCache(max_bytes=10_000, now=now)
        await cache.put("a", bytes(600), ttl_seconds=60)
        held = cache.bytes_held
        await cache.put("a", bytes(600), ttl_seconds=60)
        assert cache.bytes_held == held > 600
        now.seconds += 60
        assert await cache.get("a") is None
        assert (cache.bytes_held, cache.evictions) == (0, 0)

    async def test_without_room_nothing_is_kept(self) -> None:
        """0 bytes: no cache at all."""
        cache = MemoryCache(max_bytes=0)
        await cache.put("a", b"", ttl_seconds=60)
        assert await cache.get("a") is None


@pytest_asyncio.fixture(loop_scope="session")
async def redis_cache(valkey_url: str) -> AsyncIterator[RedisCache]:
    async with RedisCache(valkey_url, namespace=uuid4().hex, timeout_seconds=2.0) as cache:
        yield cache


class TestRedisCache(CacheContract):
    @pytest.fixture
    def cache(self, redis_cache: RedisCache) -> Cache:
        return redis_cache

    async def test_processes_share_it(self, valkey_url: str) -> None:
        """What one puts the other has; other namespaces do not."""
        namespace = uuid4().hex
        async with (
            RedisCache(valkey_url, namespace=namespace, timeout_seconds=2.0) as one,
            RedisCache(valkey_url, namespace=namespace, timeout_seconds=2.0) as other,
            RedisCache(valkey_url, namespace=uuid4().hex, timeout_seconds=2.0) as elsewhere,
        ):
            await one.put("a", b"one", ttl_seconds=60)
            # What is asked for next comes behind what was put.
            assert await one.get("a") == b"one"
            assert await other.get("a") == b"one"
            assert await elsewhere.get("a") is None

    async def test_large_entries_are_neither_written_nor_believed(self, valkey_url: str) -> None:
        """Whoever else writes there cannot make us keep more."""
        namespace = uuid4().hex
        async with (
            RedisCache(valkey_url, namespace=namespace, max_entry_bytes=10, timeout_seconds=2.0) as small,
            RedisCache(valkey_url, namespace=namespace, timeout_seconds=2.0) as large,
        ):
            await small.put("a", bytes(11), ttl_seconds=60)
            assert await large.get("a") is None
            await large.put("a", bytes(11), ttl_seconds=60)
            assert await large.get("a") == bytes(11)
            assert await small.get("a") is None
            await small.put("a", bytes(10), ttl_seconds=60)
            assert await small.get("a") == bytes(10)

    async def test_a_process_writes_so_much_and_no_more(self, valkey_url: str) -> None:
        """The memory is the queue's as well."""
        async with RedisCache(
            valkey_url, namespace=uuid4().hex, max_bytes=1_000, timeout_seconds=2.0
        ) as cache:
            for number in range(4):
                await cache.put(str(number), bytes(300), ttl_seconds=60)
            assert [await cache.get(str(n)) is not None for n in range(4)] == [True, True, True, False]

    async def test_no_entry_stays_for_ever(self, valkey_url: str) -> None:
        """Whatever is asked for, the server forgets it."""
        async with RedisCache(
            valkey_url, namespace=uuid4().hex, max_ttl_seconds=0.05, timeout_seconds=2.0
        ) as cache:
            await cache.put("a", b"one", ttl_seconds=1e9)
            await asyncio.sleep(0.1)
            assert await cache.get("a") is None


@asynccontextmanager
async def silent_server() -> AsyncIterator[tuple[str, list[int]]]:
    """A server that takes connections and says nothing; its URL, and one entry for each connection."""
    connections: list[int] = []
    over = asyncio.Event()

    async def listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connections.append(1)
        await over.wait()
        writer.close()

    server = await asyncio.start_server(listen, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    try:
        yield f"redis://127.0.0.1:{port}/0", connections
    finally:
        over.set()
        server.close()
        await server.wait_closed()


async def test_a_silent_server_is_left_alone() -> None:
    """After three calls that waited in vain the others do not wait."""
    async with silent_server() as (url, connections), RedisCache(url, timeout_seconds=0.05) as cache:
        began = time.monotonic()
        for number in range(100):
            await cache.put(str(number), b"one", ttl_seconds=60)
            assert await cache.get(str(number)) is None
        assert time.monotonic() - began < 1.0
        assert 1 <= len(connections) <= 4


async def test_a_dead_server_costs_no_call() -> None:
    """What it cannot keep or read it does not have."""
    async with RedisCache("redis://127.0.0.1:1/0", timeout_seconds=0.05) as cache:
        await cache.put("a", b"one", ttl_seconds=60)
        assert await cache.get("a") is None


async def test_a_server_that_is_back_is_used_again(valkey_url: str) -> None:
    """The one round trip that tries closes the breaker."""
    now = ManualTime()
    breaker = Breaker(failures=1, probe_seconds=2.0, now=now)
    async with RedisCache(valkey_url, namespace=uuid4().hex, timeout_seconds=2.0, breaker=breaker) as cache:
        opened(breaker)
        await cache.put("a", b"one", ttl_seconds=60)
        now.seconds += 2
        assert await cache.get("a") is None
        await cache.put("a", b"one", ttl_seconds=60)
        assert await cache.get("a") == b"one"


async def test_a_silent_server_is_tried_by_one_call_at_a_time() -> None:
    """All others get their nothing at once, and each pause one waits."""
    now = ManualTime()
    breaker = Breaker(failures=1, probe_seconds=2.0, now=now)
    async with silent_server() as (url, _), RedisCache(url, timeout_seconds=0.1, breaker=breaker) as cache:
        opened(breaker)
        now.seconds += 2
        probe = asyncio.create_task(cache.get("a"))
        await asyncio.sleep(0.02)
        began = time.monotonic()
        assert await cache.get("a") is None
        assert time.monotonic() - began < 0.05
        assert not probe.done()
        assert await probe is None


def opened(breaker: Breaker) -> None:
    attempt = breaker.begin()
    assert attempt is not None
    assert breaker.failed(attempt)


def test_an_allowance_fills_again() -> None:
    """So many bytes in any stretch of so many seconds."""
    now = ManualTime()
    allowance = Allowance(100, seconds=10.0, now=now)
    assert allowance.takes(100)
    assert not allowance.takes(1)
    now.seconds += 1
    assert [allowance.takes(10), allowance.takes(1)] == [True, False]
    now.seconds += 1_000
    assert [allowance.takes(100), allowance.takes(1)] == [True, False]
