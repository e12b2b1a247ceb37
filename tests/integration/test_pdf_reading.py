"""What is read of a PDF: text, lines, boxes and headings of documents made for the purpose."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pymupdf
import pytest

from citewell.errors import PasswordRequired, UnreadableDocument
from citewell.model import ParsedPage
from citewell_adapters.pymupdf import PDF
from citewell_adapters.pymupdf.reader import read_pages

# Most of PyMuPDF has no types.
_pymupdf: Any = pymupdf
_BODY = "Enough words to make a paragraph that nobody takes for a heading, in the size of all the others."


def _read(
    path: Path, draw: Callable[[Any], object], *, password: str | None = None, **save: object
) -> list[ParsedPage]:
    """What is read of a document that `draw` has drawn."""
    with _pymupdf.open() as document:
        draw(document)
        document.save(path, **save)
    return list(read_pages(path, media_type=PDF, password=password))


def _titles(pages: list[ParsedPage]) -> list[tuple[int, int, str, str]]:
    """Page, level and title of each heading, and the line where it was found."""
    return [
        (page.number, heading.level, heading.title, page.text[heading.start :].partition("\n")[0])
        for page in pages
        for heading in page.headings
    ]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "document.pdf"


def test_lines_stay_lines_and_paragraphs_are_set_apart(path: Path) -> None:
    """Lines are joined by a line break, blocks by a blank line; hyphens stay."""

    def draw(document: Any) -> None:
        page = document.new_page()
        page.insert_text((72, 100), ["The first line ends with a hy-", "phen; the second does not."])
        page.insert_text((72, 300), "Another paragraph: fine.")

    (page,) = _read(path, draw)
    assert page.text == (
        "The first line ends with a hy-\nphen; the second does not.\n\nAnother paragraph: fine."
    )
    assert [line.span.of(page.text) for line in page.lines] == [
        "The first line ends with a hy-",
        "phen; the second does not.",
        "Another paragraph: fine.",
    ]
    assert page.pages_total == 1


@pytest.mark.parametrize("rotation", [0, 90, 180, 270])
def test_boxes_are_where_a_reader_sees_the_words(path: Path, rotation: int) -> None:
    """In fractions of the page as it is shown, turned as it is shown."""

    def draw(document: Any) -> None:
        page = document.new_page(width=400, height=800)
        page.insert_text((40, 100), "top left")
        page.insert_text((300, 780), "bottom right")
        page.set_rotation(rotation)

    (page,) = _read(path, draw)
    boxes = {line.span.of(page.text): line.box for line in page.lines}
    top_left, bottom_right = boxes["top left"], boxes["bottom right"]
    assert (top_left.left < 0.5) == (rotation in (0, 270))
    assert (top_left.top < 0.5) == (rotation in (0, 90))
    assert (bottom_right.left > 0.5) == (rotation in (0, 270))
    assert (bottom_right.top > 0.5) == (rotation in (0, 90))
    with _pymupdf.open(path) as document:
        shown = document[0]
        for word in shown.get_text("words"):
            place = _pymupdf.Rect(word[:4]) * shown.rotation_matrix
            x = (place.x0 + place.x1) / 2 / shown.rect.width
            y = (place.y0 + place.y1) / 2 / shown.rect.height
            box = top_left if word[4] in ("top", "left") else bottom_right
            assert box.left <= x <= box.right
            assert box.top <= y <= box.bottom


def test_columns_are_read_one_after_the_other(path: Path) -> None:
    """Not across."""

    def draw(document: Any) -> None:
        page = document.new_page()
        for name, left in (("left", 50), ("right", 320)):
            text = " ".join(f"{name} column, sentence {number}." for number in range(60))
            page.insert_textbox((left, 80, left + 220, 780), text)

    (page,) = _read(path, draw)
    assert page.text.rindex("left column") < page.text.index("right column")


def test_pieces_of_a_printed_line_are_one_line(path: Path) -> None:
    """A wide gap in justified text ends no line; a gap between table cells does."""

    def draw(document: Any) -> None:
        page = document.new_page()
        page.insert_text((72, 100), "It ends here.")
        page.insert_text((150, 100), "Then it goes on.")
        page.insert_text((72, 300), "cell")
        page.insert_text((250, 300), "far away")

    (page,) = _read(path, draw)
    assert "It ends here. Then it goes on." in page.text.split("\n")
    assert "cell" in page.text.split("\n")
    left, right = page.lines[0].box.left, page.lines[0].box.right
    assert left < 75 / 595
    assert right > 220 / 595


def test_a_line_that_is_drawn_twice_is_read_once(path: Path) -> None:
    """A hair apart: some make type bold in this way."""

    def draw(document: Any) -> None:
        page = document.new_page()
        for left in (72, 72.3, 72.6):
            page.insert_text((left, 100), "as if bold")
        page.insert_text((72, 115), "as if bold")

    (page,) = _read(path, draw)
    assert page.text == "as if bold\nas if bold"


def test_what_is_off_the_page_is_not_read(path: Path) -> None:
    """Nobody sees it, and no box could show it."""

    def draw(document: Any) -> None:
        page = document.new_page()
        page.insert_text((72, 100), "visible")
        page.insert_text((72, -50), "above the page")
        page.insert_text((700, 100), "beside the page")

    (page,) = _read(path, draw)
    assert page.text == "visible"


def test_filled_forms_are_read(path: Path) -> None:
    """What was filled in is as good as printed."""

    def draw(document: Any) -> None:
        page = document.new_page()
        page.insert_text((72, 100), "Name:")
        field = _pymupdf.Widget()
        field.field_type, field.field_name = _pymupdf.PDF_WIDGET_TYPE_TEXT, "name"
        field.field_value, field.rect = "Ada Lovelace", _pymupdf.Rect(120, 85, 300, 105)
        page.add_widget(field)

    (page,) = _read(path, draw)
    assert "Ada Lovelace" in page.text


def test_an_outline_gives_the_headings(path: Path) -> None:
    """Found by their titles, though a number or a line's end makes them differ; else by their height."""

    def draw(document: Any) -> None:
        for _ in range(2):
            document.new_page()
        first, second = document[0], document[1]
        first.insert_text((72, 100), ["Introduction", _BODY])
        first.insert_text((72, 300), ["1.2  Methods and", "materials", _BODY])
        second.insert_text((72, 100), [_BODY, "Introduction again, not as a heading", _BODY])
        second.insert_text((72, 400), ["What we found", _BODY])
        document.set_toc(
            [
                [1, "Introduction", 1],
                [2, "Methods and materials", 1],
                [1, "Results", 2, {"kind": 1, "to": _pymupdf.Point(72, 380)}],
                [1, "Nowhere", -1],
            ]
        )

    assert _titles(_read(path, draw)) == [
        (1, 1, "Introduction", "Introduction"),
        (1, 2, "Methods and materials", "1.2  Methods and"),
        (2, 1, "Results", "What we found"),
    ]


