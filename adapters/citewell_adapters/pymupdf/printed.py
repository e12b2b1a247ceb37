"""What is printed on a page, by MuPDF: blocks of lines with their boxes and type sizes, in reading order."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from pymupdf import mupdf

from citewell.model import Box, Line, Span

__all__ = ["PrintedBlock", "PrintedLine", "PrintedPage", "print_page"]

# MuPDF writes whole numbers: hundredths of a point are fine enough.
_SCALE: Final = 100
# Neither ligatures nor odd kinds of space are kept: nobody types them into a question. What is drawn outside
# the visible page is left out.
_OPTIONS: Final = mupdf.FzStextOptions(mupdf.FZ_STEXT_MEDIABOX_CLIP)
_UNFIT: Final = re.compile("[\x00\ud800-\udfff]")
# Pieces of one printed line whose gap is up to so many times the type size are put together.
_WIDEST_GAP: Final = 1.6
# In type sizes as well: how little moved a doubled line is, and how high a line is at least.
_HAIR: Final = 0.1
_LEAST_HEIGHT: Final = 0.5


@dataclass(slots=True)
class PrintedLine:
    """A line: its place in points on the page as it is shown, its type, and once laid out, its span."""

    text: str
    left: float
    top: float
    right: float
    bottom: float
    size: float
    bold: bool
    start: int = 0


@dataclass(frozen=True, slots=True)
class PrintedBlock:
    """Lines that stand together: a paragraph, a heading, a table's row or cell."""

    lines: Sequence[PrintedLine]


@dataclass(frozen=True, slots=True)
class PrintedPage:
    """A page: lines of a block on lines of their own, a blank line between blocks."""

    text: str
    blocks: Sequence[PrintedBlock]
    left: float
    top: float
    width: float
    height: float

    @property
    def lines(self) -> Iterator[PrintedLine]:
        """The lines of all blocks in reading order."""
        for block in self.blocks:
            yield from block.lines

    def boxed_lines(self) -> tuple[Line, ...]:
        """The lines with their spans in the text and their boxes as fractions of the page."""
        across, down = _inverse(self.width), _inverse(self.height)
        return tuple(
            Line(
                Span(line.start, line.start + len(line.text)),
                Box(
                    _clipped((line.left - self.left) * across),
                    _clipped((line.top - self.top) * down),
                    _clipped((line.right - self.left) * across),
                    _clipped((line.bottom - self.top) * down),
                ),
            )
            for line in self.lines
        )


def print_page(document: mupdf.FzDocument, index: int) -> PrintedPage:
    """The page with this index (from 0), turned the way it is shown. Raises MuPDF's errors."""
    page = mupdf.fz_load_page(document, index)
    bounds = mupdf.fz_bound_page(page)
    printed = mupdf.FzStextPage(bounds)
    device = mupdf.fz_new_stext_device(printed, _OPTIONS)
    mupdf.fz_run_page(page, device, mupdf.FzMatrix(), mupdf.FzCookie())
    mupdf.fz_close_device(device)
    # One call that writes JSON is twice as fast as the dictionaries that PyMuPDF builds.
    buffer = mupdf.fz_new_buffer(16_384)
    output = mupdf.FzOutput(buffer)
    mupdf.fz_print_stext_page_as_json(output, printed, _SCALE)
    output.fz_close_output()
    found = json.loads(buffer.fz_buffer_extract().decode("utf-8", "replace"))
    return _laid_out([_block(block) for block in found["blocks"] if block["type"] == "text"], bounds)


def _laid_out(blocks: Sequence[PrintedBlock], bounds: mupdf.FzRect) -> PrintedPage:
    texts: list[str] = []
    offset = 0
    blocks = [block for block in blocks if block.lines]
    for block in blocks:
        if texts:
            offset += 2
        for line in block.lines:
            line.start = offset
            offset += len(line.text) + 1
        offset -= 1
        texts.append("\n".join(line.text for line in block.lines))
    width, height = bounds.x1 - bounds.x0, bounds.y1 - bounds.y0
    text = _UNFIT.sub("\ufffd", "\n\n".join(texts))
    return PrintedPage(text, blocks, bounds.x0, bounds.y0, width, height)


def _block(found: dict[str, Any]) -> PrintedBlock:
    lines: list[PrintedLine] = []
    for piece in found["lines"]:
        line = _line(piece)
        if not line.text:
            continue
        if lines and _doubles(lines[-1], line):
            lines[-1] = line
        elif lines and _continues(lines[-1], line):
            lines[-1] = _joined(lines[-1], line)
        else:
            lines.append(line)
    return PrintedBlock(lines)


def _line(found: dict[str, Any]) -> PrintedLine:
    box, font = found["bbox"], found["font"]
    left, top, size = box["x"] / _SCALE, box["y"] / _SCALE, font["size"] / _SCALE
    bottom = top + (box["h"] + 1) / _SCALE
    if bottom - top < _LEAST_HEIGHT * size:
        # The font tells nothing true of its height: take what is usual above and below the base line.
        base = found["y"] / _SCALE
        top, bottom = min(top, base - 0.9 * size), max(bottom, base + 0.2 * size)
    return PrintedLine(
        text=found["text"].strip(),
        left=left,
        top=top,
        right=left + (box["w"] + 1) / _SCALE,
        bottom=bottom,
        size=size,
        bold=font["weight"] == "bold",
    )


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


def _inverse(length: float) -> float:
    return 1 / length if length > 0 and math.isfinite(length) else 0.0


def _clipped(fraction: float) -> float:
    if 0.0 <= fraction <= 1.0:
        return fraction
    return 1.0 if fraction > 1.0 else 0.0
