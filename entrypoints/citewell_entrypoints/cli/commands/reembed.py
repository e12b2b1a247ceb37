"""`citewell reembed`."""

from __future__ import annotations

import asyncio
from pathlib import Path

import click

from citewell_entrypoints.cli.configuration import settings_for_engines, settings_with
from citewell_entrypoints.cli.helptext import Command

__all__ = ["command"]

_input = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command(
    "reembed",
    cls=Command,
    examples=(
        (
            "Build the vectors of another model beside those in use, and compare",
            "citewell reembed --to openai --model text-embedding-3-small",
        ),
        (
            "By questions with judgements, as `citewell eval` has them",
            "citewell reembed --to local --queries queries.jsonl --qrels qrels.tsv",
        ),
        (
            "Catch up with what came in since, and go over to it at once",
            "citewell reembed --to openai --model text-embedding-3-small --activate",
        ),
        ("Go back to the space 1", "citewell reembed --to 1 --activate"),
    ),
)
@click.option("--to", metavar="BACKEND|ID",
    help="local, mock or openai, or the id of a space; else what the settings say.",
)  # fmt: skip
@click.option("--model", metavar="NAME", help="The model, as APP_EMBEDDINGS_MODEL names it.")
@click.option("--dimensions", type=click.IntRange(1, 4_000), metavar="NUMBER",
    help="As APP_EMBEDDINGS_DIM.",
)  # fmt: skip
@click.option("--activate", is_flag=True, help="Make it the active space once it is complete.")
@click.option("--throttle", type=click.FloatRange(min=0.1), metavar="NUMBER",
    help="Embed no more texts a second than this.",
)  # fmt: skip
@click.option("--queries", type=_input, metavar="FILE.jsonl",
    help="Compare by these questions instead of stored passages.",
)  # fmt: skip
@click.option("--qrels", type=_input, metavar="FILE.tsv", help="Judgements of those questions, for nDCG@10.")
@click.option("--collection", metavar="NAME", help="Compare within this collection; else within all.")
@click.option("--sample", type=click.IntRange(0, 10_000), default=100, show_default=True, metavar="NUMBER",
    help="How many stored passages to compare by; 0: do not compare.",
)  # fmt: skip
@click.option(
    "--seed", type=int, default=0, show_default=True, metavar="NUMBER", help="Of what is drawn by chance."
)
def command(
    to: str | None,
    model: str | None,
    dimensions: int | None,
    activate: bool,
    throttle: float | None,
    queries: Path | None,
    qrels: Path | None,
    collection: str | None,
    sample: int,
    seed: int,
) -> None:
    """Embed all that is stored with another model, beside the vectors in use, and go over to it.

    The service goes on answering and ingesting all the while, and follows without a restart. Stop the
    command at any time: run again, it goes on where it was. Without APP_DATABASE_URL it works on the database
    of the `citewell serve` that runs on the data directory.
    """
    if qrels is not None and queries is None:
        raise click.UsageError("--qrels judges the questions of --queries: give both")
    if to is not None and to.isdecimal() and (model or dimensions):
        raise click.UsageError("a space has its model and its dimensions: leave --model and --dimensions out")
    settings = settings_for_engines(settings_with(), queue=False)

    from citewell_entrypoints.cli.reembedding import Reembedding
    from citewell_entrypoints.cli.schema import require_schema

    require_schema(settings)
    work = Reembedding(
        settings=settings,
        to=to,
        model=model,
        dimensions=dimensions,
        texts_per_second=throttle,
        queries=queries,
        qrels=qrels,
        collection=collection,
        sample=sample,
        seed=seed,
    )
    asyncio.run(work(activate=activate))
