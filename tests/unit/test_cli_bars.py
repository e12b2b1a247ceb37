"""The bars of `citewell ingest` on a terminal."""

from __future__ import annotations

import io
from pathlib import Path

from rich.console import Console

from citewell_entrypoints.cli.ingest_bars import BarsView
from citewell_entrypoints.client.events import Changed, Ended, Outcome, SourceFile, Uploading, Waiting
from citewell_entrypoints.client.values import Progress, RemoteDocument

FILE = SourceFile(Path("notes/report.pdf"), "notes/report.pdf", named=True)


def document(status: str, **state: object) -> RemoteDocument:
    """A document as the API tells it."""
    return RemoteDocument.of({"id": "0199", "name": "report.pdf", "status": status, **state})


class Screen:
    """A view on a terminal that keeps what it is given."""

    def __init__(self) -> None:
        self.stream = io.StringIO()
        console = Console(file=self.stream, force_terminal=True, width=100, highlight=False, markup=False)
        self.view = BarsView(2, console=console)

    def drawn(self) -> str:
        """What the bars are now."""
        console = Console(file=io.StringIO(), width=100)
        with console.capture() as captured:
            console.print(self.view.renderable())
        return captured.get()


def test_each_step_of_the_work_is_shown() -> None:
    """Uploading, waiting, parsing with pages, embedding with chunks."""
    screen = Screen()
    screen.view.show(Uploading(FILE, 512, 1024))
    assert "uploading" in screen.drawn()
    screen.view.show(Waiting(FILE, 1.0, "too many [uploads]"))
    assert "waiting: too many [uploads]" in screen.drawn()
    parsing = {"pages_done": 3, "pages_total": 12}
    screen.view.show(Changed(FILE, document("processing", stage="parsing", progress=parsing)))
    assert "parsing pages 3/12" in screen.drawn()
    embedding = {"pages_done": 12, "pages_total": 12, "chunks_done": 8, "chunks_total": 40}
    screen.view.show(Changed(FILE, document("processing", stage="embedding", progress=embedding)))
    assert "embedding chunks 8/40" in screen.drawn()


def test_a_file_that_waits_for_a_worker_takes_no_line() -> None:
    """Thousands of queued files must not push those in work off the screen."""
    screen = Screen()
    screen.view.show(Uploading(FILE, 1024, 1024))
    screen.view.show(Changed(FILE, document("queued")))
    assert "report.pdf" not in screen.drawn()


def test_the_end_of_a_file_moves_the_bar_of_all() -> None:
    """Its own bar goes, the count rises."""
    screen = Screen()
    screen.view.show(Uploading(FILE, 1024, 1024))
    assert "0 of 2" in screen.drawn()
    screen.view.show(Ended(FILE, Outcome.FAILED, code="no_text", reason="The file holds no text."))
    assert "report.pdf" not in screen.drawn()
    assert "1 of 2" in screen.drawn()


def test_a_bar_never_goes_back() -> None:
    """Neither for a short document, read before it is embedded, nor for a long one, embedded meanwhile."""
    short = [(0, None, 0, None), (3, 3, 0, None), (3, 3, 0, 12), (3, 3, 6, 12), (3, 3, 12, 12)]
    long = [(0, None, 0, None), (9, 90, 0, None), (20, 90, 64, None), (90, 90, 600, None), (90, 90, 600, 664)]
    for life in (short, long):
        screen = Screen()
        screen.view.show(Uploading(FILE, 1024, 1024))
        lengths = []
        for state in life:
            names = ("pages_done", "pages_total", "chunks_done", "chunks_total")
            progress = dict(zip(names, state, strict=True))
            screen.view.show(Changed(FILE, document("processing", stage="parsing", progress=progress)))
            [line] = [line for line in screen.drawn().splitlines() if "report.pdf" in line]
            lengths.append(line.count("━") + line.count("╸"))
        assert lengths == sorted(lengths)
        assert lengths[0] < lengths[-1]


def test_missing_progress_is_no_error() -> None:
    """A server that tells less is shown with less."""
    assert document("processing", progress=None).progress == Progress()
    screen = Screen()
    screen.view.show(Changed(FILE, document("processing")))
    assert "processing" in screen.drawn()
