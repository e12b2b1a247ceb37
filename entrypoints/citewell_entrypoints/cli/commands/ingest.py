"""`citewell ingest`."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import IO

import click

from citewell_entrypoints.cli.files import source_files
from citewell_entrypoints.cli.helptext import Command
from citewell_entrypoints.cli.ingest_summary import IngestSummary
from citewell_entrypoints.cli.ingest_views import JsonView, PlainView, View
from citewell_entrypoints.cli.passwords import password_options, password_to_use
from citewell_entrypoints.cli.server import api_at, url_option
from citewell_entrypoints.client import ingest

__all__ = ["command"]


def _checked_metadata(_ctx: click.Context, _parameter: click.Parameter, value: str | None) -> str | None:
    try:
        if value is None or isinstance(json.loads(value), dict):
            return value
    except ValueError as error:
        raise click.BadParameter(f"not JSON: {error}") from error
    raise click.BadParameter('not a JSON object, like {"year": 2026}')


@click.command(
    "ingest",
    cls=Command,
    examples=(
        ("A file, and everything in a folder", "citewell ingest report.pdf notes/"),
        (
            "Into a collection, with metadata",
            "citewell ingest contracts/ --collection legal --metadata '{\"year\": 2026}'",
        ),
        ("Encrypted files, whose password is asked for", "citewell ingest locked/ --password"),
        ("Only upload; see `citewell status` for what becomes of it", "citewell ingest *.pdf --no-wait"),
        ("To a server elsewhere", "citewell ingest report.pdf --url https://citewell.example.org"),
    ),
)
@click.argument(
    "paths", nargs=-1, required=True, metavar="PATH…", type=click.Path(exists=True, path_type=Path)
)
@click.option(
    "--collection", metavar="NAME", help="Put the documents into this collection; else into `default`."
)
@click.option(
    "--metadata", metavar="JSON", callback=_checked_metadata, help="A JSON object to keep with each document."
)
@password_options
@click.option("--no-wait", is_flag=True, help="Return once the files are uploaded.")
@click.option("--json", "as_json", is_flag=True, help="Print one object of JSON a line for each file.")
@url_option
@click.pass_context
def command(
    ctx: click.Context,
    paths: Sequence[Path],
    collection: str | None,
    metadata: str | None,
    ask_password: bool,
    password_file: IO[bytes] | None,
    no_wait: bool,
    as_json: bool,
    url: str | None,
) -> None:
    """Upload files, and those in folders and below, and wait until each is ready to be found.

    Hidden files are left out. Files in a folder that no parser reads are skipped; named one by one, they are
    failures. The exit code is 1 if a file failed. A file that is there already is not ingested again.
    """
    files = source_files(paths)
    if not files:
        click.echo("There is nothing to ingest.", err=True)
        return
    password = password_to_use(ask=ask_password, file=password_file)
    api = api_at(url)
    api.is_alive()
    fields = {"collection": collection, "metadata": metadata, "password": password}
    given = {name: value for name, value in fields.items() if value is not None}
    view = _view(len(files), as_json=as_json)
    summary = IngestSummary(len(files))
    try:
        with view.open(), closing(ingest(api, files, fields=given, wait=not no_wait)) as events:
            for event in events:
                view.show(event)
                summary.add(event)
    finally:
        summary.print(with_failures=not as_json)
    ctx.exit(1 if summary.failures else 0)


def _view(total: int, *, as_json: bool) -> View:
    if as_json:
        return JsonView()
    if sys.stderr.isatty():
        from citewell_entrypoints.cli.ingest_bars import BarsView

        return BarsView(total)
    return PlainView()
