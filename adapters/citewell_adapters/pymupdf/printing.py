"""Printing a page by MuPDF: its blocks and lines, in reading order."""

from __future__ import annotations

import json
import sys
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any, Final

from pymupdf import mupdf

from citewell_adapters.pymupdf.columns import in_columns
from citewell_adapters.pymupdf.grids import Drawing, find_grids
from citewell_adapters.pymupdf.joining import joined_lines
from citewell_adapters.pymupdf.printed import Bounds, PrintedBlock, PrintedLine, PrintedPage, lay_out
from citewell_adapters.pymupdf.tables import with_tables

__all__ = ["print_page"]

# MuPDF writes whole numbers: hundredths of a point are fine enough.
_SCALE: Final = 100
# Neither ligatures nor odd kinds of space are kept: nobody types them into a question. What is drawn outside
# the visible page is left out.
_OPTIONS: Final = mupdf.FzStextOptions(mupdf.FZ_STEXT_MEDIABOX_CLIP)
_WITH_DRAWINGS: Final = mupdf.FzStextOptions(
    mupdf.FZ_STEXT_MEDIABOX_CLIP | mupdf.FZ_STEXT_COLLECT_VECTORS | mupdf.FZ_STEXT_LAZY_VECTORS
)
_MOST_DRAWINGS: Final = 4_000
# In type sizes: how far apart lines of a paragraph are, for MuPDF.
_PARAGRAPH_DISTANCE: Final = 1.5
# In type sizes: how high a line is at least.
_LEAST_HEIGHT: Final = 0.5
# In type sizes: a gap between two letters that no word has.
_WORD_GAP: Final = 0.2


def print_page(document: mupdf.FzDocument, index: int) -> PrintedPage:
    """The page with this index (from 0), turned the way it is shown. Raises MuPDF's errors."""
    page = mupdf.fz_load_page(document, index)
    printed = _run(page, _WITH_DRAWINGS)
    places = _places_drawn(printed)
    if len(places) > _MOST_DRAWINGS:
        # A map, a plan: what is drawn there are no tables, and would be long to write down.
        printed, places = _run(page, _OPTIONS), []
    found = _as_json(printed)
    blocks = _blocks(found)
    rectangles = (bool(block["rectangle"]) for block in found if block["type"] == "vector")
    grids = find_grids(
        Drawing(*place, rectangle) for place, rectangle in zip(places, rectangles, strict=True)
    )
    bounds = mupdf.fz_bound_page(page)
    pieces = (
        with_tables(blocks, grids, _Characters(printed, blocks).split)
        if grids
        else [PrintedBlock(block) for block in blocks]
    )
    return lay_out(
        [block if block.table else PrintedBlock(joined_lines(block.lines)) for block in in_columns(pieces)],
        Bounds(bounds.x0, bounds.y0, bounds.x1, bounds.y1),
    )


def _run(page: mupdf.FzPage, options: mupdf.FzStextOptions) -> mupdf.FzStextPage:
    printed = mupdf.FzStextPage(mupdf.fz_bound_page(page))
    device = mupdf.fz_new_stext_device(printed, options)
    mupdf.fz_run_page(page, device, mupdf.FzMatrix(), mupdf.FzCookie())
    mupdf.fz_close_device(device)
    return printed


def _places_drawn(printed: mupdf.FzStextPage) -> list[tuple[float, float, float, float]]:
    """Left, top, right and bottom of all that is drawn besides text, up to a number that is one too many."""
    places: list[tuple[float, float, float, float]] = []
    vector = mupdf.FZ_STEXT_BLOCK_VECTOR
    block = printed.m_internal.first_block
    while block and len(places) <= _MOST_DRAWINGS:
        if block.type == vector:
            box = block.bbox
            places.append((box.x0, box.y0, box.x1, box.y1))
        block = block.next
    return places


def _blocks(found: Sequence[dict[str, Any]]) -> list[list[PrintedLine]]:
    """The lines of each block. A drawing amid a paragraph, such as an underline, does not divide it."""
    blocks: list[list[PrintedLine]] = []
    last: dict[str, Any] = {}
    drawn = False
    for block in found:
        if block["type"] == "text":
            lines = block["lines"]
            if drawn and last and _goes_on(last, lines[0]):
                blocks[-1] += map(_line, lines)
            else:
                blocks.append(list(map(_line, lines)))
            last, drawn = lines[-1], False
        else:
            drawn = True
    return blocks


def _goes_on(line: dict[str, Any], following: dict[str, Any]) -> bool:
    """Whether MuPDF would have kept two lines in one block but for what is drawn between them."""
    size = following["font"]["size"]
    return bool(-0.8 * size <= following["y"] - line["y"] <= _PARAGRAPH_DISTANCE * size)


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


class _Characters:
    """Where the characters of each line stand, for those few lines that run across a border."""

    def __init__(self, printed: mupdf.FzStextPage, blocks: Sequence[Sequence[PrintedLine]]) -> None:
        self._printed = printed
        self._known = [line for block in blocks for line in block]
        self._lines: list[Any] | None = None

    def split(self, number: int, borders: Sequence[float]) -> list[PrintedLine]:
        """The pieces of the line between the borders. A word that runs across one stays whole."""
        line = self._known[number]
        pieces: list[PrintedLine | None] = [None] * (len(borders) + 1)
        for word in _words(self._line(number), like=line):
            place = bisect_right(borders, (word.left + word.right) / 2)
            piece = pieces[place]
            if piece is None:
                pieces[place] = word
            else:
                piece.text += word.text
                piece.left, piece.right = min(piece.left, word.left), max(piece.right, word.right)
        found = [replace(piece, text=piece.text.strip()) for piece in pieces if piece is not None]
        return [piece for piece in found if piece.text]

    def _line(self, number: int) -> Any:
        if self._lines is None:
            self._lines = list(_text_lines(self._printed))
        return self._lines[number]


def _words(line: Any, *, like: PrintedLine) -> Iterator[PrintedLine]:
    """The words of MuPDF's line, each with the spaces behind it; a gap between letters ends a word, too."""
    word: PrintedLine | None = None
    character = line.first_char
    while character:
        left, right = character.quad.ul.x, character.quad.ur.x
        letter = chr(character.c) if 0 <= character.c <= sys.maxunicode else "\ufffd"
        if letter.isspace():
            if word is not None:
                word.text += letter
        elif word is None or word.text[-1].isspace() or left - word.right > _WORD_GAP * like.size:
            if word is not None:
                yield word
            word = replace(like, text=letter, left=left, right=right)
        else:
            word.text += letter
            word.left, word.right = min(word.left, left), max(word.right, right)
        character = character.next
    if word is not None:
        yield word


def _text_lines(printed: mupdf.FzStextPage) -> Iterator[Any]:
    block = printed.m_internal.first_block
    while block:
        if block.type == mupdf.FZ_STEXT_BLOCK_TEXT:
            lines: Any = mupdf.FzStextBlock(block)
            for line in lines:
                yield line.m_internal
        block = block.next
