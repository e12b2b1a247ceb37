"""Whole replies, kept for those who ask the same again."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace

from citewell.caching import FreshVersions, SingleFlight, result_key, seal, unseal
from citewell.errors import InvalidInput
from citewell.model import Asked, CachedReply, MadeReply
from citewell.ports import Cache, VersionStore

__all__ = ["CacheReplies"]


class CacheReplies:
    """Gives a reply that was made before, if nothing that it depends on has changed, or has it made.

    A reply is never older than what was committed when the call came: each call has the version of its scope
    read anew, together with those of other calls, and a reply is kept under the version that was read before
    it was made. So what is over is not forgotten but never asked for again. How rare words are may be older,
    by no more than `ttl_seconds` and what the store says of it. Not to be called inside a unit of work, whose
    changes others do not see.

    layers: caches by name, the nearest first. fingerprint: of all settings that decide on replies besides the
    question, as processes may share a cache. now: seconds since 1970.
    """

    def __init__(
        self,
        *,
        versions: VersionStore,
        layers: Mapping[str, Cache],
        fingerprint: str,
        ttl_seconds: float = 300.0,
        now: Callable[[], float] = time.time,
    ) -> None:
        if not ttl_seconds > 0:
            raise InvalidInput(f"ttl_seconds is {ttl_seconds}; it must be above 0")
        self._fresh = FreshVersions(versions)
        self._layers = tuple(layers.items())
        self._fingerprint = fingerprint
        self._ttl_seconds = ttl_seconds
        self._now = now
        self._flights: SingleFlight[CachedReply] = SingleFlight()

    async def __call__(self, asked: Asked, make: Callable[[], Awaitable[MadeReply]]) -> CachedReply:
        """The reply. `make` makes it, once for all who ask the same at once; raises what it raises."""
        version = await self._fresh(asked.scope)
        key = result_key(asked, version, fingerprint=self._fingerprint)
        # The nearest alone before the flight: the others cost a round trip.
        if (found := await self._find(key, upto=1)) is not None:
            return found
        reply, joined = await self._flights(key, lambda: self._find_or_make(key, make))
        return replace(reply, joined=True) if joined else reply

    async def _find_or_make(self, key: str, make: Callable[[], Awaitable[MadeReply]]) -> CachedReply:
        if (found := await self._find(key, start=1)) is not None:
            return found
        made_at = self._now()
        made = await make()
        if made.kept is not None:
            expires_at = made_at + self._ttl_seconds
            await self._put(
                key, seal(made.kept, sources=made.sources, expires_at=expires_at), expires_at=expires_at
            )
        return CachedReply(made.body, made.sources, stored=made.kept is not None)

    async def _find(self, key: str, *, start: int = 0, upto: int | None = None) -> CachedReply | None:
        """From the layers from one to below another; what a farther one has the nearer ones keep too."""
        for place, (name, layer) in enumerate(self._layers[start:upto], start=start):
            sealed = await layer.get(key)
            if sealed is None:
                continue
            now = self._now()
            kept = unseal(sealed, now=now, max_ttl_seconds=self._ttl_seconds)
            if kept is not None:
                if place:
                    await self._put(key, sealed, expires_at=now + kept.ttl_seconds, upto=place)
                return CachedReply(kept.body, kept.sources, layer=name, stored=True)
        return None

    async def _put(self, key: str, sealed: bytes, *, expires_at: float, upto: int | None = None) -> None:
        for _, layer in self._layers[:upto]:
            await layer.put(key, sealed, ttl_seconds=expires_at - self._now())
