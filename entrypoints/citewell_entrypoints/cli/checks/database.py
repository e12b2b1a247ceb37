"""The database: server, extension, schema, embedding space."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

import psycopg

from citewell.model import EmbeddingSpace
from citewell_entrypoints.cli.checks.finding import Finding, State, fail, ok, warn
from citewell_entrypoints.cli.redaction import redacted, shown_url
from citewell_migrations import OLDEST_PGVECTOR, OLDEST_POSTGRESQL, MigrationError, status

__all__ = ["check_database"]

Connection = psycopg.Connection[tuple[Any, ...]]

_CONNECT_SECONDS: Final = 5
_WANTED_VECTOR: Final = ".".join(map(str, OLDEST_PGVECTOR))

_VECTOR: Final = (
    "SELECT installed_version, default_version FROM pg_available_extensions WHERE name = 'vector'"
)
# embedding_spaces_active
_SPACE: Final = "SELECT model, dimensions, backend FROM embedding_spaces WHERE active"
# chunks_pkey
_HAS_CHUNKS: Final = "SELECT EXISTS (SELECT FROM chunks)"


def check_database(url: str, *, space: EmbeddingSpace | None) -> Iterator[Finding]:
    """Whether it answers and has what Citewell needs; space: what the settings' embedder makes, if known."""
    try:
        connection = psycopg.connect(url, connect_timeout=_CONNECT_SECONDS, autocommit=True)
    except (psycopg.Error, OSError, ValueError) as error:
        yield fail(
            "database",
            f"{shown_url(url)} does not answer: {redacted(str(error), url=url)}",
            mend="check APP_DATABASE_URL, and that the server runs and can be reached from here",
        )
        return
    with connection:
        yield _server(connection, url=url)
        yield _extension(connection)
        schema = _schema(connection)
        yield schema
        if space is not None and schema.state is State.OK:
            yield _space(connection, space)


def _server(connection: Connection, *, url: str) -> Finding:
    version = connection.info.server_version
    shown = f"PostgreSQL {version // 10_000}.{version % 10_000}"
    if version // 10_000 < OLDEST_POSTGRESQL:
        return fail("database", f"{shown} is too old", mend=f"use PostgreSQL {OLDEST_POSTGRESQL} or newer")
    return ok("database", f"{shown} answers at {shown_url(url)}")


def _extension(connection: Connection) -> Finding:
    installed, available = connection.execute(_VECTOR).fetchone() or (None, None)
    if available is None:
        return fail(
            "pgvector",
            "the server does not have it",
            mend=f"install pgvector {_WANTED_VECTOR} or newer there, or use a server that has it",
        )
    if _numbers(installed or available) < OLDEST_PGVECTOR:
        return fail(
            "pgvector",
            f"{installed or available} is too old",
            mend=f"install version {_WANTED_VECTOR} or newer, then run ALTER EXTENSION vector UPDATE",
        )
    if installed is None:
        return ok("pgvector", f"{available} can be installed; `citewell migrate` does it")
    return ok("pgvector", str(installed))


def _schema(connection: Connection) -> Finding:
    try:
        states = status(connection)
    except MigrationError as error:
        problem, _, mend = str(error).partition(": ")
        return fail("schema", problem, mend=mend or "run the release that the database was migrated by")
    pending = [state.migration for state in states if state.applied_at is None]
    if pending:
        return fail(
            "schema", f"not applied yet: {', '.join(map(str, pending))}", mend="run `citewell migrate`"
        )
    return ok("schema", f"at {states[-1].migration}" if states else "no migrations")


def _space(connection: Connection, space: EmbeddingSpace) -> Finding:
    row = connection.execute(_SPACE).fetchone()
    if row is None:
        return ok("vectors", f"none yet; they will be of {space}")
    held, backend = EmbeddingSpace(*row[:2]), row[2]
    if held == space:
        return ok("vectors", f"of {held}, as the settings' embedder makes them")
    [in_use] = connection.execute(_HAS_CHUNKS).fetchone() or (False,)
    if not in_use:
        return ok("vectors", f"none yet; those of {space} will take the place of {held}")
    if backend is not None:
        return warn(
            "vectors",
            f"of {held} ({backend}), which is served; the settings' embedder makes {space}",
            mend="run `citewell reembed --activate` to go over to the settings' embedder, or set "
            "APP_EMBEDDINGS_BACKEND, APP_EMBEDDINGS_MODEL and APP_EMBEDDINGS_DIM to the one that is served",
        )
    return fail(
        "vectors",
        f"the database holds vectors of {held}, the settings' embedder makes {space}",
        mend="set APP_EMBEDDINGS_BACKEND, APP_EMBEDDINGS_MODEL and APP_EMBEDDINGS_DIM back, or use another "
        "database or data folder",
    )


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", version)[:2])
