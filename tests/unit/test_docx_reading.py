"""Reading DOCX."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.office import docx, paragraph, zipped

from citewell.errors import PasswordRequired, UnreadableDocument
from citewell.model import ParsedPage
from citewell_adapters.markup.docx.reader import read_docx

_STYLES = (
    '<w:style w:styleId="Titel"><w:name w:val="Title"/></w:style>'
    '<w:style w:styleId="berschrift1"><w:name w:val="heading 1"/></w:style>'
    '<w:style w:styleId="Mine"><w:name w:val="My heading"/><w:basedOn w:val="berschrift1"/></w:style>'
    '<w:style w:styleId="Outlined"><w:name w:val="x"/><w:pPr><w:outlineLvl w:val="2"/></w:pPr></w:style>'
    '<w:style w:styleId="Items"><w:pPr><w:numPr><w:numId w:val="1"/></w:numPr></w:pPr></w:style>'
)
_NUMBERING = (
    '<w:abstractNum w:abstractNumId="0"><w:lvl w:ilvl="0"><w:numFmt w:val="bullet"/></w:lvl>'
    '<w:lvl w:ilvl="1"><w:numFmt w:val="bullet"/></w:lvl></w:abstractNum>'
    '<w:abstractNum w:abstractNumId="1"><w:lvl w:ilvl="0"><w:start w:val="3"/><w:numFmt w:val="decimal"/>'
    '<w:lvlText w:val="%1."/></w:lvl><w:lvl w:ilvl="1"><w:numFmt w:val="lowerLetter"/>'
    '<w:lvlText w:val="%1.%2)"/>'
    '</w:lvl><w:lvl w:ilvl="2"><w:numFmt w:val="upperRoman"/><w:lvlText w:val="%3"/></w:lvl></w:abstractNum>'
    '<w:num w:numId="1"><w:abstractNumId w:val="0"/></w:num>'
    '<w:num w:numId="2"><w:abstractNumId w:val="1"/></w:num>'
    '<w:num w:numId="3"><w:abstractNumId w:val="1"/><w:lvlOverride w:ilvl="0"><w:startOverride w:val="1"/>'
    "</w:lvlOverride></w:num>"
)


def _item(text: str, number: int, level: int = 0) -> str:
    properties = f'<w:numPr><w:ilvl w:val="{level}"/><w:numId w:val="{number}"/></w:numPr>'
    return paragraph(text, properties=properties)


def _pages(path: Path, body: str, **parts: str) -> list[ParsedPage]:
    return list(read_docx(docx(path, body, **parts)))


def _read(path: Path, body: str, **parts: str) -> str:
    return "".join(page.text for page in _pages(path, body, **parts))


def _run(content: str) -> str:
    return f"<w:p><w:r>{content}</w:r></w:p>"


def test_paragraphs_stand_apart(tmp_path: Path) -> None:
    """Empty ones are none; tabs and line breaks within one are kept."""
    body = (
        paragraph("one &amp; ") + paragraph("") + _run("<w:t>a</w:t><w:tab/><w:t>b</w:t><w:br/><w:t>c</w:t>")
    )
    assert _read(tmp_path / "a", body) == "one &\n\na\tb\nc"


def test_headings_come_from_styles_and_outline_levels(tmp_path: Path) -> None:
    """By the style's name in any language's file, by what it is based on, or by the paragraph's own level."""
    body = (
        paragraph("Book", style="Titel")
        + paragraph("One", style="berschrift1")
        + paragraph("Two", style="Mine")
        + paragraph("Three", style="Outlined")
        + paragraph("Four", properties='<w:outlineLvl w:val="3"/>')
        + paragraph("no heading", style="Mine", properties='<w:outlineLvl w:val="9"/>')
    )
    (page,) = _pages(tmp_path / "a", body, styles=_STYLES)
    assert [(one.level, one.title) for one in page.headings] == [
        *((1, "Book"), (1, "One"), (1, "Two"), (3, "Three"), (4, "Four"))
    ]
    assert all(page.text.startswith(one.title, one.start) for one in page.headings)


def test_headings_are_known_without_a_list_of_styles(tmp_path: Path) -> None:
    """By the ids that English files use."""
    (page,) = _pages(tmp_path / "a", paragraph("One", style="Heading2"))
    assert [(one.level, one.title) for one in page.headings] == [(2, "One")]


def test_list_items_have_the_marks_that_word_counts(tmp_path: Path) -> None:
    """Bullets, numbers and letters, level by level; a list of the same kind may begin anew."""
    body = "".join(
        [
            *(paragraph("by style", style="Items"), _item("bullet", 1), _item("deeper", 1, 1)),
            *(_item("three", 2), _item("a", 2, 1), _item("b", 2, 1), _item("roman", 2, 2)),
            *(_item("four", 2), _item("a again", 2, 1), paragraph("between"), _item("one", 3)),
        ]
    )
    assert _read(tmp_path / "a", body, styles=_STYLES, numbering=_NUMBERING) == (
        "- by style\n- bullet\n  - deeper\n3. three\n  3.a) a\n  3.b) b\n    I roman\n4. four\n  4.a) a again"
        "\n\nbetween\n\n1. one"
    )


