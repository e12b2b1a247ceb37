"""Versions that are read after they were asked for, by one read for all who wait."""

from __future__ import annotations

import asyncio
from contextvars import Context
from dataclasses import dataclass, field

from citewell.model import Scope, ScopeVersion
from citewell.ports import VersionStore

__all__ = ["FreshVersions"]


@dataclass(eq=False, slots=True)
class _Batch:
    """Scopes whose versions will be read together, and those versions once they are."""

    scopes: dict[Scope, None] = field(default_factory=dict)
    read: asyncio.Future[dict[Scope, ScopeVersion]] = field(
        default_factory=lambda: asyncio.get_running_loop().create_future()
    )


class FreshVersions:
    """The version of a scope, never older than the call.

    One read is on its way at a time. Who comes meanwhile waits for the next, together with all the others:
    however many ask, there are as many reads as fit behind each other.
    """

    def __init__(self, versions: VersionStore) -> None:
        self._versions = versions
        self._gathering: _Batch | None = None
        self._reader: asyncio.Task[None] | None = None

    async def __call__(self, scope: Scope) -> ScopeVersion:
        """Raises what the store raises."""
        if scope.filter is not None:
            # Filters do not matter, and without them more scopes are the same.
            scope = Scope(scope.collection, scope.document_ids)
        batch = self._gathering
        if batch is None:
            batch = self._gathering = _Batch()
        batch.scopes[scope] = None
        if self._reader is None:
            # In a context of its own: the read belongs to no caller, least of all to his unit of work.
            self._reader = asyncio.create_task(self._read(), context=Context())
        # A caller who is cancelled does not cancel what others wait for.
        return (await asyncio.shield(batch.read))[scope]

    async def _read(self) -> None:
        try:
            while (batch := self._gathering) is not None:
                # From here on the read is on its way: who comes now waits for the next.
                self._gathering = None
                await self._read_batch(batch)
        finally:
            self._reader = None

    async def _read_batch(self, batch: _Batch) -> None:
        scopes = list(batch.scopes)
        try:
            versions = await self._versions.versions(scopes)
        except asyncio.CancelledError:
            batch.read.cancel()
            raise
        except Exception as error:  # noqa: BLE001 - it is raised to each who waits
            batch.read.set_exception(error)
            # All who waited may have gone.
            batch.read.exception()
        else:
            batch.read.set_result(dict(zip(scopes, versions, strict=True)))
