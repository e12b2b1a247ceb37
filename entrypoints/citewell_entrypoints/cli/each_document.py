"""Doing the same to each of some documents, and telling what came of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar
from uuid import UUID

import click

from citewell_entrypoints.cli.printing import inline
from citewell_entrypoints.client.errors import Refused

if TYPE_CHECKING:
    from citewell_entrypoints.client import RemoteDocument

__all__ = ["document_ids", "for_each", "outcome"]

F = TypeVar("F", bound=Callable[..., Any])


def document_ids(function: F) -> F:
    """The arguments `ID…`."""
    return click.argument("ids", nargs=-1, required=True, metavar="ID…", type=click.UUID)(function)


def for_each(ids: Sequence[UUID], act: Callable[[str], str]) -> int:
    """The exit code after acting on each: 1 if one was refused, which keeps nobody from the others.

    act: what is done to a document, and a line on it.
    """
    exit_code = 0
    for document_id in map(str, dict.fromkeys(ids)):
        try:
            click.echo(act(document_id))
        except Refused as error:
            exit_code = 1
            click.echo(f"Error: {document_id}: {inline(str(error))}", err=True)
    return exit_code


def outcome(word: str, document: RemoteDocument) -> str:
    """Like `queued     018f…  report.pdf`."""
    return f"{word:<9}  {document.id}  {inline(document.name)}"
