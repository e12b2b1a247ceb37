"""Reading EPUB."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest
from tests.office import epub, zipped

from citewell.errors import UnreadableDocument
from citewell.model import Heading
from citewell_adapters.markup.epub.reader import read_epub

_ENCRYPTION = (
    '<encryption xmlns:e="http://www.w3.org/2001/04/xmlenc#"><e:EncryptedData>'
    '<e:EncryptionMethod Algorithm="{}"/></e:EncryptedData></encryption>'
)


def _chapter(body: str) -> str:
    return (
        '<?xml version="1.0" encoding="utf-8"?><!DOCTYPE html><html xmlns="http://www.w3.org/1999/xhtml">'
        f'<head><title>Book</title><script src="x.js"/></head><body>{body}</body></html>'
    )


def test_chapters_are_pages_in_order_of_reading(tmp_path: Path) -> None:
    """Their headings keep their places; the file's title is not repeated in each."""
    book = epub(
        tmp_path / "a", {"b.xhtml": _chapter("<h1>First</h1><p>x"), "a.xhtml": _chapter('<p>y<a id="z"/>')}
    )
    first, second = read_epub(book)
    assert (first.number, first.text, first.pages_total) == (1, "First\n\nx", 2)
    assert first.headings == (Heading(0, 1, "First"),)
    assert (second.number, second.text) == (2, "y")


def test_the_table_of_contents_names_chapters_without_a_heading(tmp_path: Path) -> None:
    """A title that the chapter begins with becomes its heading; another one is put in front."""
    chapters = {"a.xhtml": "<p>One</p><p>x", "b.xhtml": "<p>y", "c.xhtml": "<h2>Own</h2>z"}
    titles = {"a.xhtml": "One", "b.xhtml": "Two", "c.xhtml": "Three"}
    pages = list(read_epub(epub(tmp_path / "a", chapters, contents=titles)))
    assert [page.text for page in pages] == ["One\n\nx", "Two\n\ny", "Own\n\nz"]
    assert [one.title for page in pages for one in page.headings] == ["One", "Two", "Own"]


def test_a_chapter_that_is_missing_says_so(tmp_path: Path) -> None:
    """The others are read."""
    package = epub(tmp_path / "a", {"a.xhtml": "<p>x", "b.xhtml": "<p>y"})
    with zipfile.ZipFile(package) as archive:
        entries = {name: archive.read(name) for name in archive.namelist() if not name.endswith("a.xhtml")}
    first, second = read_epub(zipped(tmp_path / "b", dict(entries)))
    assert (first.text, second.text, second.problem) == ("", "y", "")
    assert "a.xhtml" in first.problem


def test_long_chapters_come_in_parts(tmp_path: Path) -> None:
    """Skipping some gives the others unchanged."""
    chapters = {f"{n}.xhtml": _chapter("<p>Words and words.</p>" * 6_000) for n in range(3)}
    book = epub(tmp_path / "a", chapters)
    pages = list(read_epub(book))
    assert [page.number for page in pages] == [1, 1, 2, 2, 3, 3]
    for skip in range(len(pages) + 1):
        assert list(read_epub(book, skip=skip)) == pages[skip:]


def test_a_protected_book_is_unreadable(tmp_path: Path) -> None:
    """Mangled fonts do not make it so."""
    locked = _ENCRYPTION.format("http://www.w3.org/2001/04/xmlenc#aes128-cbc")
    with pytest.raises(UnreadableDocument, match="digital rights"):
        list(read_epub(epub(tmp_path / "a", {"a.xhtml": "<p>x"}, encryption=locked)))
    fonts = _ENCRYPTION.format("http://www.idpf.org/2008/embedding")
    assert list(read_epub(epub(tmp_path / "a", {"a.xhtml": "<p>x"}, encryption=fonts)))


@pytest.mark.parametrize(
    "entries",
    [
        {"mimetype": "application/epub+zip"},
        {"META-INF/container.xml": "<container/>"},
        {"META-INF/container.xml": "<container><rootfile full-path='a.opf'/></container>"},
        {
            "META-INF/container.xml": "<container><rootfile full-path='a.opf'/></container>",
            "a.opf": "<package><manifest/><spine><itemref idref='x'/></spine></package>",
        },
    ],
)
def test_a_book_without_chapters_is_unreadable(entries: dict[str, str], tmp_path: Path) -> None:
    """Whatever part of the way to them is missing."""
    with pytest.raises(UnreadableDocument):
        list(read_epub(zipped(tmp_path / "a", dict(entries))))