def test_without_an_outline_larger_type_makes_headings(path: Path) -> None:
    """The larger, the higher; bold above a paragraph the lowest. What repeats on each page counts once."""

    def draw(document: Any) -> None:
        for number in (1, 2, 3):
            page = document.new_page()
            page.insert_text((72, 40), "The running title", fontsize=16)
            page.insert_text((72, 100), f"Part {number} of it", fontsize=24)
            page.insert_text((72, 150), f"Chapter {number}", fontsize=16)
            page.insert_text((72, 200), [_BODY] * 5)
            page.insert_text((72, 320), f"In bold {number}", fontname="hebo")
            page.insert_text((72, 360), [_BODY] * 5)
            page.insert_text((72, 500), "Label:", fontname="hebo")
            page.insert_text((72, 540), f"{number}", fontsize=30)

    found = [(page, level, title) for page, level, title, _ in _titles(_read(path, draw))]
    assert found == [
        (1, 2, "The running title"),
        *(
            heading
            for page in (1, 2, 3)
            for heading in (
                (page, 1, f"Part {page} of it"),
                (page, 2, f"Chapter {page}"),
                (page, 4, f"In bold {page}"),
            )
        ),
    ]


def test_a_page_that_cannot_be_read_is_empty(path: Path) -> None:
    """The others are worth having, and whoever wants to know hears why."""

    def draw(document: Any) -> None:
        for number in (1, 2, 3):
            document.new_page().insert_text((72, 100), f"page {number}")
        # The second page's entry points at itself: a page tree with a cycle.
        document.update_object(document.page_xref(1), "<</Type/Pages/Kids[null]/Count 1>>")

    pages = _read(path, draw)
    assert [page.number for page in pages] == [1, 2, 3]
    assert [page.text for page in pages] == ["page 1", "", "page 3"]
    assert [bool(page.problem) for page in pages] == [False, True, False]
    assert pages[1].problem.startswith("page 2 cannot be read")


