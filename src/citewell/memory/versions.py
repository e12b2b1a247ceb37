"""VersionStore in memory."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from citewell.memory.state import MemoryDatabase, Tables
from citewell.model import Scope, ScopeVersion

__all__ = ["MemoryVersionStore"]


class MemoryVersionStore:
    """The reference VersionStore: the numbers that the other stores leave where they change something."""

    def __init__(self, database: MemoryDatabase) -> None:
        self._database = database

    async def versions(self, scopes: Sequence[Scope]) -> Sequence[ScopeVersion]:
        async with self._database.tables() as tables:
            return [self._version(tables, scope) for scope in scopes]

    def _version(self, tables: Tables, scope: Scope) -> ScopeVersion:
        name = self._database.name
        if scope.document_ids is None:
            collections = tables.collection_versions
            changed = (
                max(collections.values(), default=0)
                if scope.collection is None
                else collections.get(scope.collection, 0)
            )
            return ScopeVersion(f"{name}:{changed}", f"{name}:{changed}")
        known = [id_ for id_ in sorted(set(scope.document_ids)) if id_ in tables.documents]
        documents = _joined((id_, tables.document_versions.get(id_, 0)) for id_ in known)
        names = sorted({tables.documents[id_].collection for id_ in known})
        counts = _joined((each, tables.collection_versions.get(each, 0)) for each in names)
        return ScopeVersion(f"{name}:{documents}", f"{name}:{documents};{counts}")


def _joined(pairs: Iterable[tuple[object, int]]) -> str:
    return ",".join(f"{key}={version}" for key, version in pairs)
