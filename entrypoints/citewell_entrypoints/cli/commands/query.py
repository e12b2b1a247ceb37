"""`citewell query`."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final
from uuid import UUID

import click

from citewell_entrypoints.cli.explanation import explained
from citewell_entrypoints.cli.helptext import Command
from citewell_entrypoints.cli.printing import counted, inline, reflowed, wrapped
from citewell_entrypoints.cli.server import api_at, url_option

__all__ = ["command"]

_MISSING: Final = {
    "llm": "the language model gave no answer; the sources are complete",
    "embedder": "the embedding model is away; the passages were found by their words alone",
    "reranker": "the reranker gave no scores; the passages are in the order of the search",
}


#: Of copies of a passage; --json has all.
_SHOWN_PLACES: Final = 3


def _checked_filter(
    _ctx: click.Context, _parameter: click.Parameter, value: str | None
) -> Mapping[str, Any] | None:
    """What is wrong with it is said before anything is sent."""
    from citewell.errors import InvalidInput
    from citewell.filtering import parse_filter

    if value is None:
        return None
    try:
        condition: Mapping[str, Any] = json.loads(value)
        parse_filter(condition)
    except (ValueError, RecursionError) as error:
        raise click.BadParameter(f"not JSON: {error}") from error
    except InvalidInput as error:
        raise click.BadParameter(str(error)) from error
    return condition


@click.command(
    "query",
    cls=Command,
    examples=(
        ("The five best passages", 'citewell query "How long is the warranty?"'),
        ("In one collection, more of them", 'citewell query "opening hours" --collection hr --top-k 20'),
        (
            "In documents of some years",
            """citewell query "opening hours" --filter '{"year": {"gte": 2020, "lt": 2024}}'""",
        ),
        (
            "For a program",
            'citewell query "opening hours" --json | jq -r ".sources[].text"',
        ),
    ),
)
@click.argument("question")
@click.option("--collection", metavar="NAME", help="Search in this collection; else in `default`.")
@click.option(
    "--document", "documents", type=click.UUID, multiple=True, metavar="ID",
    help="Search in this document; may be given several times.",
)  # fmt: skip
@click.option(
    "--filter", "condition", metavar="JSON", callback=_checked_filter,
    help="Search in documents with such metadata; keys with a value, or eq, ne, gt, gte, lt, lte, in, nin.",
)  # fmt: skip
@click.option(
    "--top-k", type=click.IntRange(1, 100), default=5, show_default=True, metavar="NUMBER",
    help="How many passages at most.",
)  # fmt: skip
@click.option(
    "--mode", type=click.Choice(("hybrid", "dense", "lexical")),
    help="Search by meaning (dense) or by words (lexical) alone; else by both.",
)  # fmt: skip
@click.option(
    "--rerank/--no-rerank", default=None,
    help="Judge the first passages once more, or not; else as the server is set up.",
)  # fmt: skip
@click.option(
    "--diversity", type=click.FloatRange(0, 1), metavar="SHARE",
    help="Prefer passages that differ from each other, from 0 to 1; 0.3 is much.",
)  # fmt: skip
@click.option(
    "--expand", type=click.IntRange(0, 10), default=0, metavar="NUMBER",
    help="Show so many chunks before and after each passage, too.",
)  # fmt: skip
@click.option("--no-answer", is_flag=True, help="Show the passages alone, without asking the language model.")
@click.option("--explain", is_flag=True, help="Show how each passage came to its place.")
@click.option("--json", "as_json", is_flag=True, help="Print the reply of the API as it is.")
@url_option
def command(
    question: str,
    collection: str | None,
    documents: Sequence[UUID],
    condition: Mapping[str, Any] | None,
    top_k: int,
    mode: str | None,
    rerank: bool | None,
    diversity: float | None,
    expand: int,
    no_answer: bool,
    explain: bool,
    as_json: bool,
    url: str | None,
) -> None:
    """Find the passages that answer QUESTION, best first.

    Each comes with its score in [0, 1], its document and its pages, and, where a language model is
    configured, an answer that rests on them comes first, with the quotes that prove it.
    """
    asked = {
        "question": question,
        "top_k": top_k,
        "mode": mode,
        "rerank": rerank,
        "diversity": diversity,
        "expand": expand or None,
        "answer": False if no_answer else None,
        "explain": explain or None,
        "collection": collection,
        "filter": condition,
        "document_id": str(documents[0]) if len(documents) == 1 else None,
        "document_ids": [str(document) for document in documents] if len(documents) > 1 else None,
    }
    # What is not asked for is as the server is set up.
    body = {name: value for name, value in asked.items() if value is not None}
    reply = api_at(url).query(body)
    if as_json:
        click.echo(reply.text)
    else:
        _show(reply.json())


def _show(reply: Mapping[str, Any]) -> None:
    answer, sources = reply.get("answer"), reply.get("sources") or []
    if answer:
        click.echo(f"{wrapped(answer)}\n")
        if cited := list(_cited(reply)):
            click.echo("\n".join(cited) + "\n")
    if not sources:
        click.echo("Nothing found.")
    for number, source in enumerate(sources, start=1):
        if number > 1:
            click.echo()
        _show_source(number, source)
    if reply.get("explanation"):
        click.echo(f"\n{explained(reply)}")
    if removed := reply.get("citations_removed"):
        click.echo(f"\nNote: {counted(removed, 'citation')} of the language model did not hold.")
    reasons = {missing["part"]: str(missing["reason"]) for missing in reply.get("degradations") or ()}
    for name in reply.get("degraded") or ():
        why = f" ({inline(reasons[name])})" if name in reasons else ""
        click.echo(f"\nNote: {_MISSING.get(name, f'{inline(name)} could not contribute')}{why}.")


def _cited(reply: Mapping[str, Any]) -> Iterator[str]:
    """What the answer rests on, in the order of its text, each quote once."""
    shown = set[tuple[int, str]]()
    for citation in reply.get("citations") or ():
        number, quote = citation["source"], inline(citation["quote"])
        if (number, quote) in shown:
            continue
        shown.add((number, quote))
        source = reply["sources"][number]
        name = inline(str(source.get("document_name") or citation["document_id"]))
        place = ", ".join(filter(None, [name, _pages(citation)]))
        yield click.style(wrapped(f"[{number + 1}] “{quote}” {place}", indent="    "), dim=True)


def _show_source(number: int, source: Mapping[str, Any]) -> None:
    name = inline(str(source.get("document_name") or source.get("document_id", "")))
    place = ", ".join(filter(None, [name, _pages(source.get("passage") or source)]))
    click.echo(f"{click.style(f'[{number}] {place}', bold=True)}  score {source['score']:.3f}")
    path = " › ".join(source.get("heading_path") or ())
    if path:
        click.echo(click.style(wrapped(path, indent="    "), dim=True))
    passage = source.get("passage") or source
    # A page ends a paragraph.
    click.echo(reflowed(passage["text"].replace("\f", "\n\n"), indent="    "))
    for place in _also(source):
        click.echo(click.style(f"    also in {place}", dim=True))
    click.echo(click.style(f"    document {source['document_id']}, {_chunks(source)}", dim=True))


def _chunks(source: Mapping[str, Any]) -> str:
    index, passage = source["chunk_index"], source.get("passage")
    if not passage or passage["chunk_first"] == passage["chunk_last"]:
        return f"chunk {index}"
    return f"chunk {index} in {passage['chunk_first']}-{passage['chunk_last']}"


def _also(source: Mapping[str, Any]) -> Iterator[str]:
    places = source.get("also_in") or ()
    for place in places[:_SHOWN_PLACES]:
        name = inline(str(place.get("document_name") or place.get("document_id", "")))
        yield ", ".join(filter(None, [name, _pages(place)]))
    if len(places) > _SHOWN_PLACES:
        yield f"{len(places) - _SHOWN_PLACES} more places"


def _pages(source: Mapping[str, Any]) -> str:
    pages = source.get("pages") or {}
    first, last = pages.get("first"), pages.get("last")
    if not first:
        return ""
    return f"page {first}" if last in (None, first) else f"pages {first}-{last}"
