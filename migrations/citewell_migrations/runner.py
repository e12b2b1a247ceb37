"""Brings a database's schema to the newest migration, forward only.

Each migration is applied once, in a transaction that also records its number, name and checksum. A session
advisory lock lets one process at a time do so. The history must be a prefix of the files: a changed, missing
or late file is refused before anything is applied.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import psycopg
from psycopg import errors

from citewell_migrations.errors import (
    ChangedMigration,
    MigrationsBusy,
    MissingMigration,
    OutOfOrderMigration,
)
from citewell_migrations.files import Migration, carried_migrations
from citewell_migrations.server import prepare_server

__all__ = ["Applied", "State", "apply", "pending", "schema_at_head", "status"]

_LOCK_KEY: Final = 7_243_160_552_981_634_121
_POLL_SECONDS: Final = 0.1

_HISTORY: Final = """
CREATE TABLE IF NOT EXISTS citewell_migrations (
    number     int PRIMARY KEY,
    name       text NOT NULL,
    sha256     text NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT clock_timestamp()
)
"""
_EXISTS: Final = "SELECT to_regclass('citewell_migrations') IS NOT NULL"
_APPLIED: Final = "SELECT number, name, sha256, applied_at FROM citewell_migrations ORDER BY number"
_RECORD: Final = "INSERT INTO citewell_migrations (number, name, sha256) VALUES (%s, %s, %s)"
_TRY_LOCK: Final = "SELECT pg_try_advisory_lock(%s)"
_UNLOCK: Final = "SELECT pg_advisory_unlock(%s)"


@dataclass(frozen=True, slots=True)
class Applied:
    """What the database recorded of a migration."""

    number: int
    name: str
    sha256: str
    applied_at: datetime

    def __str__(self) -> str:
        return f"{self.number:04}_{self.name}"


@dataclass(frozen=True, slots=True)
class State:
    """A migration of this release, and when it was applied; None if it was not."""

    migration: Migration
    applied_at: datetime | None


def status(
    connection: psycopg.Connection[Any], *, migrations: Sequence[Migration] | None = None
) -> Sequence[State]:
    """Each migration with its state; changes nothing.

    migrations: those of this release, if none are given. Raises ChangedMigration, MissingMigration or
    OutOfOrderMigration if the database's history is not theirs.
    """
    carried = carried_migrations() if migrations is None else migrations
    return _compared(carried, _history(connection))


def pending(
    connection: psycopg.Connection[Any], *, migrations: Sequence[Migration] | None = None
) -> Sequence[Migration]:
    """Those that were not applied yet. Raises as `status` does."""
    states = status(connection, migrations=migrations)
    return [state.migration for state in states if state.applied_at is None]


def apply(
    connection: psycopg.Connection[Any],
    *,
    migrations: Sequence[Migration] | None = None,
    wait_seconds: float = 600.0,
) -> Sequence[Migration]:
    """Applies what is pending, and says what that was. The connection must be in autocommit mode.

    While another process applies migrations, waits for `wait_seconds` at most, then raises MigrationsBusy.
    Raises as `status` does, and UnsupportedServer or ExtensionUnavailable if the server does not fit. A
    migration that fails leaves nothing behind, and those before it applied.
    """
    with _locked(connection, wait_seconds=wait_seconds):
        prepare_server(connection)
        connection.execute(_HISTORY)
        waiting = pending(connection, migrations=migrations)
        for migration in waiting:
            _apply(connection, migration)
        return waiting


async def schema_at_head(connection: psycopg.AsyncConnection[Any]) -> bool:
    """Whether every migration of this release is applied as it is.

    More of them are fine: an update migrates first, and processes of the former release go on meanwhile.
    """
    try:
        rows = await (await connection.execute(_APPLIED)).fetchall()
    except errors.UndefinedTable:
        return False
    applied = {(number, sha256) for number, _, sha256, _ in rows}
    return all((migration.number, migration.sha256) in applied for migration in carried_migrations())


def _history(connection: psycopg.Connection[Any]) -> Sequence[Applied]:
    row = connection.execute(_EXISTS).fetchone()
    if not row or not row[0]:
        return []
    return [Applied(*columns) for columns in connection.execute(_APPLIED).fetchall()]


def _compared(carried: Sequence[Migration], history: Sequence[Applied]) -> Sequence[State]:
    known = {migration.number for migration in carried}
    for applied in history:
        if applied.number not in known:
            raise MissingMigration(
                f"the database has migration {applied}, which this release does not have: "
                "it was migrated by a newer one, so run that"
            )
    states = []
    done = {applied.number: applied for applied in history}
    newest = max(done, default=0)
    for migration in carried:
        applied_as = done.get(migration.number)
        if applied_as is None and migration.number < newest:
            raise OutOfOrderMigration(
                f"migration {migration} was not applied, but {newest:04} was: give it a number after that"
            )
        if applied_as is not None and applied_as.sha256 != migration.sha256:
            raise ChangedMigration(
                f"migration {migration} is not what was applied on {applied_as.applied_at:%Y-%m-%d}: "
                "restore the file and put the change into a new one"
            )
        states.append(State(migration, applied_as.applied_at if applied_as else None))
    return states


def _apply(connection: psycopg.Connection[Any], migration: Migration) -> None:
    record = (migration.number, migration.name, migration.sha256)
    if migration.in_transaction:
        with connection.transaction():
            connection.execute(migration.sql.encode())
            connection.execute(_RECORD, record)
    else:
        connection.execute(migration.sql.encode())
        connection.execute(_RECORD, record)


@contextmanager
def _locked(connection: psycopg.Connection[Any], *, wait_seconds: float) -> Iterator[None]:
    if not connection.autocommit:
        raise ValueError("migrations need a connection in autocommit mode")
    deadline = time.monotonic() + wait_seconds
    # Asked for again and again, as waiting inside PostgreSQL would hold up CREATE INDEX CONCURRENTLY: it
    # waits for every transaction that is older, and ours would wait for it.
    while not _try_lock(connection):
        if time.monotonic() > deadline:
            raise MigrationsBusy(
                f"another process has been applying migrations for more than {wait_seconds:g} seconds"
            )
        time.sleep(_POLL_SECONDS)
    try:
        yield
    finally:
        if not connection.broken:
            connection.execute(_UNLOCK, (_LOCK_KEY,))


def _try_lock(connection: psycopg.Connection[Any]) -> bool:
    row = connection.execute(_TRY_LOCK, (_LOCK_KEY,)).fetchone()
    return bool(row and row[0])