def test_tables_are_rows_of_markdown(tmp_path: Path) -> None:
    """A cell's paragraphs on one line; a table in a cell stands for itself."""

    def row(*cells: str) -> str:
        return f"<w:tr>{''.join(f'<w:tc>{cell}</w:tc>' for cell in cells)}</w:tr>"

    rows = row(paragraph("what"), paragraph("price")) + row(paragraph("a|b"), paragraph("1") + paragraph("2"))
    table = f"<w:tbl>{rows}</w:tbl>"
    assert _read(tmp_path / "a", paragraph("before") + table + paragraph("after")) == (
        "before\n\n| what | price |\n| --- | --- |\n| a\\|b | 1 2 |\n\nafter"
    )


def test_what_was_deleted_is_not_read(tmp_path: Path) -> None:
    """Nor what moved away, hidden text, codes of fields, and what only older programs show."""
    body = (
        "<w:p><w:r><w:t>kept </w:t></w:r><w:del><w:r><w:delText>no</w:delText><w:t>no</w:t></w:r></w:del>"
        "<w:moveFrom><w:r><w:t>no</w:t></w:r></w:moveFrom><w:ins><w:r><w:t>new </w:t></w:r></w:ins>"
        "<w:r><w:rPr><w:vanish/></w:rPr><w:t>no</w:t></w:r><w:r><w:instrText>no</w:instrText></w:r>"
        "<w:moveTo><w:r><w:t>moved </w:t></w:r></w:moveTo>"
        "<w:hyperlink><w:r><w:t>link</w:t></w:r></w:hyperlink></w:p>"
        '<mc:AlternateContent xmlns:mc="http://schemas.openxmlformats.org/markup-compatibility/2006"><mc:Choice>'
        f"{paragraph('once')}</mc:Choice><mc:Fallback>{paragraph('twice')}</mc:Fallback></mc:AlternateContent>"
    )
    assert _read(tmp_path / "a", body) == "kept new moved link\n\nonce"


def test_notes_follow_the_text(tmp_path: Path) -> None:
    """Numbered as they are referred to; a note that nothing refers to is none."""
    body = _run('<w:t>text</w:t><w:footnoteReference w:id="5"/>') + _run(
        '<w:t>more</w:t><w:endnoteReference w:id="1"/>'
    )
    footnotes = (
        f'<w:footnote w:id="-1">{paragraph("separator")}</w:footnote>'
        f'<w:footnote w:id="5">{paragraph("below")}{paragraph("again")}</w:footnote>'
    )
    endnotes = f'<w:endnote w:id="1">{paragraph("at the end")}</w:endnote>'
    assert _read(tmp_path / "a", body, footnotes=footnotes, endnotes=endnotes) == (
        "text[1]\n\nmore[2]\n\n[1] below\n\nagain\n\n[2] at the end"
    )


def test_long_documents_come_in_parts(tmp_path: Path) -> None:
    """Of one page; skipping some gives the others unchanged."""
    path = docx(
        tmp_path / "a", "".join(paragraph(f"Paragraph {n} has some words. " * 4) for n in range(2_000))
    )
    pages = list(read_docx(path))
    assert len(pages) > 2
    assert {(page.number, page.pages_total) for page in pages} == {(1, 1)}
    assert "".join(page.text for page in pages).count("\n\n") == 1_999
    assert list(read_docx(path, skip=2)) == pages[2:]


@pytest.mark.parametrize(
    ("entries", "words"),
    [
        ({"word/other.xml": "<x/>"}, "no main part"),
        ({"word/document.xml": "<w:document"}, "not well-formed"),
        ({"word/document.xml": "<workbook xmlns='x'/>"}, "another kind"),
        ({"word/document.xml": "<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>"}, "entities"),
        (
            {"word/document.xml": "<!DOCTYPE a [<!ENTITY b SYSTEM 'file:///etc/passwd'>]><a>&b;</a>"},
            "entities",
        ),
    ],
)
def test_what_is_no_word_document_is_unreadable(entries: dict[str, str], words: str, tmp_path: Path) -> None:
    """With a sentence that says why."""
    with pytest.raises(UnreadableDocument, match=words):
        list(read_docx(zipped(tmp_path / "a", dict(entries))))


def test_a_broken_archive_is_unreadable(tmp_path: Path) -> None:
    """Cut off, or damaged within."""
    content = docx(tmp_path / "a", paragraph("words " * 5_000)).read_bytes()
    for damaged in (
        content[: len(content) // 2],
        content[:700] + b"\0\xff" * 40 + content[780:],
        b"PK\x03\x04",
    ):
        (tmp_path / "b").write_bytes(damaged)
        with pytest.raises(UnreadableDocument):
            list(read_docx(tmp_path / "b"))


def test_an_encrypted_office_file_needs_a_password(tmp_path: Path) -> None:
    """Wherever its container says so; one of the older formats is unreadable."""
    magic = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
    (tmp_path / "a").write_bytes(magic + bytes((1 << 20) - 20) + "EncryptedPackage".encode("utf-16-le"))
    with pytest.raises(PasswordRequired):
        list(read_docx(tmp_path / "a"))
    (tmp_path / "a").write_bytes(magic + bytes(5_000))
    with pytest.raises(UnreadableDocument, match="older"):
        list(read_docx(tmp_path / "a"))
