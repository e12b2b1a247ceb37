"""`citewell retry`."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

import click

from citewell_entrypoints.cli.each_document import document_ids, for_each, outcome
from citewell_entrypoints.cli.helptext import Command
from citewell_entrypoints.cli.server import api_at, url_option

__all__ = ["command"]


@click.command(
    "retry",
    cls=Command,
    examples=(
        ("A document that failed or was cancelled", "citewell retry 0199c1f0-7d6e-7c3a-9b57-2f6f3c1f9a10"),
        (
            "All that failed",
            "citewell status --json | jq -r '.failed[].id' | xargs citewell retry",
        ),
    ),
)
@document_ids
@url_option
@click.pass_context
def command(ctx: click.Context, ids: Sequence[UUID], url: str | None) -> None:
    """Queue documents anew that have failed or were cancelled.

    Those that need a password are uploaded again with it, see `citewell ingest --password`. The exit code is
    1 if one is in another state, or unknown.
    """
    api = api_at(url)

    def retry(document_id: str) -> str:
        document = api.retry(document_id)
        remark = " (the queue is away: it begins when that is back)" if document.degraded else ""
        return outcome("queued", document) + remark

    ctx.exit(for_each(ids, retry))
