"""Cache on Redis or Valkey: shared among processes."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Any, Final, Self

import redis
import redis.asyncio
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from citewell_adapters.redis.allowance import Allowance
from citewell_adapters.redis.breaker import Breaker

__all__ = ["RedisCache"]

_log = logging.getLogger(__name__)

#: Calls of one process at a time. Who finds all at work waits as for the server.
_CONNECTIONS: Final = 16


class RedisCache:
    """The Cache port at `redis://…`, `rediss://…` or `unix://…`.

    A call takes `timeout_seconds` at most; after three failures in a row the server is left alone, but for
    one call every two seconds. Entries of more than `max_entry_bytes` are not kept. One process writes up to
    `max_bytes` in `max_ttl_seconds`, and as many again at first, so that never more than twice as many bytes
    of it are held; no entry is kept for longer.
    """

    def __init__(
        self,
        url: str,
        *,
        max_bytes: int = 64 << 20,
        max_ttl_seconds: float = 300.0,
        max_entry_bytes: int = 1 << 20,
        timeout_seconds: float = 0.05,
        namespace: str = "citewell:result",
        breaker: Breaker | None = None,
    ) -> None:
        self._url = url
        self._max_ttl_seconds = max_ttl_seconds
        self._max_entry_bytes = max_entry_bytes
        self._timeout_seconds = timeout_seconds
        self._namespace = namespace
        self._breaker = breaker or Breaker()
        self._allowance = Allowance(max_bytes, seconds=max_ttl_seconds)
        self._client: redis.asyncio.Redis | None = None

    async def __aenter__(self) -> Self:
        """Connects to nothing yet."""
        pool: redis.asyncio.BlockingConnectionPool = redis.asyncio.BlockingConnectionPool.from_url(
            self._url,
            max_connections=_CONNECTIONS,
            timeout=self._timeout_seconds,
            socket_connect_timeout=self._timeout_seconds,
            socket_timeout=self._timeout_seconds,
            retry=Retry(NoBackoff(), 0),
        )
        self._client = redis.asyncio.Redis(connection_pool=pool)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        client, self._client = self._client, None
        if client is not None:
            await client.aclose()
            await client.connection_pool.disconnect()

    async def get(self, key: str) -> bytes | None:
        value: Any = await self._called(lambda client: client.get(self._named(key)))
        return value if isinstance(value, bytes) and len(value) <= self._max_entry_bytes else None

    async def put(self, key: str, value: bytes, *, ttl_seconds: float) -> None:
        milliseconds = int(1000 * min(ttl_seconds, self._max_ttl_seconds))
        if milliseconds > 0 and len(value) <= self._max_entry_bytes and self._allowance.takes(len(value)):
            await self._called(lambda client: client.set(self._named(key), value, px=milliseconds))

    def _named(self, key: str) -> str:
        return f"{self._namespace}:{key}"

    async def _called(self, call: Callable[[redis.asyncio.Redis], Awaitable[Any]]) -> Any:
        """What the server says, None if it is away."""
        client = self._client
        if client is None:
            raise RuntimeError("the cache is not open: use `async with cache:`")
        if not self._breaker.allows():
            return None
        try:
            async with asyncio.timeout(self._timeout_seconds):
                answer = await call(client)
        except (redis.RedisError, TimeoutError, OSError) as error:
            if self._breaker.failed():
                _log.warning("the shared cache of results is away: %s", type(error).__name__)
            return None
        self._breaker.succeeded()
        return answer
