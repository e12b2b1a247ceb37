"""`citewell api`."""

from __future__ import annotations

import gc

import click

from citewell_entrypoints.cli.configuration import settings_for_engines, settings_with
from citewell_entrypoints.cli.helptext import Command

__all__ = ["command"]


@click.command(
    "api",
    cls=Command,
    examples=(
        (
            "For engines of yours",
            "APP_DATABASE_URL=postgresql://… APP_REDIS_URL=redis://… citewell api",
        ),
        ("One more for a `citewell serve` that runs in this folder", "citewell api --port 8001"),
    ),
)
@click.option("--host", metavar="ADDRESS", help="Address to listen on (APP_HOST).")
@click.option(
    "--port", type=click.IntRange(1, 65_535), metavar="NUMBER", help="Port to listen on (APP_PORT)."
)
@click.option(
    "--stop-seconds",
    type=click.IntRange(1, 600),
    default=5,
    show_default=True,
    metavar="NUMBER",
    help="How long requests in work may take when it is stopped.",
)
def command(host: str | None, port: int | None, stop_seconds: int) -> None:
    """Run one API process, until it is stopped.

    The schema is to be up to date: see `citewell migrate`. Without APP_DATABASE_URL and APP_REDIS_URL it
    serves the data of the `citewell serve` that runs on the data directory.
    """
    # What is loaded now is there to stay: to look through it for garbage would take a tenth of the start.
    gc.disable()
    settings = settings_for_engines(settings_with(host=host, port=port))

    from citewell_entrypoints.cli.schema import require_schema
    from citewell_entrypoints.cli.webserver import ApiServer
    from citewell_entrypoints.logs import configure_logging
    from citewell_entrypoints.supervisor import exit_with_parent

    server = ApiServer(settings, stop_seconds=stop_seconds)
    exit_with_parent()
    require_schema(settings)
    configure_logging(settings.log_level, settings.log_format)
    server.run()
