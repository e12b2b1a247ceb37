"""`citewell worker`."""

from __future__ import annotations

import click

from citewell_entrypoints.cli.configuration import settings_for_engines, settings_with
from citewell_entrypoints.cli.helptext import Command

__all__ = ["command"]


@click.command(
    "worker",
    cls=Command,
    examples=(
        (
            "For engines of yours",
            "APP_DATABASE_URL=postgresql://… APP_REDIS_URL=redis://… citewell worker",
        ),
        ("One more for a `citewell serve` that runs in this folder", "citewell worker"),
    ),
)
@click.pass_context
def command(ctx: click.Context) -> None:
    """Run one worker process: it brings uploaded documents in, until it is stopped.

    Start as many as you like, on as many machines. Without APP_DATABASE_URL and APP_REDIS_URL it works for
    the `citewell serve` that runs on the data directory.
    """
    settings = settings_for_engines(settings_with())

    from citewell_entrypoints.niceness import be_nice

    # First, so that the API has loaded its programs before us.
    be_nice(settings.worker_niceness)

    from citewell_entrypoints.logs import configure_logging, load_structlog

    load_structlog()

    from citewell_entrypoints.cli.schema import require_schema
    from citewell_entrypoints.supervisor import exit_with_parent
    from citewell_entrypoints.worker import run_worker

    exit_with_parent()
    require_schema(settings)
    configure_logging(settings.log_level, settings.log_format)
    ctx.exit(run_worker(settings))
