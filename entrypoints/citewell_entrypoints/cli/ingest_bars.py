"""How an ingestion is shown on a terminal: a bar for each file in work, and one for all."""

from __future__ import annotations

import sys
from contextlib import AbstractContextManager
from typing import Final

from rich.cells import cell_len
from rich.console import Console, RenderableType
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Column
from rich.text import Text

from citewell_entrypoints.cli.ingest_views import line_for, work_on
from citewell_entrypoints.cli.printing import console as stream
from citewell_entrypoints.cli.printing import inline
from citewell_entrypoints.client.events import Changed, Ended, Event, Outcome, SourceFile, Uploading, Waiting
from citewell_entrypoints.client.values import RemoteDocument

__all__ = ["BarsView"]

#: All columns and the elapsed time fit into 80.
_NAME_CELLS, _BAR_CELLS, _STATE_CELLS = 24, 16, 28
_STYLES: Final = {Outcome.FAILED: "red", Outcome.SKIPPED: "dim", Outcome.READY: "green", Outcome.QUEUED: ""}
#: How much of a document's bar is done once it is sent, read, and all but the last chunks are embedded.
_SENT, _READ, _ALMOST = 0.2, 0.5, 0.95


class BarsView:
    """Bars for the files in work; a file at its end leaves a line above them."""

    def __init__(self, total: int, *, console: Console | None = None) -> None:
        self._progress = Progress(
            TextColumn("{task.description}", markup=False, table_column=_column(_NAME_CELLS)),
            BarColumn(bar_width=_BAR_CELLS, table_column=_column(_BAR_CELLS)),
            TextColumn("{task.fields[state]}", markup=False, table_column=_column(_STATE_CELLS)),
            TimeElapsedColumn(),
            console=console or stream(stderr=True),
            transient=True,
            redirect_stdout=sys.stdout.isatty(),
        )
        self._tasks: dict[SourceFile, TaskID] = {}
        self._shares: dict[SourceFile, float] = {}
        self._overall = self._progress.add_task("all files", total=total, state=f"0 of {total}")
        self._total = total
        self._done = 0

    def open(self) -> AbstractContextManager[object]:
        """The bars, drawn until the context ends."""
        return self._progress

    def renderable(self) -> RenderableType:
        """The bars as they are now."""
        return self._progress.get_renderable()

    def show(self, event: Event) -> None:
        """Move a bar, or replace it by a line."""
        match event:
            case Uploading(file, sent, total):
                self._move(file, _SENT * sent / max(total, 1), "uploading")
            case Waiting(file, _, reason):
                self._move(file, None, f"waiting: {reason}")
            case Changed(file, document):
                self._changed(file, document)
            case Ended():
                self._ended(event)

    def _changed(self, file: SourceFile, document: RemoteDocument) -> None:
        if document.status == "processing":
            self._move(file, _share(document), work_on(document))
        elif file in self._tasks:
            # The many that wait for a worker would fill the screen.
            self._progress.remove_task(self._tasks.pop(file))

    def _ended(self, event: Ended) -> None:
        if event.file in self._tasks:
            self._progress.remove_task(self._tasks.pop(event.file))
        self._done += 1
        self._progress.update(self._overall, completed=self._done, state=f"{self._done} of {self._total}")
        line = line_for(event)
        if sys.stdout.isatty():
            self._progress.console.print(Text(line, style=_STYLES[event.outcome]), soft_wrap=True)
        else:
            sys.stdout.write(f"{line}\n")
            sys.stdout.flush()

    def _move(self, file: SourceFile, share: float | None, state: str) -> None:
        if file not in self._tasks:
            name = _shortened(inline(file.shown))
            self._tasks[file] = self._progress.add_task(name, total=1.0, state=state)
        # What is left is an estimate, which may grow; a bar that goes back would only puzzle.
        self._shares[file] = max(self._shares.get(file, 0.0), share or 0.0)
        self._progress.update(self._tasks[file], completed=self._shares[file], state=inline(state))


def _share(document: RemoteDocument) -> float:
    """How much of the bar is done: a long document is embedded while it is read, a short one after."""
    progress = document.progress
    if progress.chunks_total:
        return _SENT + (1 - _SENT) * progress.chunks_done / progress.chunks_total
    if progress.pages_total:
        read = progress.pages_done / progress.pages_total
        return _SENT + ((_ALMOST if progress.chunks_done else _READ) - _SENT) * read
    return _SENT


def _column(cells: int) -> Column:
    return Column(width=cells, no_wrap=True, overflow="ellipsis")


def _shortened(name: str) -> str:
    """The end of a long name: the beginning of a path is the same for many."""
    while cell_len(name) > _NAME_CELLS:
        name = f"…{name.removeprefix('…')[1:]}"
    return name
