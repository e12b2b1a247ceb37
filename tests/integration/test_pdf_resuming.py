"""Readings that go on where another one stopped."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pymupdf
import pytest

from citewell.errors import UnreadableDocument
from citewell.model import ParsedPage
from citewell_adapters.pymupdf import PDF
from citewell_adapters.pymupdf.reader import read_pages

_FOLDER = Path(__file__).parents[3] / "shared" / "pdfs"
# Most of PyMuPDF has no types.
_pymupdf: Any = pymupdf
_BODY = "Enough words to make a paragraph that nobody takes for a heading, in the size of all the others."


def _read(path: Path, *, skip: int = 0) -> list[ParsedPage]:
    return list(read_pages(path, media_type=PDF, skip=skip))


def _long(path: Path, *, pages: int, damaged: bool = False) -> Path:
    """Pages without an outline, with a running title, and the body's type larger from the middle on."""
    with _pymupdf.open() as document:
        for number in range(pages):
            page = document.new_page()
            page.insert_text((72, 40), "The running title", fontsize=20)
            page.insert_text((72, 80), f"Chapter {number // 2}", fontsize=16)
            size = 9 if number < pages / 2 else 11
            page.insert_text((72, 120), [_BODY] * 40, fontsize=size)
        if damaged:
            for number in range(pages):
                document.update_object(document.page_xref(number), "<</Type/Pages/Kids[null]/Count 1>>")
        document.save(path)
    return path


def _samples() -> list[Path]:
    folders = ("good", "malformed", "scanned")
    return [path for folder in folders for path in sorted(_FOLDER.glob(f"{folder}/*.pdf"))]


def test_headings_do_not_depend_on_where_a_reading_began(tmp_path: Path) -> None:
    """Neither the body's type nor what is repeated on pages before."""
    path = _long(tmp_path / "long.pdf", pages=40)
    whole = _read(path)
    assert [heading.title for heading in whole[0].headings] == ["The running title", "Chapter 0"]
    assert [heading.title for heading in whole[38].headings] == ["Chapter 19"]
    assert not whole[39].headings
    for skip in range(41):
        assert _read(path, skip=skip) == whole[skip:]


def test_what_is_skipped_is_not_read(tmp_path: Path) -> None:
    """The end of a long document comes soon."""
    path = _long(tmp_path / "long.pdf", pages=600)
    begun = time.process_time()
    whole = _read(path)
    for_all = time.process_time() - begun
    begun = time.process_time()
    assert _read(path, skip=595) == whole[595:]
    assert time.process_time() - begun < for_all / 3


def test_a_document_without_a_readable_page_is_unreadable_from_anywhere(tmp_path: Path) -> None:
    """Whoever resumes hears the same as whoever began."""
    path = _long(tmp_path / "damaged.pdf", pages=3, damaged=True)
    said = set()
    for skip in range(5):
        with pytest.raises(UnreadableDocument) as raised:
            _read(path, skip=skip)
        said.add(str(raised.value))
    assert len(said) == 1


@pytest.mark.skipif(not _FOLDER.is_dir(), reason="there is no collection of PDFs beside the checkout")
@pytest.mark.parametrize("path", _samples(), ids=lambda path: path.name)
def test_real_files_read_the_same_from_anywhere(path: Path) -> None:
    """Text, boxes, headings and problems."""
    try:
        whole = _read(path)
    except UnreadableDocument:
        with pytest.raises(UnreadableDocument):
            _read(path, skip=1)
        return
    for skip in {1, len(whole) // 2, len(whole) - 1}:
        assert _read(path, skip=skip) == whole[skip:]
