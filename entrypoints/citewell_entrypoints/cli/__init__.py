"""The command line `citewell`.

Modules here import click alone; what a command needs is imported when it runs, so that `--help` is quick.
"""

from __future__ import annotations

import io
import sys

__all__ = ["main"]


def main() -> None:
    """Run the command that the process's arguments name, and exit with its code."""
    for stream in (sys.stdout, sys.stderr):
        # Texts are in every script; a terminal that knows only some letters is to get those.
        if isinstance(stream, io.TextIOWrapper) and stream.errors == "strict":
            stream.reconfigure(errors="replace")
    try:
        from citewell_entrypoints.cli.root import root
    except ModuleNotFoundError as error:
        # The library alone is installed, which brings the script but nothing that it needs.
        sys.exit(f"Error: the package {error.name} is missing: run pip install 'citewell[server]'")
    root(prog_name="citewell")
