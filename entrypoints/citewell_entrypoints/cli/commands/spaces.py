"""`citewell spaces`."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING

import click

from citewell_entrypoints.cli.configuration import settings_for_engines, settings_with
from citewell_entrypoints.cli.helptext import Command
from citewell_entrypoints.cli.printing import counted, print_table, size

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
        ("Index the signs of the vectors alone, if enough is found", "citewell spaces quantize 1"),
        ("Back to the index of the vectors", "citewell spaces quantize 1 --off"),
    ),
)
@click.argument("action", required=False, type=click.Choice(["drop", "quantize"]), metavar="[drop|quantize]")
@click.argument("space_id", required=False, type=click.IntRange(min=1), metavar="[ID]")
@click.option("--yes", is_flag=True, help="Drop without asking.")
@click.option("--off", is_flag=True, help="Quantize no longer.")
@click.option(
    "--floor", type=click.FloatRange(0, 1), metavar="SHARE",
    help="The least recall@10 to quantize with; else APP_RECALL_FLOOR.",
)  # fmt: skip
@click.option(
    "--questions", type=click.IntRange(1, 10_000), default=100, show_default=True, metavar="NUMBER",
    help="How many questions the recall is measured by.",
)  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print the spaces as an array of JSON.")
def command(
    action: str | None,
    space_id: int | None,
    yes: bool,
    off: bool,
    floor: float | None,
    questions: int,
    as_json: bool,
) -> None:
    """List the embedding spaces of the database, drop one that is not active, or quantize one.

    A space is one embedding model and its vectors. One is active: documents are embedded and found in it.
    `citewell reembed` builds another one and makes it active.

    A quantized space has an index over the signs of its vectors, a fraction of the size of the other one.
    Of what that finds, several times as much as is wanted, the vectors themselves choose. It takes the other
    one's place only if it finds enough, measured with sentences of stored passages. Searches go on meanwhile.

    Without APP_DATABASE_URL it works on the database of the `citewell serve` that runs on the data directory.
    """
    if (action is None) != (space_id is None):
        raise click.UsageError(f"say which space: citewell spaces {action or 'drop'} ID")
    settings = settings_for_engines(settings_with(), queue=False)

    from citewell_entrypoints.cli.schema import require_schema

    require_schema(settings)
    if space_id is None:
        _show(asyncio.run(_spaces(settings)), as_json=as_json)
        return
    if action == "quantize":
        from citewell_entrypoints.cli.quantizing import Quantizing

        least = settings.recall_floor if floor is None else floor
        work = Quantizing(settings=settings, space_id=space_id, floor=least, questions=questions)
        asyncio.run(work(quantized=not off))
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
            size(state.size_bytes),
            "signs" if state.space.quantized else "vectors",
        )
        for state in states
    ]
    print_table(("id", "model", "dimensions", "backend", "", "vectors", "complete", "size", "index of"), rows)
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
        "quantized": state.space.quantized,
        "vectors": state.vectors,
        "live_chunks": state.live_chunks,
        "size_bytes": state.size_bytes,
    }
