"""Writes copies of encrypted PDFs that open without a password, in a process of its own."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Any

import pymupdf
from pymupdf import mupdf

from citewell.errors import ParserLimitExceeded
from citewell_adapters.pymupdf.document import opened_with_password, translated_errors

__all__ = ["unlock"]

# Most of PyMuPDF has no types.
_pymupdf: Any = pymupdf


def unlock(path: Path, *, media_type: str, password: str, to: Path) -> bool:
    """Write a copy of the PDF without encryption; as Parser.unlock says. Raises MemoryError and OSError, too.

    All else stays as it is, the file's id too, so that the same bytes give the same copy.
    """
    del media_type  # there is one only
    with opened_with_password(path, password=password) as document:
        if document is None:
            return False
        with translated_errors("the file is damaged and cannot be unlocked"):
            _save(document, to)
    return True


def _save(document: Any, to: Path) -> None:
    try:
        document.save(to, encryption=_pymupdf.PDF_ENCRYPT_NONE, no_new_id=True)
    except mupdf.FzErrorSystem as error:
        if os.strerror(errno.EFBIG) in str(error):
            raise ParserLimitExceeded("the unlocked file is larger than it may be") from error
        raise OSError(f"the unlocked file cannot be written: {error}") from error