def test_a_document_without_a_readable_page_is_unreadable(path: Path) -> None:
    """There is nothing to have."""

    def draw(document: Any) -> None:
        document.new_page()
        document.update_object(document.page_xref(0), "<</Type/Pages/Kids[null]/Count 1>>")

    with pytest.raises(UnreadableDocument):
        _read(path, draw)


def test_scanned_pages_have_no_text(path: Path) -> None:
    """It is for others to say that this is no use."""

    def draw(document: Any) -> None:
        picture = _pymupdf.Pixmap(_pymupdf.csRGB, _pymupdf.IRect(0, 0, 100, 100), False)
        picture.clear_with(120)
        document.new_page().insert_image((72, 72, 300, 300), pixmap=picture)

    assert _read(path, draw) == [ParsedPage(1, "", pages_total=1)]


def test_a_password_opens_what_needs_one(path: Path) -> None:
    """The owner's or the user's; what only its owner may change opens without."""

    def draw(document: Any) -> None:
        document.new_page().insert_text((72, 100), "secret")

    locked = {"encryption": _pymupdf.PDF_ENCRYPT_AES_128, "owner_pw": "owner", "user_pw": "user"}
    assert _read(path, draw, password="user", **locked)[0].text == "secret"
    assert _read(path, draw, password="owner", **locked)[0].text == "secret"
    for wrong in (None, "", "wrong"):
        with pytest.raises(PasswordRequired):
            _read(path, draw, password=wrong, **locked)
    assert _read(path, draw, **{**locked, "user_pw": ""})[0].text == "secret"


def _with_glyphs_as(document: Any, table: bytes) -> None:
    """A page with `ABC`, whose font says what characters its glyphs are."""
    document.new_page().insert_text((72, 100), "ABC")
    stream = document.get_new_xref()
    document.update_object(stream, "<<>>")
    document.update_stream(
        stream,
        b"/CIDInit /ProcSet findresource begin 12 dict begin begincmap\n"
        b"1 begincodespacerange <00> <ff> endcodespacerange\n" + table + b"\nendcmap end end",
    )
    document.xref_set_key(document[0].get_fonts()[0][0], "ToUnicode", f"{stream} 0 R")


def test_characters_that_no_text_may_hold_are_replaced(path: Path) -> None:
    """NULs and surrogates, which a font's table may claim its glyphs to be."""

    def draw(document: Any) -> None:
        _with_glyphs_as(document, b"3 beginbfchar <41> <d800> <42> <0000> <43> <0043> endbfchar")

    (page,) = _read(path, draw)
    assert page.text.endswith("C")
    assert not set(page.text) & {"\0", "\ud800"}
    page.text.encode()


def test_ligatures_are_read_as_letters(path: Path) -> None:
    """Nobody types them into a question."""

    def draw(document: Any) -> None:
        _with_glyphs_as(document, b"3 beginbfchar <41> <fb01> <42> <006e> <43> <0065> endbfchar")

    assert _read(path, draw)[0].text == "fine"
