"""Tells a PDF by its first bytes, without importing PyMuPDF."""

from __future__ import annotations

from typing import Final

__all__ = ["PDF", "detect_pdf"]

PDF: Final = "application/pdf"
_MAGIC: Final = b"%PDF-"
# Readers accept some bytes in front of the header; the standard's own notes speak of so many.
_LATEST_START: Final = 1024


def detect_pdf(head: bytes, *, name: str) -> str | None:
    """`application/pdf` if `head` holds a PDF's header within its first 1,024 bytes."""
    del name  # the bytes decide
    return PDF if _MAGIC in head[: _LATEST_START + len(_MAGIC)] else None
