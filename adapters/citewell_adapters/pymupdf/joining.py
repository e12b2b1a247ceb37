"""Lines as a reader sees them, from the pieces that MuPDF finds."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from citewell_adapters.pymupdf.printed import PrintedLine

__all__ = ["joined_lines"]

# Pieces of one printed line whose gap is up to so many times the type size are put together.
_WIDEST_GAP: Final = 1.6
# In type sizes as well: how little moved a doubled line is.
_HAIR: Final = 0.1


def joined_lines(pieces: Iterable[PrintedLine]) -> list[PrintedLine]:
    """The lines that the pieces of one block make, each piece behind the other; empty pieces are left out."""
    lines: list[PrintedLine] = []
    for line in pieces:
        if not line.text:
            continue
        if lines and _doubles(lines[-1], line):
            lines[-1] = line
        elif lines and _continues(lines[-1], line):
            lines[-1] = _joined(lines[-1], line)
        else:
            lines.append(line)
    return lines


def _doubles(line: PrintedLine, again: PrintedLine) -> bool:
    """Whether it is the same line drawn once more, a hair beside the first: how some make type bold."""
    near = _HAIR * line.size
    same_place = abs(line.left - again.left) < near and abs(line.top - again.top) < near
    return same_place and again.text.startswith(line.text)


def _continues(line: PrintedLine, piece: PrintedLine) -> bool:
    """Whether the piece stands on the same printed line, after a gap that only justified text leaves."""
    size = max(line.size, piece.size)
    level = abs(line.top - piece.top) < 0.25 * size and abs(line.bottom - piece.bottom) < 0.25 * size
    return level and -0.1 * size < piece.left - line.right < _WIDEST_GAP * size


def _joined(line: PrintedLine, piece: PrintedLine) -> PrintedLine:
    return PrintedLine(
        text=f"{line.text} {piece.text}",
        left=line.left,
        top=min(line.top, piece.top),
        right=max(line.right, piece.right),
        bottom=max(line.bottom, piece.bottom),
        size=max(line.size, piece.size),
        bold=line.bold and piece.bold,
    )
