"""How an ingestion is shown: lines of text, lines of JSON."""

from __future__ import annotations

import json
from contextlib import AbstractContextManager, nullcontext
from typing import Any, Protocol

import click

from citewell_entrypoints.cli.printing import counted, inline
from citewell_entrypoints.client.events import Ended, Event, Outcome, Waiting
from citewell_entrypoints.client.values import RemoteDocument

__all__ = ["JsonView", "PlainView", "View", "line_for", "work_on"]


class View(Protocol):
    """Shows events while it is open."""

    def open(self) -> AbstractContextManager[object]:
        """What is to be open while `show` is called."""
        ...

    def show(self, event: Event) -> None:
        """Show one event."""
        ...


class PlainView:
    """A line for each file that is at its end, and one where the server asks for patience."""

    def __init__(self) -> None:
        self._said: str | None = None

    def open(self) -> AbstractContextManager[object]:
        """Nothing needs to be open."""
        return nullcontext()

    def show(self, event: Event) -> None:
        """Print the ends to the standard output, the rest to the error stream."""
        if isinstance(event, Ended):
            click.echo(line_for(event))
        elif isinstance(event, Waiting) and event.reason != self._said:
            self._said = event.reason
            click.echo(f"waiting: {inline(event.reason)}", err=True)


class JsonView(PlainView):
    """An object of JSON a line, for each file that is at its end."""

    def show(self, event: Event) -> None:
        """Print the ends to the standard output, the rest to the error stream."""
        if isinstance(event, Ended):
            click.echo(json.dumps(_object(event)))
        else:
            super().show(event)


def line_for(event: Ended) -> str:
    """Like `ready    018f…  report.pdf (12 pages, 34 chunks)`."""
    document = event.document
    parts = [f"{event.outcome.value:<8}"]
    if document is not None:
        parts.append(document.id)
    parts.append(inline(event.file.shown))
    remark = _remark(event)
    return "  ".join(parts) + (f" ({remark})" if remark else "")


def work_on(document: RemoteDocument) -> str:
    """Like `parsing pages 3/12`, for a document in work."""
    progress, stage = document.progress, document.stage or "processing"
    if stage == "parsing" and progress.pages_done:
        return f"parsing pages {progress.pages_done}/{progress.pages_total or '?'}"
    if stage == "embedding" and progress.chunks_done:
        return f"embedding chunks {progress.chunks_done}/{progress.chunks_total or '?'}"
    return stage


def _remark(event: Ended) -> str:
    document = event.document
    if event.reason:
        return inline(f"{event.code}: {event.reason}" if event.outcome is Outcome.FAILED else event.reason)
    remarks = []
    if document is not None and document.page_count is not None:
        remarks.append(counted(document.page_count, "page"))
    if document is not None and document.chunk_count is not None:
        remarks.append(counted(document.chunk_count, "chunk"))
    if document is not None and document.unreadable_pages:
        remarks.append(f"{counted(len(document.unreadable_pages), 'page')} unreadable")
    if event.outcome is Outcome.QUEUED and document is not None and document.degraded:
        remarks.append("waits for the queue, which is away")
    if not event.created:
        remarks.append("was there already")
    return ", ".join(remarks)


def _object(event: Ended) -> dict[str, Any]:
    error = {"code": event.code, "message": event.reason} if event.reason else None
    return {
        "path": event.file.shown,
        "outcome": event.outcome.value,
        "created": event.created,
        "document": event.document.raw if event.document is not None else None,
        "error": error,
    }
