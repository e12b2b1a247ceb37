"""Text for terminals and pipes."""

from __future__ import annotations

import re
import shutil
import textwrap
import unicodedata
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import click

if TYPE_CHECKING:
    from rich.console import Console

__all__ = ["console", "counted", "inline", "print_table", "printable", "reflowed", "size", "wrapped"]

_WIDEST: Final = 100
_NARROWEST: Final = 40
#: Control characters but the line feed, overrides of the writing direction, halves of characters.
_STEERING: Final = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
#: The end of a line that its paragraph goes on after.
_WITHIN_PARAGRAPH: Final = re.compile(r"(?<!\n)\n(?!\n|\s*(?:[-*+•>|#]|\d+[.)])\s)")


def printable(text: str) -> str:
    """The text with spaces for control characters, so that no document or name can steer a terminal."""
    return _STEERING.sub(" ", text)


def inline(text: str) -> str:
    """The text as one line that cannot steer a terminal."""
    return " ".join(printable(text).split())


def reflowed(text: str, *, indent: str = "") -> str:
    """The text wrapped anew: a page's lines become paragraphs, items of lists and the like stay apart."""
    return wrapped(_WITHIN_PARAGRAPH.sub(" ", text), indent=indent)


def wrapped(text: str, *, indent: str = "") -> str:
    """The text in lines that fit the terminal, or 80 columns; its own lines stay apart, empty ones go."""
    text = printable(text)
    columns = max(min(shutil.get_terminal_size().columns, _WIDEST), _NARROWEST) - len(indent)
    wide = sum(unicodedata.east_asian_width(character) in "WF" for character in text)
    wrapper = textwrap.TextWrapper(
        # A script of wide characters has fewer of them on a line.
        width=columns * len(text) // (len(text) + wide) + len(indent) if text else columns,
        initial_indent=indent,
        subsequent_indent=indent,
        break_on_hyphens=False,
    )
    return "\n".join(wrapper.fill(line) for line in text.splitlines() if line.strip())


def counted(number: int, noun: str) -> str:
    """Like `1 page` or `2 pages`."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def size(size_bytes: int) -> str:
    """Like `12 KiB` or `3.4 MiB`."""
    return f"{size_bytes / 1024:,.0f} KiB" if size_bytes < 1 << 20 else f"{size_bytes / (1 << 20):,.1f} MiB"


def console(*, stderr: bool = False) -> Console:
    """Where bars and tables go; plain text where the stream is no terminal."""
    from rich.console import Console

    return Console(stderr=stderr, highlight=False, markup=False, emoji=False)


def print_table(columns: Sequence[str], rows: Sequence[Sequence[str]], *, stderr: bool = False) -> None:
    """Print a table without lines; long cells go on in the next line."""
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*(Text(inline(cell)) for cell in row))
    stream = console(stderr=stderr)
    with stream.capture() as captured:
        stream.print(table)
    # The cells are as wide as their column, which nobody wants to have in a file.
    click.echo("\n".join(line.rstrip() for line in captured.get().splitlines()), err=stderr)
