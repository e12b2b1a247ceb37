"""`citewell status`."""

from __future__ import annotations

import json
from collections.abc import Sequence
from itertools import islice
from typing import TYPE_CHECKING, Final

import click

from citewell_entrypoints.cli.helptext import Command
from citewell_entrypoints.cli.ingest_views import work_on
from citewell_entrypoints.cli.printing import inline, print_table
from citewell_entrypoints.cli.server import api_at, url_option
from citewell_entrypoints.client.errors import Busy

if TYPE_CHECKING:
    from citewell_entrypoints.client import Api, RemoteDocument
    from citewell_entrypoints.client.values import Readiness

__all__ = ["command"]

_STATES: Final = {"ready": "ready", "degraded": "degraded, but serves"}
_STATUSES: Final = ("queued", "processing", "ready", "failed", "cancelled")
#: The API lists, it does not count: beyond this many of a status, counting would only keep it from its work.
_MOST_COUNTED: Final = 10_000
_MOST_SHOWN: Final = 20

Documents = dict[str, Sequence["RemoteDocument"]]


@click.command(
    "status",
    cls=Command,
    examples=(
        ("The server that the settings name", "citewell status"),
        ("Another one", "citewell status --url https://citewell.example.org"),
        (
            "Wait until all work is done",
            "until citewell status --json | jq -e '.in_work == []'; do sleep 1; done",
        ),
    ),
)
@click.option("--json", "as_json", is_flag=True, help="Print one object of JSON.")
@url_option
@click.pass_context
def command(ctx: click.Context, as_json: bool, url: str | None) -> None:
    """Show whether the server is ready, how many documents it holds, and which are in work or failed.

    It is degraded if a part is away that it can serve without: questions are answered, but no document is
    ingested while the queue is away, and none is taken while the blob store is. The exit code is 1 if it is
    not ready.
    """
    api = api_at(url)
    readiness = api.readiness()
    documents: Documents = {}
    trouble = ""
    try:
        documents = {
            status: tuple(islice(api.documents(status=status), _MOST_COUNTED)) for status in _STATUSES
        }
    except Busy as error:
        trouble = str(error)
    if as_json:
        click.echo(json.dumps(_object(api, readiness, documents), indent=2))
    else:
        _show(api, readiness, documents, trouble)
    ctx.exit(0 if readiness.serves else 1)


def _object(api: Api, readiness: Readiness, documents: Documents) -> dict[str, object]:
    in_work = [*documents.get("processing", ()), *documents.get("queued", ())]
    return {
        "url": str(api.address),
        "ready": readiness.serves,
        "degraded": list(readiness.away) if readiness.serves else [],
        "parts": readiness.raw["parts"],
        "documents": {status: len(found) for status, found in documents.items()} or None,
        "in_work": [document.raw for document in in_work] if documents else None,
        "failed": [document.raw for document in documents["failed"]] if documents else None,
    }


def _show(api: Api, readiness: Readiness, documents: Documents, trouble: str) -> None:
    click.echo(f"Citewell at {api.address} is {_STATES.get(readiness.status, 'not ready')}.")
    if readiness.parts:
        rows = [(name, part.state, part.detail) for name, part in readiness.parts.items()]
        print_table(("part", "state", "detail"), rows)
    if trouble:
        click.echo(f"\nThe documents cannot be counted: {inline(trouble)}")
        return
    counts = [f"{_count(found)} {status}" for status, found in documents.items() if found]
    click.echo(f"\nDocuments: {', '.join(counts) or 'none'}")
    in_work = [(found.name, work_on(found), found.id) for found in documents["processing"]]
    _show_last(("in work", "stage", "id"), in_work)
    failed = [
        (found.name, found.error_code or "", found.error_message or "") for found in documents["failed"]
    ]
    _show_last(("failed", "code", "reason"), failed)


def _show_last(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """The last rows: what was uploaded last is what is waited for."""
    if not rows:
        return
    left = len(rows) - _MOST_SHOWN
    click.echo()
    print_table(columns, rows[-_MOST_SHOWN:])
    if left > 0:
        click.echo(f"… and {left:,} more")


def _count(found: Sequence[RemoteDocument]) -> str:
    return f"{len(found):,}{'+' if len(found) == _MOST_COUNTED else ''}"
