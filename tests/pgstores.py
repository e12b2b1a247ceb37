"""The stores on PostgreSQL, opened for a test."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import psycopg
from psycopg import sql

from citewell.model import DocumentId, EmbeddingSpace, RevisionId
from citewell.testing.stores import CONTRACT_SPACE, Stores
from citewell_adapters.pgvector import (
    PgContentLedger,
    PgDatabase,
    PgDocumentStore,
    PgJobBoard,
    PgJobStore,
    PgPageStore,
    PgVectorStore,
)

__all__ = ["PgStores", "cloned_database", "next_revision", "open_pg_stores", "rows"]


@dataclass(frozen=True, slots=True)
class PgStores(Stores):
    """Stores, and the database that they share. lexical: the vectors' other side."""

    database: PgDatabase
    lexical: PgVectorStore


@contextmanager
def cloned_database(server_url: str, *, template: str) -> Iterator[str]:
    """The URL of a copy of the database `template`, for fixtures that outlive a test."""
    name = f"clone_{uuid4().hex}"
    names = {"name": sql.Identifier(name), "template": sql.Identifier(template)}
    with psycopg.connect(server_url, autocommit=True) as server:
        server.execute(sql.SQL("CREATE DATABASE {name} TEMPLATE {template}").format(**names))
        yield urlsplit(server_url)._replace(path=f"/{name}").geturl()
        server.execute(sql.SQL("DROP DATABASE {name} WITH (FORCE)").format(**names))


@asynccontextmanager
async def open_pg_stores(
    url: str,
    *,
    space: EmbeddingSpace = CONTRACT_SPACE,
    max_exact_chunks: int = 2_000,
    max_exact_matching: int = 2_000,
    statement_timeout_seconds: float = 30.0,
    search_ef: int = 200,
) -> AsyncIterator[PgStores]:
    """Opened stores over a migrated database."""
    async with (
        PgDatabase(url, statement_timeout_seconds=statement_timeout_seconds, search_ef=search_ef) as database,
        PgVectorStore(
            database, space, max_exact_chunks=max_exact_chunks, max_exact_matching=max_exact_matching
        ) as vectors,
    ):
        yield PgStores(
            PgDocumentStore(database),
            PgJobStore(database),
            PgJobBoard(database),
            PgContentLedger(database),
            PgPageStore(database),
            vectors,
            database.unit_of_work,
            database,
            vectors,
        )


async def rows(database: PgDatabase, query: str, **parameters: object) -> list[tuple[Any, ...]]:
    """What a query of the test's own gives."""
    async with database.connection() as connection:
        return await (await connection.execute(query.encode(), parameters)).fetchall()


async def next_revision(stores: PgStores, document_id: DocumentId) -> RevisionId:
    """A new revision of the document, with a queued job, as replacing its bytes makes one."""
    async with stores.unit_of_work():
        [(revision_id,)] = await rows(
            stores.database,
            """
            INSERT INTO revisions (document_id, sha256, size_bytes, media_type, name, metadata)
            SELECT document_id, sha256(id::text::bytea), size_bytes, media_type, name, metadata FROM revisions
            WHERE document_id = %(document_id)s ORDER BY id DESC LIMIT 1
            RETURNING id
            """,
            document_id=document_id,
        )
        await rows(
            stores.database,
            """
            UPDATE jobs
            SET id = gen_random_uuid(), revision_id = %(revision_id)s, status = 'queued', fence = 0,
                claimable_at = now()
            WHERE document_id = %(document_id)s RETURNING id
            """,
            document_id=document_id,
            revision_id=revision_id,
        )
    return RevisionId(revision_id)
