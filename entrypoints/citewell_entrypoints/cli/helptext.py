"""How help looks: bold headings on a terminal, options without shouting, examples at the end."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import click

__all__ = ["Command", "HelpContext"]

#: What an example does, and the command line that does it.
Example = tuple[str, str]


class _Formatter(click.HelpFormatter):
    """Writes styles into the text; they are stripped where the output is no terminal."""

    def write_usage(self, prog: str, args: str = "", prefix: str | None = None) -> None:
        super().write_usage(prog, args, prefix=prefix or click.style("Usage:", bold=True) + " ")

    def write_heading(self, heading: str) -> None:
        self.write(f"{'':>{self.current_indent}}{click.style(heading, bold=True)}\n")

    def write_dl(self, rows: Iterable[tuple[str, str]], col_max: int = 30, col_spacing: int = 2) -> None:
        bold = [(click.style(first, bold=True), second) for first, second in rows]
        super().write_dl(bold, col_max=col_max, col_spacing=col_spacing)


class HelpContext(click.Context):
    """A context whose help has our looks."""

    formatter_class = _Formatter


class Command(click.Command):
    """A command whose help ends with examples: pairs of what is done and the command line that does it."""

    context_class = HelpContext

    def __init__(self, *args: Any, examples: Sequence[Example] = (), **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.examples = tuple(examples)

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """The examples."""
        write_examples(self.examples, formatter)


def write_examples(examples: Sequence[Example], formatter: click.HelpFormatter) -> None:
    """A section of examples, none if there are no examples."""
    if not examples:
        return
    with formatter.section("Examples"):
        indent = " " * formatter.current_indent
        for number, (purpose, line) in enumerate(examples):
            gap = "\n" if number else ""
            formatter.write(f"{gap}{indent}{click.style(f'# {purpose}', dim=True)}\n{indent}{line}\n")
