"""Telling types by the first bytes."""

from __future__ import annotations

import codecs
import gzip
import random

import pytest

from citewell_adapters.plaintext import MARKDOWN, PLAIN_TEXT, detect_text
from citewell_adapters.pymupdf import PDF, detect_pdf

_TEXTS = {
    "nothing": b"",
    "english": b"Plain words.\n",
    "windows line ends": b"one\r\ntwo\r\n",
    "utf-8": "naïve — 你好 🦉".encode(),
    "utf-8 with a mark": codecs.BOM_UTF8 + b"words",
    "utf-8 cut within a character": ("x" * 8_190 + "你").encode()[:8_192],
    "utf-16": "words".encode("utf-16"),
    "utf-16, big end first": codecs.BOM_UTF16_BE + "words".encode("utf-16-be"),
    "utf-32": "words".encode("utf-32"),
    "windows-1252": "Größe – “déjà vu”".encode("cp1252"),
    "json": b'{"a": [1, 2]}',
    "csv": b"a;b;c\n1;2;3\n",
    "xml": b'<?xml version="1.0"?><a/>',
    "python": b"#!/usr/bin/env python\nprint('x')\n",
    "coloured terminal output": b"\x1b[31mred\x1b[0m\n" * 20,
    "pages of a manual": b"N\x08NAME\n\f",
}
_OTHERS = {
    "png": b"\x89PNG\r\n\x1a\n",
    "jpeg": b"\xff\xd8\xff\xe0\x00\x10JFIF",
    "gif": b"GIF89a\x01\x00",
    "zip, docx": b"PK\x03\x04\x14\x00",
    "gzip": gzip.compress(b"words"),
    "elf": b"\x7fELF\x02\x01\x01",
    "sqlite": b"SQLite format 3\x00",
    "doc, xls": b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",
    "rtf": b"{\\rtf1\\ansi words}",
    "postscript": b"%!PS-Adobe-3.0\n",
    "pdf": b"%PDF-1.7\n",
    "a nul among words": b"words\0words",
    "nuls in utf-16": "wo\0rds".encode("utf-16"),
    "control characters": b"wo\x01rds\x02\x03",
    "compressed bytes": random.Random(7).randbytes(8_192),
    "compressed bytes without nuls": random.Random(8).randbytes(8_192).replace(b"\0", b"x"),
}


@pytest.mark.parametrize("kind", _TEXTS)
def test_text_of_any_kind_is_plain_text(kind: str) -> None:
    """In the encodings that are met, and in formats that are read as text for now."""
    assert detect_text(_TEXTS[kind], name="upload.bin") == PLAIN_TEXT


@pytest.mark.parametrize("kind", _OTHERS)
def test_binary_content_is_no_text_whatever_its_name(kind: str) -> None:
    """The bytes decide."""
    assert detect_text(_OTHERS[kind], name="notes.txt") is None
    assert detect_text(_OTHERS[kind], name="notes.md") is None


@pytest.mark.parametrize("name", ["a.md", "A.MD", "x/notes.markdown", "b.tar.mkd"])
def test_markdown_is_told_by_its_name(name: str) -> None:
    """The name only tells apart types that look the same: a script's comments look like headings."""
    assert detect_text(b"# Title\n", name=name) == MARKDOWN
    assert detect_text(b"# Comment\n", name="script") == PLAIN_TEXT


def test_a_pdf_is_told_by_its_header() -> None:
    """Some bytes may stand before it, as readers accept them."""
    assert detect_pdf(b"%PDF-1.7\n", name="a.txt") == PDF
    assert detect_pdf(b"\xef\xbb\xbf\n\n%PDF-1.7\n", name="") == PDF
    assert detect_pdf(b"x" * 1_000 + b"%PDF-1.4\n%\xe2\xe3\xcf\xd3", name="") == PDF


def test_a_header_far_from_the_beginning_is_none() -> None:
    """Readers do not look for it there."""
    assert detect_pdf(b"x" * 1_025 + b"%PDF-1.4\n%\xe2\xe3\xcf\xd3", name="a.pdf") is None
    assert detect_pdf(b"PDF", name="a.pdf") is None
    assert detect_pdf(b"", name="a.pdf") is None


def test_a_text_that_speaks_of_pdf_is_a_text() -> None:
    """Even where it shows how one begins."""
    text = "A file begins with the line\n\n%PDF-1.7\n\nand goes on – with “this”.\n".encode()
    assert detect_pdf(text, name="a.pdf") is None
    assert detect_text(text, name="a.pdf") == PLAIN_TEXT
