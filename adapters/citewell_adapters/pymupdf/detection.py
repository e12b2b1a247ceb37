"""Tells a PDF by its first bytes, without importing PyMuPDF."""

from __future__ import annotations

import codecs
import re
from typing import Final

__all__ = ["PDF", "detect_pdf"]

PDF: Final = "application/pdf"

_HEADER: Final = re.compile(rb"%PDF-\d")
_BLANK: Final = b"\xef\xbb\xbf \t\r\n\f\0"
# Readers accept so many bytes of anything in front of the header.
_LATEST_START: Final = 1024


def detect_pdf(head: bytes, *, name: str) -> str | None:
    """`application/pdf` if `head` begins with a PDF's header, or has it within 1,024 bytes and is no text.

    A text that shows how a PDF begins is not one.
    """
    del name  # the bytes decide
    if _HEADER.match(head.lstrip(_BLANK)):
        return PDF
    header = _HEADER.search(head, 0, _LATEST_START + len(b"%PDF-1"))
    return PDF if header and not _is_text(head) else None


def _is_text(head: bytes) -> bool:
    try:
        # Not to the end: the head may stop within a character.
        return "\0" not in codecs.getincrementaldecoder("utf-8")().decode(head)
    except UnicodeDecodeError:
        return False
