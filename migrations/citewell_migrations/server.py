"""What the server must be before migrations are applied."""

from __future__ import annotations

import re
from typing import Any, Final

import psycopg
from psycopg import errors

from citewell_migrations.errors import ExtensionUnavailable, UnsupportedServer

__all__ = ["OLDEST_PGVECTOR", "OLDEST_POSTGRESQL", "prepare_server"]

OLDEST_POSTGRESQL: Final = 15
OLDEST_PGVECTOR: Final = (0, 8)

_ENCODING: Final = "SELECT current_database(), current_setting('server_encoding')"
_VECTOR: Final = (
    "SELECT installed_version, default_version FROM pg_available_extensions WHERE name = 'vector'"
)
_CREATE: Final = "CREATE EXTENSION vector"


def prepare_server(connection: psycopg.Connection[Any]) -> None:
    """Creates the extension `vector` where it is missing.

    Raises UnsupportedServer for PostgreSQL before 15 or a database that is not in UTF-8, and
    ExtensionUnavailable if there is no pgvector 0.8 or newer, or we may not create it.
    """
    _check_server(connection)
    installed, available = _versions(connection)
    if installed is None:
        if _number(available) < OLDEST_PGVECTOR:
            raise ExtensionUnavailable(
                f"the server has pgvector {available}: install version {_oldest()} or newer there"
            )
        _create(connection)
    elif _number(installed) < OLDEST_PGVECTOR:
        raise ExtensionUnavailable(
            f"the database has pgvector {installed}: install version {_oldest()} or newer on the server and "
            "run ALTER EXTENSION vector UPDATE in this database"
        )


def _check_server(connection: psycopg.Connection[Any]) -> None:
    version = connection.info.server_version
    if version < OLDEST_POSTGRESQL * 10_000:
        raise UnsupportedServer(
            f"the server is PostgreSQL {version // 10_000}: version {OLDEST_POSTGRESQL} or newer is needed"
        )
    name, encoding = connection.execute(_ENCODING).fetchone() or ("", "")
    if encoding != "UTF8":
        raise UnsupportedServer(
            f"the database {name} is in {encoding}, which cannot hold every text: "
            f"create one with ENCODING 'UTF8' and use that"
        )


def _versions(connection: psycopg.Connection[Any]) -> tuple[str | None, str]:
    row = connection.execute(_VECTOR).fetchone()
    if row is None:
        raise ExtensionUnavailable(
            f"the server has no pgvector: install version {_oldest()} or newer there "
            "(https://github.com/pgvector/pgvector#installation), or use a server that has it"
        )
    return row[0], row[1]


def _create(connection: psycopg.Connection[Any]) -> None:
    try:
        connection.execute(_CREATE)
    except errors.InsufficientPrivilege as error:
        user, database = connection.info.user, connection.info.dbname
        raise ExtensionUnavailable(
            f"the user {user} may not create the extension `vector`: have a superuser run "
            f"{_CREATE} in the database {database}"
        ) from error


def _number(version: str) -> tuple[int, ...]:
    """The leading numbers of a version like 0.8.1 or 0.9-beta."""
    return tuple(int(part) for part in re.findall(r"\d+", version)[:2])


def _oldest() -> str:
    return ".".join(map(str, OLDEST_PGVECTOR))
