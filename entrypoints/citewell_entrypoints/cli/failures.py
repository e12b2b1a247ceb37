"""Failures that end a command with one line on the standard error stream and no traceback."""

from __future__ import annotations

from typing import IO, Any

import click

__all__ = ["INTERRUPTED", "Failed", "WrongSettings"]

#: Exit code after Ctrl-C: 128 + SIGINT, as shells have it.
INTERRUPTED = 130


class Failed(click.ClickException):
    """The command could not do what it was asked for; every line of the message stands for itself."""

    exit_code = 1

    def show(self, file: IO[Any] | None = None) -> None:
        """Print the message, one line for each failure."""
        for line in self.format_message().splitlines():
            click.echo(f"Error: {line}", file=file, err=file is None)


class WrongSettings(Failed):
    """Settings or options that cannot be used."""

    exit_code = 2
