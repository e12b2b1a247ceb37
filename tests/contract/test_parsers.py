"""Every Parser keeps the contract."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pymupdf
import pytest
from tests.office import docx, epub, paragraph

from citewell.errors import PasswordRequired, UnreadableDocument
from citewell.ports import Parser
from citewell.testing.parser import ParserContract, SampleFiles
from citewell_adapters.markup import DOCX, EPUB, HTML
from citewell_adapters.parsing import ChildParser, Parsers
from citewell_adapters.plaintext import MARKDOWN, PLAIN_TEXT, TEXT_TYPES, TextParser
from citewell_adapters.pymupdf import PDF, PDF_READER, PDF_UNLOCKER, detect_pdf
from citewell_entrypoints.reading import CHILD_TYPES, READER, UNLOCKER, detect_child_type

# Most of PyMuPDF has no types.
_pymupdf: Any = pymupdf
_PASSWORD = "open sesame"


def _pdf_parser() -> ChildParser:
    return ChildParser(reader=PDF_READER, unlocker=PDF_UNLOCKER, detect=detect_pdf, max_children=2)


def _child_parser() -> ChildParser:
    """One pool of processes for all types, as the service has it."""
    return ChildParser(reader=READER, unlocker=UNLOCKER, detect=detect_child_type, max_children=2)


def _book(path: Path) -> Path:
    """Forty pages, among them an empty and a rotated one, with an outline."""
    with _pymupdf.open() as book:
        for number in range(1, 41):
            page = book.new_page()
            if number != 7:
                page.insert_text((72, 80), f"Chapter {number}", fontsize=20)
                page.insert_textbox((72, 100, 500, 700), f"Of page {number} there is much to say. " * 30)
        book[8].set_rotation(90)
        book.set_toc([[1, f"Chapter {number}", number] for number in range(1, 41)])
        book.save(path)
    return path


def _locked(path: Path) -> Path:
    with _pymupdf.open() as document:
        document.new_page().insert_text((72, 80), "Nobody may read this.")
        document.save(path, encryption=_pymupdf.PDF_ENCRYPT_AES_256, user_pw=_PASSWORD, owner_pw="owner")
    return path


def _damaged(path: Path) -> Path:
    with _pymupdf.open() as document:
        for number in (1, 2, 3):
            document.new_page().insert_text((72, 80), f"page {number}")
        # The second page's entry points at itself: a page tree with a cycle.
        document.update_object(document.page_xref(1), "<</Type/Pages/Kids[null]/Count 1>>")
        document.save(path)
    return path


def _untitled(path: Path) -> Path:
    """Twenty-four pages without an outline, headings in larger type, some of them on several pages."""
    with _pymupdf.open() as document:
        for number in range(24):
            page = document.new_page()
            page.insert_text((72, 40), f"Part {number // 5}", fontsize=16)
            page.insert_text((72, 100), f"Chapter {number}", fontsize=18 if number % 2 else 24)
            page.insert_textbox((72, 130, 500, 700), "Much to say. " * 40, fontsize=10 + number % 3)
        document.save(path)
    return path


def _written(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


def _pdf_samples(folder: Path) -> SampleFiles:
    book, locked = _book(folder / "book.pdf"), _locked(folder / "locked.pdf")
    behind_junk = _written(folder / "junk.pdf", b"junk " * 200 + book.read_bytes())
    return SampleFiles(
        readable=[(book, PDF), (behind_junk, PDF), (_untitled(folder / "untitled.pdf"), PDF)],
        unreadable=[
            (locked, PasswordRequired),
            (_written(folder / "cut.pdf", b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj\n"), UnreadableDocument),
            (_written(folder / "noise.pdf", b"%PDF-1.4\n" + bytes(range(256)) * 40), UnreadableDocument),
            (_written(folder / "empty.pdf", b""), UnreadableDocument),
        ],
        locked=[(locked, _PASSWORD)],
        damaged=[(_damaged(folder / "damaged.pdf"), 2)],
    )


def _text_samples(folder: Path) -> SampleFiles:
    long = "".join(f"Zeile {number} — ½ 🦉\r\n" for number in range(20_000))
    return SampleFiles(
        readable=[
            (_written(folder / "note.txt", b"Only one line, without an end"), PLAIN_TEXT),
            (_written(folder / "long.txt", long.encode()), PLAIN_TEXT),
            (_written(folder / "mark.txt", "\ufeffmit Marke\n".encode()), PLAIN_TEXT),
            (_written(folder / "sixteen.txt", (long[:5_000] + "\0").encode("utf-16")), PLAIN_TEXT),
            (_written(folder / "legacy.txt", "Größe, déjà vu".encode("cp1252")), PLAIN_TEXT),
            (_written(folder / "surrogates.txt", b"half \xed\xa0\x80 a pair"), PLAIN_TEXT),
            (_written(folder / "book.md", b"# Title\n\n" + long.encode() + b"\nEnd\n---\n"), MARKDOWN),
        ]
    )


def _html_samples(folder: Path) -> SampleFiles:
    long = "".join(f"<h2>Part {n}</h2><p>{'Much to say. ' * 30}<ul><li>item</ul>" for n in range(500))
    return SampleFiles(
        readable=[
            (_written(folder / "page.html", b"<!doctype html><title>Page</title><p>text"), HTML),
            (_written(folder / "long.html", f"<html><body>{long}".encode()), HTML),
            (_written(folder / "sixteen.html", "<html><p>½ 🦉".encode("utf-16")), HTML),
            (_written(folder / "odd.html", b"<html><p>nul \0, half a pair \xed\xa0\x80 &#xd800; &#0;"), HTML),
        ]
    )


def _docx_samples(folder: Path) -> SampleFiles:
    long = "".join(paragraph(f"Paragraph {n}. " * 9, style="Heading1" if n % 9 else "") for n in range(1_000))
    ole = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(504)
    return SampleFiles(
        readable=[
            (docx(folder / "letter.docx", paragraph("Dear reader")), DOCX),
            (docx(folder / "long.docx", long), DOCX),
        ],
        unreadable=[
            (_written(folder / "cut.docx", (folder / "long.docx").read_bytes()[:2_000]), UnreadableDocument),
            (_written(folder / "old.doc", ole), UnreadableDocument),
            (_written(folder / "empty.docx", b""), UnreadableDocument),
            (
                _written(folder / "locked.docx", ole + "EncryptedPackage".encode("utf-16-le")),
                PasswordRequired,
            ),
        ],
    )


def _epub_samples(folder: Path) -> SampleFiles:
    chapters = {f"{n}.xhtml": f"<h1>Chapter {n}</h1>" + "<p>Much to say.</p>" * 90 * n for n in range(10)}
    # Long enough to come in two parts.
    chapters["9.xhtml"] += "<p>Much to say.</p>" * 4_500
    return SampleFiles(
        readable=[
            (epub(folder / "book.epub", chapters, contents={"0.xhtml": "Zero"}), EPUB),
            (epub(folder / "blank.epub", {"a.xhtml": "<img src=x>", "b.xhtml": "<p>x"}), EPUB),
        ],
        unreadable=[
            (_written(folder / "cut.epub", (folder / "book.epub").read_bytes()[:2_000]), UnreadableDocument),
            (epub(folder / "none.epub", {}), UnreadableDocument),
        ],
    )


@pytest.fixture(scope="module")
def html_samples(tmp_path_factory: pytest.TempPathFactory) -> SampleFiles:
    return _html_samples(tmp_path_factory.mktemp("html"))


@pytest.fixture(scope="module")
def docx_samples(tmp_path_factory: pytest.TempPathFactory) -> SampleFiles:
    return _docx_samples(tmp_path_factory.mktemp("docx"))


@pytest.fixture(scope="module")
def epub_samples(tmp_path_factory: pytest.TempPathFactory) -> SampleFiles:
    return _epub_samples(tmp_path_factory.mktemp("epub"))


@pytest.fixture(scope="module")
def pdf_samples(tmp_path_factory: pytest.TempPathFactory) -> SampleFiles:
    return _pdf_samples(tmp_path_factory.mktemp("pdf"))


@pytest.fixture(scope="module")
def text_samples(tmp_path_factory: pytest.TempPathFactory) -> SampleFiles:
    return _text_samples(tmp_path_factory.mktemp("text"))


@pytest.fixture(scope="module")
async def parsers() -> AsyncIterator[Parsers]:
    """The parsers as the service puts them together."""
    async with Parsers([(CHILD_TYPES, _child_parser()), (TEXT_TYPES, TextParser())]) as parsers:
        yield parsers


@pytest.fixture(scope="module")
async def child_parser() -> AsyncIterator[ChildParser]:
    async with _child_parser() as parser:
        yield parser


@pytest.fixture(scope="module")
async def pdf_parser() -> AsyncIterator[ChildParser]:
    async with _pdf_parser() as parser:
        yield parser


class TestPdfParser(ParserContract):
    @pytest.fixture
    def parser(self, pdf_parser: ChildParser) -> Parser:
        return pdf_parser

    @pytest.fixture
    def samples(self, pdf_samples: SampleFiles) -> SampleFiles:
        return pdf_samples


class TestTextParser(ParserContract):
    @pytest.fixture
    def parser(self) -> Parser:
        return TextParser()

    @pytest.fixture
    def samples(self, text_samples: SampleFiles) -> SampleFiles:
        return text_samples


class TestHtmlParser(ParserContract):
    @pytest.fixture
    def parser(self, child_parser: ChildParser) -> Parser:
        return child_parser

    @pytest.fixture
    def samples(self, html_samples: SampleFiles) -> SampleFiles:
        return html_samples


class TestDocxParser(ParserContract):
    @pytest.fixture
    def parser(self, child_parser: ChildParser) -> Parser:
        return child_parser

    @pytest.fixture
    def samples(self, docx_samples: SampleFiles) -> SampleFiles:
        return docx_samples


class TestEpubParser(ParserContract):
    @pytest.fixture
    def parser(self, child_parser: ChildParser) -> Parser:
        return child_parser

    @pytest.fixture
    def samples(self, epub_samples: SampleFiles) -> SampleFiles:
        return epub_samples


class TestSeveralParsers(ParserContract):
    @pytest.fixture
    def parser(self, parsers: Parsers) -> Parser:
        return parsers

    @pytest.fixture
    def samples(
        self,
        pdf_samples: SampleFiles,
        text_samples: SampleFiles,
        html_samples: SampleFiles,
        docx_samples: SampleFiles,
    ) -> SampleFiles:
        # One file of each type, as the classes above have read them all.
        others = (pdf_samples, text_samples, html_samples, docx_samples)
        return SampleFiles(
            readable=[samples.readable[0] for samples in others] + [text_samples.readable[-1]],
            unreadable=pdf_samples.unreadable,
            locked=pdf_samples.locked,
            damaged=pdf_samples.damaged,
        )


async def test_a_type_that_no_parser_reads_is_unreadable(tmp_path: Path) -> None:
    """It would end so if a parser were taken away after an upload that needs it."""
    async with Parsers([(TEXT_TYPES, TextParser())]) as parsers:
        with pytest.raises(UnreadableDocument):
            await anext(parsers.parse(tmp_path / "film", media_type="video/mp4"))
