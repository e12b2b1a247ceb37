"""`citewell spaces`."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING

import click

from citewell_entrypoints.cli.configuration import settings_for_engines, settings_with
from citewell_entrypoints.cli.helptext import Command
from citewell_entrypoints.cli.printing import counted, print_table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from citewell_adapters.pgvector import OpenedSpace, SpaceState
    from citewell_entrypoints.settings import Settings

__all__ = ["command"]


@click.command(
    "spaces",
    cls=Command,
    examples=(
        ("Which embedding models have vectors, and how complete they are", "citewell spaces"),
        ("Free what a former model takes", "citewell spaces drop 1"),
        ("Without being asked", "citewell spaces drop 1 --yes"),
    ),
)
@click.argument("action", required=False, type=click.Choice(["drop"]), metavar="[drop]")
@click.argument("space_id", required=False, type=click.IntRange(min=1), metavar="[ID]")
@click.option("--yes", is_flag=True, help="Drop without asking.")
@click.option("--json", "as_json", is_flag=True, help="Print the spaces as an array of JSON.")
def command(action: str | None, space_id: int | None, yes: bool, as_json: bool) -> None:
    """List the embedding spaces of the database, or drop one that is not active.

    A space is one embedding model and its vectors. One is active: documents are embedded and found in it.
    `citewell reembed` builds another one and makes it active. Without APP_DATABASE_URL it works on the
    database of the `citewell serve` that runs on the data directory.
    """
    if (action is None) != (space_id is None):
        raise click.UsageError("say which space: citewell spaces drop ID")
    settings = settings_for_engines(settings_with(), queue=False)

    from citewell_entrypoints.cli.schema import require_schema

    require_schema(settings)
    if space_id is None:
        _show(asyncio.run(_spaces(settings)), as_json=as_json)
        return
    if not yes:
        click.confirm(f"Drop the embedding space {space_id} with its vectors, for good?", abort=True)
    dropped = asyncio.run(_drop(settings, space_id))
    click.echo(f"dropped {space_id}: {dropped.space}")


async def _spaces(settings: Settings) -> Sequence[SpaceState]:
    from citewell_adapters.pgvector import PgSpaces
    from citewell_entrypoints.reembedding.operating import operators_database

    async with operators_database(settings) as database:
        return await PgSpaces(database).list()


async def _drop(settings: Settings, space_id: int) -> OpenedSpace:
    from citewell_adapters.pgvector import PgSpaces
    from citewell_entrypoints.reembedding.operating import operators_database

    async with operators_database(settings) as database:
        return await PgSpaces(database).drop(space_id)


def _show(states: Sequence[SpaceState], *, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps([_object(state) for state in states], indent=2))
        return
    if not states:
        click.echo("There is none yet: the first start of the service makes one.")
        return
    rows = [
        (
            str(state.space.id),
            state.space.space.model,
            f"{state.space.space.dimensions:,}",
            state.space.origin.backend if state.space.origin else "?",
            "active" if state.space.active else "",
            f"{state.vectors:,}",
            f"{100 * state.complete:.1f} %",
            _size(state.size_bytes),
        )
        for state in states
    ]
    print_table(("id", "model", "dimensions", "backend", "", "vectors", "complete", "size"), rows)
    click.echo(f"\n{counted(states[0].live_chunks, 'passage')} can be found.")


def _object(state: SpaceState) -> dict[str, object]:
    origin = state.space.origin
    return {
        "id": state.space.id,
        "model": state.space.space.model,
        "dimensions": state.space.space.dimensions,
        "backend": origin.backend if origin else None,
        "backend_model": origin.model if origin else None,
        "active": state.space.active,
        "vectors": state.vectors,
        "live_chunks": state.live_chunks,
        "size_bytes": state.size_bytes,
    }


def _size(size_bytes: int) -> str:
    return f"{size_bytes / 1024:,.0f} KiB" if size_bytes < 1 << 20 else f"{size_bytes / (1 << 20):,.1f} MiB"
