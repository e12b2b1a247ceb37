"""The state of the schema, before a process works on it."""

from __future__ import annotations

import asyncio

import psycopg

from citewell_entrypoints.cli.failures import Failed
from citewell_entrypoints.cli.redaction import redacted, shown_url
from citewell_entrypoints.settings import Settings
from citewell_migrations import schema_at_head

__all__ = ["require_schema"]

_CONNECT_SECONDS = 10


def require_schema(settings: Settings) -> None:
    """Return if the schema is at least this release's. Raises Failed if not, or if the database is away."""
    url = settings.database_url.get_secret_value() if settings.database_url else ""
    try:
        at_head = asyncio.run(_at_head(url))
    except psycopg.Error as error:
        raise Failed(f"{shown_url(url)}: {redacted(str(error), url=url)}") from error
    if not at_head:
        raise Failed("the schema of the database is not up to date: run `citewell migrate` first")


async def _at_head(url: str) -> bool:
    connection = await psycopg.AsyncConnection.connect(url, connect_timeout=_CONNECT_SECONDS, autocommit=True)
    async with connection:
        return await schema_at_head(connection)
