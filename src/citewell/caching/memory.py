"""Cache in memory: the one of a process."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Final

__all__ = ["MemoryCache"]

#: What an entry takes besides its bytes: key, tuple and place in the table, measured on CPython 3.11.
_ENTRY_BYTES: Final = 400


class MemoryCache:
    """The reference Cache, of up to `max_bytes`: what nobody asked for the longest makes room.

    bytes_held: what the entries take. evictions: how many made room. now: seconds that only grow.
    """

    def __init__(self, *, max_bytes: int = 64 << 20, now: Callable[[], float] = time.monotonic) -> None:
        self._max_bytes = max_bytes
        self._now = now
        #: When each is over, and its bytes, in the order in which they were asked for last.
        self._entries: OrderedDict[str, tuple[float, bytes]] = OrderedDict()
        self.bytes_held = 0
        self.evictions = 0

    async def get(self, key: str) -> bytes | None:
        entry = self._entries.get(key)
        if entry is None:
            return None
        expires_at, value = entry
        if self._now() >= expires_at:
            self._remove(key)
            return None
        self._entries.move_to_end(key)
        return value

    async def put(self, key: str, value: bytes, *, ttl_seconds: float) -> None:
        if key in self._entries:
            self._remove(key)
        if ttl_seconds <= 0 or _size(value) > self._max_bytes:
            return
        self._entries[key] = (self._now() + ttl_seconds, value)
        self.bytes_held += _size(value)
        while self.bytes_held > self._max_bytes:
            self._remove(next(iter(self._entries)))
            self.evictions += 1

    def _remove(self, key: str) -> None:
        _, value = self._entries.pop(key)
        self.bytes_held -= _size(value)


def _size(value: bytes) -> int:
    return len(value) + _ENTRY_BYTES
