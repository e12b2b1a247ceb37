"""Draws a page of a PDF, in a process of its own."""

from __future__ import annotations

from collections.abc import Sequence
from math import isfinite, sqrt
from pathlib import Path
from typing import Final

from pymupdf import mupdf

from citewell.errors import PageNotFound, UnreadableDocument
from citewell.images import MAX_IMAGE_PIXELS, encode_png, highlight
from citewell.model import Box
from citewell_adapters.pymupdf.document import opened, translated_errors

__all__ = ["draw_page"]

#: A page so long and thin is none that anybody looks at.
_LONGEST_SIDE: Final = 30_000


def draw_page(path: Path, *, media_type: str, page: int, scale: float, marks: Sequence[Box]) -> bytes:
    """As PageRenderer.draw says; MemoryError where memory is out."""
    del media_type  # there is one only
    with opened(path, password=None) as document, translated_errors(f"page {page} cannot be drawn"):
        count = mupdf.fz_count_pages(document)
        if not 1 <= page <= count:
            raise PageNotFound(f"there is no page {page} among {count}")
        return _drawn(mupdf.fz_load_page(document, page - 1), scale, marks)


def _drawn(page: mupdf.FzPage, scale: float, marks: Sequence[Box]) -> bytes:
    bounds = mupdf.fz_bound_page(page)
    scale = _fitting(bounds.x1 - bounds.x0, bounds.y1 - bounds.y0, scale)
    pixels = mupdf.fz_new_pixmap_from_page(page, mupdf.fz_scale(scale, scale), mupdf.fz_device_rgb(), 0)
    width, height = pixels.w(), pixels.h()
    if pixels.stride() != 3 * width:
        raise UnreadableDocument("the page was not drawn as it was to be")
    samples = bytearray(mupdf.fz_pixmap_samples_memoryview(pixels))
    highlight(samples, width=width, height=height, boxes=marks)
    return encode_png(samples, width=width, height=height)


def _fitting(across: float, down: float, scale: float) -> float:
    """The scale, or the largest one that gives no more pixels than allowed."""
    if not (isfinite(across) and isfinite(down) and across > 0 and down > 0):
        raise UnreadableDocument("the page has no size")
    # A pixel more on each side: MuPDF rounds outwards.
    scale = min(scale, sqrt(MAX_IMAGE_PIXELS / (across * down)), (_LONGEST_SIDE - 1) / max(across, down))
    while (scale * across + 1) * (scale * down + 1) > MAX_IMAGE_PIXELS:
        scale *= 0.999
    return scale
