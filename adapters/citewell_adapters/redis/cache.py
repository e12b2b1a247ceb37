"""Cache on Redis or Valkey: shared among processes."""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import Self

from citewell.breaker import Breaker
from citewell_adapters.redis.allowance import Allowance
from citewell_adapters.redis.courier import Courier

__all__ = ["RedisCache"]


class RedisCache:
    """The Cache port at `redis://…`, `rediss://…` or `unix://…`.

    A `get` takes `timeout_seconds` at most, a `put` no time at all: it is sent behind the caller's back, but
    before whatever is asked for next. After three failures in a row the server is left alone, but for one
    call every two seconds. Entries of more than `max_entry_bytes` are not kept. One process writes up to
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
        self._max_ttl_seconds = max_ttl_seconds
        self._max_entry_bytes = max_entry_bytes
        self._timeout_seconds = timeout_seconds
        self._namespace = namespace
        self._breaker = breaker or Breaker()
        self._allowance = Allowance(max_bytes, seconds=max_ttl_seconds)
        self._courier = Courier(url, timeout_seconds=timeout_seconds, breaker=self._breaker)

    async def __aenter__(self) -> Self:
        """Connects to nothing yet."""
        await self._courier.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._courier.__aexit__(kind, error, trace)

    async def get(self, key: str) -> bytes | None:
        if not self._breaker.admits:
            return None
        answer = self._courier.send("GET", self._named(key))
        try:
            async with asyncio.timeout(self._timeout_seconds):
                value = await answer
        except TimeoutError:
            # Whether that is the server's fault the courier knows.
            return None
        return value if isinstance(value, bytes) and len(value) <= self._max_entry_bytes else None

    async def put(self, key: str, value: bytes, *, ttl_seconds: float) -> None:
        milliseconds = int(1000 * min(ttl_seconds, self._max_ttl_seconds))
        if milliseconds <= 0 or len(value) > self._max_entry_bytes:
            return
        if self._allowance.takes(len(value)) and self._breaker.admits:
            self._courier.send("SET", self._named(key), value, "PX", milliseconds)

    def _named(self, key: str) -> str:
        return f"{self._namespace}:{key}"
