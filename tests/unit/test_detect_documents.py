"""Telling HTML, DOCX and EPUB by the first bytes, and what looks like them."""

from __future__ import annotations

import io
import random
import zipfile
from pathlib import Path

import pytest
from tests.office import docx, epub, paragraph, zipped

from citewell_adapters.markup import DOCX, EPUB, HTML, detect_container, detect_html
from citewell_adapters.plaintext import PLAIN_TEXT, detect_text
from citewell_entrypoints.reading import detect_child_type

_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(504)
_LOCKED = _OLE + "EncryptedPackage".encode("utf-16-le") + bytes(100)
_XLSX_TYPES = (
    '<Types><Override ContentType="application/vnd.openxmlformats-officedocument.'
    'spreadsheetml.sheet.main+xml"/></Types>'
)


def _head(path: Path) -> bytes:
    return path.read_bytes()[:8_192]


def _zip_head(*names: str, content: bytes = b"x") -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in names:
            archive.writestr(name, content)
    return target.getvalue()[:8_192]


@pytest.mark.parametrize(
    "head",
    [
        b"<!doctype html><title>x</title>",
        b'<!DOCTYPE HTML PUBLIC "-//W3C//DTD HTML 4.01//EN">',
        b"\xef\xbb\xbf\n <html lang=en>",
        b"<!-- saved from -->\n<!-- twice -->\n<HTML>",
        b'<?xml version="1.0" encoding="UTF-8"?>\n<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0 Strict//EN">',
        b'<?xml version="1.0"?><html xmlns="http://www.w3.org/1999/xhtml">',
        "\ufeff<html>".encode("utf-16-le"),
    ],
)
def test_html_is_told_whatever_its_name(head: bytes) -> None:
    """By its doctype or its first tag, after comments."""
    for name in ("", "a.html", "notes.txt", "readme.md"):
        assert detect_html(head, name=name) == HTML


def test_a_piece_of_html_is_html_unless_its_name_says_otherwise() -> None:
    """A README may begin with a picture in the middle."""
    for head in (b"<p>Hello", b"<div class=x>", b"<h1>Title</h1>", b"<br/>"):
        assert detect_html(head, name="") == HTML
        assert detect_html(head, name="upload.bin") == HTML
        assert detect_html(head, name="README.md") is None
        assert detect_html(head, name="component.vue") is None


@pytest.mark.parametrize(
    "head",
    [
        b"",
        b"Text about <html> pages.",
        b"<?xml version='1.0'?><svg xmlns='http://www.w3.org/2000/svg'>",
        b"<?xml version='1.0'?><feed>",
        b"<!doctype svg>",
        b"<person>",
        b"<htmlish>",
        b"# <h1>",
    ],
)
def test_other_texts_are_no_html(head: bytes) -> None:
    """XML of other kinds, and texts about HTML."""
    assert detect_html(head, name="a.html") is None


def test_a_comment_that_fills_the_head_leaves_it_to_the_name() -> None:
    """What follows it cannot be seen."""
    head = b"<!--" + b" licence" * 1_100
    assert detect_html(head, name="a.html") == HTML
    assert detect_html(head, name="a.txt") is None


def test_docx_and_epub_are_told_whatever_their_names(tmp_path: Path) -> None:
    """By their entries."""
    word, book = docx(tmp_path / "a", paragraph("x")), epub(tmp_path / "b", {"a.xhtml": "<p>x"})
    for name in ("", "a.zip", "a.txt", "a.xlsx"):
        assert detect_container(_head(word), name=name) == DOCX
        assert detect_container(_head(book), name=name) == EPUB


def test_a_docx_that_begins_with_other_parts_is_told_by_its_name() -> None:
    """If none of them says that it is something else."""
    head = _zip_head("_rels/.rels", "docProps/app.xml")
    assert detect_container(head, name="a.docx") == DOCX
    assert detect_container(head, name="a.zip") is None
    assert detect_container(_zip_head("_rels/.rels", "xl/workbook.xml"), name="a.docx") is None
    assert detect_container(_zip_head("notes.txt"), name="a.docx") is None


def test_an_epub_without_its_type_in_front_is_told_by_its_name() -> None:
    """Some tools sort entries by the alphabet."""
    head = _zip_head("META-INF/container.xml", "OEBPS/content.opf", "OEBPS/a.xhtml")
    assert detect_container(head, name="a.epub") == EPUB
    assert detect_container(head, name="a.zip") is None
    assert detect_container(_zip_head("META-INF/MANIFEST.MF", "a/B.class"), name="a.epub") is None


@pytest.mark.parametrize("name", ["a.docx", "a.epub", "a.html", "a"])
def test_other_archives_and_office_files_are_refused(name: str, tmp_path: Path) -> None:
    """Spreadsheets, slides, Java, OpenDocument, old Word files, and plain archives."""
    others = [
        _head(zipped(tmp_path / "xlsx", {"[Content_Types].xml": _XLSX_TYPES, "xl/workbook.xml": "x"})),
        _head(zipped(tmp_path / "xlsx", {"[Content_Types].xml": _XLSX_TYPES, "_rels/.rels": "x"})),
        _zip_head("[Content_Types].xml", "ppt/presentation.xml"),
        _zip_head("META-INF/MANIFEST.MF", "com/example/Main.class"),
        _head(
            zipped(
                tmp_path / "odt", {"mimetype": "application/vnd.oasis.opendocument.text", "content.xml": "x"}
            )
        ),
        _zip_head("a.txt", "b.txt"),
        b"PK\x05\x06" + bytes(18),
        b"PK\x03\x04",
        _OLE,
        _OLE + "WordDocument".encode("utf-16-le"),
    ]
    for head in others:
        assert detect_child_type(head, name=name) is None


def test_an_office_file_with_a_password_is_taken_for_a_docx() -> None:
    """So that its upload says what it lacks; unless its name tells that it is none."""
    assert detect_container(_LOCKED, name="letter.docx") == DOCX
    assert detect_container(_LOCKED, name="budget.xlsx") is None


@pytest.mark.parametrize(
    "begin",
    [
        *(
            b"MZ\x90\0\x03\0\0\0",
            b"\x7fELF\x02\x01\x01",
            b"\xca\xfe\xba\xbe",
            b"\x89PNG\r\n\x1a\n",
            b"GIF89a",
            b"BM",
        ),
        *(
            b"\xff\xd8\xff\xe0",
            b"RIFF\x10\0\0\0WAVE",
            b"\0\0\x01\0",
            b"\x1f\x8b\x08",
            b"ID3\x03",
            b"\0asm\x01\0\0\0",
            b"",
        ),
    ],
)
@pytest.mark.parametrize("name", ["a.txt", "a.html", "a.docx", "a.epub", ""])
def test_binary_content_is_never_taken_for_a_document(begin: bytes, name: str) -> None:
    """Noise, numbers of 16 and 32 bits, and zeros, behind the beginnings of such files."""
    source = random.Random(len(begin))
    tails = [
        source.randbytes(8_000),
        b"".join(source.randrange(2_000).to_bytes(2, "little") for _ in range(4_000)),
        b"".join(source.randrange(200).to_bytes(4, "little") for _ in range(2_000)),
        bytes(8_000),
    ]
    for tail in tails:
        assert detect_child_type(begin + tail, name=name) is None
        assert detect_text(begin + tail, name=name) != PLAIN_TEXT
