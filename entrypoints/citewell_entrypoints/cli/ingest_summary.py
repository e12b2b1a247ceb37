"""What an ingestion came to."""

from __future__ import annotations

import time
from collections import Counter

import click

from citewell_entrypoints.cli.printing import counted, print_table
from citewell_entrypoints.client.events import Ended, Event, Outcome

__all__ = ["IngestSummary"]


class IngestSummary:
    """Counts the ends of files, and tells at last which failed and why."""

    def __init__(self, total: int) -> None:
        self._total = total
        self._began = time.monotonic()
        self._outcomes: Counter[Outcome] = Counter()
        self.failures: list[Ended] = []

    def add(self, event: Event) -> None:
        """Count the event if it is an end."""
        if not isinstance(event, Ended):
            return
        self._outcomes[event.outcome] += 1
        if event.outcome is Outcome.FAILED:
            self.failures.append(event)

    def print(self, *, with_failures: bool) -> None:
        """Write to the error stream how many ended how, and, if wanted, a table of the failures."""
        if self.failures and with_failures:
            rows = [(event.file.shown, event.code, event.reason) for event in self.failures]
            click.echo(err=True)
            print_table(("failed file", "code", "reason"), rows, stderr=True)
            click.echo(err=True)
        counts = [f"{self._outcomes[outcome]} {outcome}" for outcome in Outcome if self._outcomes[outcome]]
        seconds = time.monotonic() - self._began
        click.echo(
            f"{counted(self._total, 'file')}: {', '.join(counts) or 'none at its end'}, {seconds:.1f} s",
            err=True,
        )
        left = self._total - self._outcomes.total()
        if left:
            click.echo(
                f"{left} not at its end: the server goes on with what was uploaded; see `citewell status`",
                err=True,
            )
