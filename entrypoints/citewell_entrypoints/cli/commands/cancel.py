"""`citewell cancel`."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

import click

from citewell_entrypoints.cli.each_document import document_ids, for_each, outcome
from citewell_entrypoints.cli.helptext import Command
from citewell_entrypoints.cli.server import api_at, url_option

__all__ = ["command"]


@click.command(
    "cancel",
    cls=Command,
    examples=(
        ("One document; `citewell status` shows ids", "citewell cancel 0199c1f0-7d6e-7c3a-9b57-2f6f3c1f9a10"),
        (
            "All that are in work or wait",
            "citewell status --json | jq -r '.in_work[].id' | xargs citewell cancel",
        ),
    ),
)
@document_ids
@url_option
@click.pass_context
def command(ctx: click.Context, ids: Sequence[UUID], url: str | None) -> None:
    """Stop the ingestion of documents that are queued or processing.

    What could be found of them before stays. The exit code is 1 if one is in another state, or unknown.
    """
    api = api_at(url)
    ctx.exit(for_each(ids, lambda document_id: outcome("cancelled", api.cancel(document_id))))
