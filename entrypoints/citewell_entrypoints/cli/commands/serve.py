"""`citewell serve`."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from citewell_entrypoints.cli.configuration import settings_with
from citewell_entrypoints.cli.helptext import Command

if TYPE_CHECKING:
    from citewell_entrypoints.settings import Settings
    from citewell_entrypoints.supervisor import Plan

__all__ = ["command", "plan_for"]

#: Well within what the supervisor gives the API before it kills it.
_API_STOP_SECONDS: Final = 2


@click.command(
    "serve",
    cls=Command,
    examples=(
        ("Everything on this machine, at http://127.0.0.1:8000", "citewell serve"),
        ("Reachable from other machines, with four workers", "citewell serve --host 0.0.0.0 --workers 4"),
        ("Other data, beside a first one", "citewell serve --data-dir ~/papers --port 8001"),
        ("With a PostgreSQL of yours", "APP_DATABASE_URL=postgresql://… citewell serve"),
    ),
)
@click.option("--host", metavar="ADDRESS", help="Address to listen on (APP_HOST).")
@click.option(
    "--port", type=click.IntRange(1, 65_535), metavar="NUMBER", help="Port to listen on (APP_PORT)."
)
@click.option(
    "--data-dir",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="FOLDER",
    help="Where everything is kept (APP_DATA_DIR).",
)
@click.option(
    "--workers", type=click.IntRange(1, 256), metavar="NUMBER", help="Worker processes (APP_WORKERS)."
)
@click.pass_context
def command(
    ctx: click.Context, host: str | None, port: int | None, data_dir: Path | None, workers: int | None
) -> None:
    """Run PostgreSQL, Valkey, workers and the API, all in one data directory.

    The engines come with the package; where APP_DATABASE_URL or APP_REDIS_URL is set, that one is used
    instead. Ctrl-C stops everything; nothing is lost. The next start goes on with the same data.
    """
    settings = settings_with(host=host, port=port, data_dir=data_dir, workers=workers)

    from citewell_entrypoints.supervisor import supervise

    ctx.exit(supervise(plan_for(settings)))


def plan_for(settings: Settings) -> Plan:
    """What the supervisor is to run."""
    from citewell_entrypoints.supervisor import Plan

    plan = Plan(
        data_directory=settings.data_dir,
        host=settings.host,
        port=settings.port,
        workers=settings.workers,
        database_url=settings.database_url.get_secret_value() if settings.database_url else None,
        redis_url=settings.redis_url.get_secret_value() if settings.redis_url else None,
    )
    return replace(plan, api=(*plan.api, "--stop-seconds", str(_API_STOP_SECONDS)))
