"""Puts figures into docs/performance.md: `python -m bench.report FILE…`.

FILE: what `make bench` or `make bench-scale` has written. The tables stand between markers there, one pair a
kind; the plot goes into an SVG file beside it.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import msgspec

from bench._figures import Result, read_result
from bench._plot import plot_of
from bench._tables import tables_of

__all__ = ["between_markers", "put"]

DOCUMENT = Path(__file__).parent.parent / "docs" / "performance.md"


def main(arguments: Sequence[str]) -> int:
    """The exit code."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("files", type=Path, nargs="+", metavar="FILE")
    for path in parser.parse_args(arguments).files:
        try:
            result = read_result(path)
        except (OSError, msgspec.DecodeError) as error:
            print(f"{path} holds no figures: {error}", file=sys.stderr)
            return 1
        print(f"written: {', '.join(map(str, put(result, DOCUMENT)))}")
    return 0


def put(result: Result, document: Path) -> tuple[Path, Path]:
    """Write the tables into the document and the plot beside it; both paths."""
    document.write_text(between_markers(document.read_text(), result.kind, tables_of(result)))
    plot = document.with_name(f"{document.stem}-{result.kind}.svg")
    plot.write_text(plot_of(result))
    return document, plot


def between_markers(text: str, kind: str, content: str) -> str:
    """The text with the content between its markers of that kind. Raises ValueError if it has none."""
    begin, end = f"<!-- {kind}: begin -->\n", f"\n<!-- {kind}: end -->"
    head, found, rest = text.partition(begin)
    _, closed, tail = rest.partition(end)
    if not found or not closed:
        raise ValueError(f"the markers of {kind} are missing")
    return f"{head}{begin}{content}{end}{tail}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
