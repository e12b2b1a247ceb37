"""VersionStore on PostgreSQL; see migration 0009."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from citewell.model import DocumentId, Scope, ScopeVersion
from citewell_adapters.pgvector.database import PgDatabase

__all__ = ["FOUND_ANEW", "PgVersionStore"]

# embedding_spaces_active, collections_name_key, documents_pkey, collections_pkey.
# First the data that all is of. Numbers go back where a backup, or a standby that lacked the last commits,
# takes the place of the database: those are other servers, started at other times, or other databases.
_READ: Final = """
SELECT 0 AS kind, NULL::text AS name, NULL::uuid AS id, (
        SELECT concat_ws(' ', d.oid, extract(epoch FROM pg_postmaster_start_time()), s.version)
        FROM pg_database AS d LEFT JOIN embedding_spaces AS s ON s.active
        WHERE d.datname = current_database()
    ) AS data, 0::bigint AS version
UNION ALL
SELECT 1, name, NULL, NULL, version FROM collections WHERE name = ANY(%(names)s::text[])
UNION ALL
SELECT 2, c.name, d.id, c.version::text, d.version
FROM documents AS d JOIN collections AS c ON c.id = d.collection_id
WHERE d.id = ANY(%(document_ids)s::uuid[])
"""
# Grows whichever of them does, as none ever goes.
_READ_ALL: Final = f"{_READ} UNION ALL SELECT 3, NULL, NULL, NULL, sum(version)::bigint FROM collections"  # noqa: S608 - constant

# documents_pkey, collections_pkey. To be executed last in its transaction: the collection is everybody's.
FOUND_ANEW: Final = """
WITH document AS (
    UPDATE documents SET version = nextval('citewell_versions') WHERE id = %(document_id)s
)
UPDATE collections SET version = version + 1, chunk_count = chunk_count + %(change)s
WHERE id = %(collection_id)s
"""


class PgVersionStore:
    """The VersionStore port: one statement, however many scopes."""

    def __init__(self, database: PgDatabase) -> None:
        self._database = database

    async def versions(self, scopes: Sequence[Scope]) -> Sequence[ScopeVersion]:
        read = await _read(self._database, scopes)
        return [read.of(scope) for scope in scopes]


@dataclass(frozen=True, slots=True)
class _Read:
    """Versions of one moment. documents: each one's own, its collection and that one's."""

    data: str
    collections: Mapping[str, int]
    documents: Mapping[DocumentId, tuple[int, str, str]]
    everything: int | None

    def of(self, scope: Scope) -> ScopeVersion:
        if scope.document_ids is None:
            version = self.everything if scope.collection is None else self.collections.get(scope.collection)
            text = f"{self.data}:{version}"
            return ScopeVersion(text, text)
        known = [(id_, self.documents[id_]) for id_ in sorted(set(scope.document_ids) & set(self.documents))]
        documents = ",".join(f"{id_}={version}" for id_, (version, _, _) in known)
        counts = ",".join(sorted({f"{name}={version}" for _, (_, name, version) in known}))
        return ScopeVersion(f"{self.data}:{documents}", f"{self.data}:{documents};{counts}")


async def _read(database: PgDatabase, scopes: Sequence[Scope]) -> _Read:
    names = {s.collection for s in scopes if s.document_ids is None and s.collection is not None}
    parameters = {
        "names": sorted(names),
        "document_ids": list({id_ for scope in scopes for id_ in scope.document_ids or ()}),
    }
    wants_all = any(scope.document_ids is None and scope.collection is None for scope in scopes)
    query = _READ_ALL if wants_all else _READ
    data = ""
    collections: dict[str, int] = {}
    documents: dict[DocumentId, tuple[int, str, str]] = {}
    everything = None
    for kind, name, id_, text, version in await database.fetch(query, parameters):
        match kind:
            case 0:
                data = text
            case 1:
                collections[name] = version
            case 2:
                documents[DocumentId(id_)] = (version, name, text)
            case _:
                everything = version
    return _Read(data, collections, documents, everything)
