"""`citewell migrate`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

from citewell_entrypoints.cli.configuration import settings_for_engines, settings_with
from citewell_entrypoints.cli.failures import Failed
from citewell_entrypoints.cli.helptext import Command
from citewell_entrypoints.cli.redaction import redacted, shown_url

if TYPE_CHECKING:
    import psycopg

__all__ = ["command"]


@click.command(
    "migrate",
    cls=Command,
    examples=(
        ("Apply what is missing", "APP_DATABASE_URL=postgresql://… citewell migrate"),
        ("Say what is applied; the exit code is 1 if something is missing", "citewell migrate --status"),
    ),
)
@click.option("--status", "only_status", is_flag=True, help="Show the migrations and change nothing.")
@click.pass_context
def command(ctx: click.Context, only_status: bool) -> None:
    """Bring the schema of the database up to date.

    Only ever forward, and safe to run in several places at once. `citewell serve` does it by itself. Without
    APP_DATABASE_URL it works on the database of the `citewell serve` that runs on the data directory.
    """
    settings = settings_for_engines(settings_with(), queue=False)
    url = settings.database_url.get_secret_value() if settings.database_url else ""
    with _connected(url) as connection:
        if only_status:
            ctx.exit(1 if _show_status(connection) else 0)
        _apply(connection)


def _apply(connection: psycopg.Connection[Any]) -> None:
    from citewell_migrations import apply

    applied = apply(connection)
    for migration in applied:
        click.echo(f"applied {migration}")
    if not applied:
        click.echo("The schema is up to date.")


def _show_status(connection: psycopg.Connection[Any]) -> bool:
    """Print the migrations; whether some are missing."""
    from citewell_entrypoints.cli.printing import print_table
    from citewell_migrations import status

    states = status(connection)
    rows = [
        (str(state.migration), f"{state.applied_at:%Y-%m-%d %H:%M:%S}" if state.applied_at else "pending")
        for state in states
    ]
    print_table(("migration", "applied"), rows)
    return any(state.applied_at is None for state in states)


@contextmanager
def _connected(url: str) -> Iterator[psycopg.Connection[Any]]:
    """A connection whose failures, and those of migrations, are told in one line."""
    import psycopg

    from citewell_entrypoints.supervisor.parent import exit_with_parent
    from citewell_migrations import MigrationError

    exit_with_parent()
    try:
        with psycopg.connect(url, autocommit=True, connect_timeout=10) as connection:
            yield connection
    except MigrationError as error:
        raise Failed(str(error)) from error
    except psycopg.Error as error:
        raise Failed(f"{shown_url(url)}: {redacted(str(error), url=url)}") from error
