"""`citewell delete`."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

import click

from citewell_entrypoints.cli.each_document import document_ids, for_each
from citewell_entrypoints.cli.helptext import Command
from citewell_entrypoints.cli.server import api_at, url_option

__all__ = ["command"]


@click.command(
    "delete",
    cls=Command,
    examples=(
        ("One document; `citewell query` shows ids", "citewell delete 0199c1f0-7d6e-7c3a-9b57-2f6f3c1f9a10"),
        (
            "All that failed",
            "citewell status --json | jq -r '.failed[].id' | xargs citewell delete",
        ),
    ),
)
@document_ids
@url_option
@click.pass_context
def command(ctx: click.Context, ids: Sequence[UUID], url: str | None) -> None:
    """Delete documents with all that belongs to them, for good; nothing of them is found afterwards.

    A document that is in work is deleted, too. The exit code is 1 if one is unknown.
    """
    api = api_at(url)

    def delete(document_id: str) -> str:
        api.delete(document_id)
        return f"{'deleted':<9}  {document_id}"

    ctx.exit(for_each(ids, delete))
