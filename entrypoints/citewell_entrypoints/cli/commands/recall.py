"""`citewell recall`."""

from __future__ import annotations

import click

from citewell_entrypoints.cli.helptext import Command
from citewell_entrypoints.cli.server import api_at, url_option

__all__ = ["command"]

#: So many are asked for in one request, which takes some seconds where a collection is large.
_AT_ONCE = 20


@click.command(
    "recall",
    cls=Command,
    examples=(
        ("The collection `default`, with 100 questions", "citewell recall"),
        ("Another one, more closely", "citewell recall --collection hr --questions 500 -k 20"),
    ),
)
@click.option(
    "--collection", default="default", show_default=True, metavar="NAME", help="The collection to measure."
)
@click.option(
    "--questions", type=click.IntRange(1, 10_000), default=100, show_default=True, metavar="NUMBER",
    help="How many questions are asked.",
)  # fmt: skip
@click.option(
    "-k", "k", type=click.IntRange(1, 100), default=10, show_default=True, metavar="NUMBER",
    help="How many of the nearest passages are compared.",
)  # fmt: skip
@click.option(
    "--floor", type=click.FloatRange(0, 1), metavar="SHARE",
    help="The exit code is 1 below it; else below the server's APP_RECALL_FLOOR.",
)  # fmt: skip
@url_option
def command(collection: str, questions: int, k: int, floor: float | None, url: str | None) -> None:
    """Measure how much of what an exact search finds the index of the vectors finds.

    The questions are sentences of passages that are drawn by chance. Shown is recall@k, with 95 % confidence;
    the exit code is 1 where it is below the floor. Each question takes an exact search of the collection.
    """
    from citewell.evaluation import mean_interval

    api, recalls, ef = api_at(url), list[float](), 0
    while len(recalls) < questions:
        wanted = min(_AT_ONCE, questions - len(recalls))
        reply = api.recall({"collection": collection, "questions": wanted, "k": k}).json()
        recalls += reply["recalls"]
        ef = reply["search_ef"]
        floor = reply["floor"] if floor is None else floor
        if len(reply["recalls"]) < wanted:
            break
    if not recalls:
        click.echo(f"There is nothing to find in the collection {collection}.")
        return
    interval = mean_interval(recalls, seed=0)
    click.echo(
        f"recall@{k} {interval.mean:.4f} (95 % confidence: {interval.low:.4f} to {interval.high:.4f}), "
        f"{len(recalls)} questions"
    )
    if floor is not None and interval.mean < floor:
        click.echo(f"This is below {floor:g}: raise APP_SEARCH_EF, which is {ef}, and start again.")
        raise click.exceptions.Exit(1)
