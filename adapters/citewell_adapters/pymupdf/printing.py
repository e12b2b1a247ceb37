"""Printing a page by MuPDF: its blocks and lines, in reading order."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Final

from pymupdf import mupdf

from citewell_adapters.pymupdf.joining import joined_lines
from citewell_adapters.pymupdf.printed import Bounds, PrintedBlock, PrintedLine, PrintedPage, lay_out

__all__ = ["print_page"]

# MuPDF writes whole numbers: hundredths of a point are fine enough.
_SCALE: Final = 100
# Neither ligatures nor odd kinds of space are kept: nobody types them into a question. What is drawn outside
# the visible page is left out.
_OPTIONS: Final = mupdf.FzStextOptions(mupdf.FZ_STEXT_MEDIABOX_CLIP)
# In type sizes: how high a line is at least.
_LEAST_HEIGHT: Final = 0.5


def print_page(document: mupdf.FzDocument, index: int) -> PrintedPage:
    """The page with this index (from 0), turned the way it is shown. Raises MuPDF's errors."""
    page = mupdf.fz_load_page(document, index)
    bounds = mupdf.fz_bound_page(page)
    printed = mupdf.FzStextPage(bounds)
    device = mupdf.fz_new_stext_device(printed, _OPTIONS)
    mupdf.fz_run_page(page, device, mupdf.FzMatrix(), mupdf.FzCookie())
    mupdf.fz_close_device(device)
    blocks = [
        [_line(line) for line in block["lines"]] for block in _as_json(printed) if block["type"] == "text"
    ]
    return lay_out(
        [PrintedBlock(joined_lines(pieces)) for pieces in blocks],
        Bounds(bounds.x0, bounds.y0, bounds.x1, bounds.y1),
    )


def _as_json(printed: mupdf.FzStextPage) -> Sequence[dict[str, Any]]:
    # One call that writes JSON is twice as fast as the dictionaries that PyMuPDF builds.
    buffer = mupdf.fz_new_buffer(16_384)
    output = mupdf.FzOutput(buffer)
    mupdf.fz_print_stext_page_as_json(output, printed, _SCALE)
    output.fz_close_output()
    blocks: Sequence[dict[str, Any]] = json.loads(buffer.fz_buffer_extract().decode("utf-8", "replace"))[
        "blocks"
    ]
    return blocks


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
