"""Tables and columns of PDFs: in rows, and one after the other."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pymupdf
import pytest

from citewell.model import ParsedPage
from citewell_adapters.pymupdf import PDF
from citewell_adapters.pymupdf.reader import read_pages

_FOLDER = Path(__file__).parents[3] / "shared" / "pdfs"
# Most of PyMuPDF has no types.
_pymupdf: Any = pymupdf
_needs_collection = pytest.mark.skipif(
    not _FOLDER.is_dir(), reason="there is no collection of PDFs beside the checkout"
)
_ROWS = [["Name", "Born", "Place"], ["Ada", "1815", "London"], ["Emmy", "1882", "Erlangen"]]
_LEFT, _TOP, _WIDTH, _HEIGHT = 72, 200, 120, 30
_PROSE = ("it", "was", "a", "bright", "cold", "day", "and", "the", "clocks", "were", "striking", "thirteen")


def _read(path: Path, draw: Callable[[Any], object]) -> ParsedPage:
    """What is read of the one page that `draw` has drawn."""
    with _pymupdf.open() as document:
        draw(document.new_page())
        document.save(path)
    (page,) = read_pages(path, media_type=PDF)
    return page


def _table(page: Any, rows: Sequence[Sequence[str]], *, left: float = _LEFT, top: float = _TOP) -> None:
    """The rows with a line around every cell; line breaks in cells are lines of their own."""
    for number, row in enumerate(rows):
        for place, cell in enumerate(row):
            x, y = left + place * _WIDTH, top + number * _HEIGHT
            page.draw_rect((x, y, x + _WIDTH, y + _HEIGHT))
            page.insert_text((x + 5, y + 12), cell.split("\n"))


def _said(page: ParsedPage) -> list[str]:
    return [line.span.of(page.text) for line in page.lines]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "document.pdf"


def test_a_ruled_table_is_read_in_rows(path: Path) -> None:
    """As Markdown, at its place, the first row as its head."""

    def draw(page: Any) -> None:
        page.insert_text((_LEFT, 100), "Mathematicians are listed here:")
        _table(page, _ROWS)
        page.insert_text((_LEFT, 400), "There were others.")

    page = _read(path, draw)
    assert page.text == (
        "Mathematicians are listed here:\n\n"
        "| Name | Born | Place |\n"
        "| --- | --- | --- |\n"
        "| Ada | 1815 | London |\n"
        "| Emmy | 1882 | Erlangen |\n\n"
        "There were others."
    )


def test_lines_in_tables_keep_their_spans_and_boxes(path: Path) -> None:
    """Each points at its words in the text, and at their place on the page."""
    page = _read(path, lambda page: _table(page, _ROWS))
    assert _said(page) == [cell for row in _ROWS for cell in row]
    for number, line in enumerate(page.lines):
        row, column = divmod(number, 3)
        assert line.box.left == pytest.approx((_LEFT + column * _WIDTH + 5) / 595, abs=0.005)
        assert _TOP + row * _HEIGHT < line.box.bottom * 842 < _TOP + (row + 1) * _HEIGHT


def test_lines_of_a_cell_are_joined_by_a_space(path: Path) -> None:
    """A row is one line of the text; the lines of the page are still told apart."""
    page = _read(path, lambda page: _table(page, [["a", "b"], ["in two\nlines", "c"]]))
    assert "| in two lines | c |" in page.text.split("\n")
    assert _said(page) == ["a", "b", "in two", "lines", "c"]


def test_bars_in_cells_are_escaped(path: Path) -> None:
    """They would look like the ends of cells."""
    page = _read(path, lambda page: _table(page, [["x | y", "b"], ["c", "|d|"]]))
    assert page.text == "| x \\| y | b |\n| --- | --- |\n| c | \\|d\\| |"
    assert _said(page) == ["x \\| y", "b", "c", "\\|d\\|"]


def test_large_type_in_a_table_makes_no_heading(path: Path) -> None:
    """It is the head of the table, not of a chapter."""

    def draw(page: Any) -> None:
        page.insert_text((_LEFT, 100), "Of mathematicians", fontsize=24)
        page.insert_text((_LEFT, 150), ["Enough words to tell which type is the one of the body."] * 2)
        _table(page, _ROWS[1:], top=230)
        for place, cell in enumerate(_ROWS[0]):
            x = _LEFT + place * _WIDTH
            page.draw_rect((x, 200, x + _WIDTH, 230))
            page.insert_text((x + 5, 222), cell, fontsize=20)

    page = _read(path, draw)
    assert "| Name | Born | Place |" in page.text
    assert [heading.title for heading in page.headings] == ["Of mathematicians"]


def test_empty_cells_keep_their_place(path: Path) -> None:
    """Rows and columns without any text are left out."""
    rows = [["a", "b", "", "d"], ["", "f", "", "h"], ["", "", "", ""], ["i", "", "", "l"]]
    page = _read(path, lambda page: _table(page, rows))
    assert page.text.split("\n")[2:] == ["|  | f | h |", "| i |  | l |"]


def test_a_cell_over_several_columns_is_one_cell(path: Path) -> None:
    """Its text stands in the first of them."""

    def draw(page: Any) -> None:
        page.draw_rect((_LEFT, _TOP - _HEIGHT, _LEFT + 3 * _WIDTH, _TOP))
        page.insert_text((_LEFT + 150, _TOP - 10), "Over all three columns")
        _table(page, _ROWS)

    page = _read(path, draw)
    assert page.text.split("\n")[:3] == [
        "| Over all three columns |  |  |",
        "| --- | --- | --- |",
        "| Name | Born | Place |",
    ]


def test_shaded_cells_are_cells(path: Path) -> None:
    """Some draw no lines, but fill the cells."""

    def draw(page: Any) -> None:
        for row in range(3):
            for column in range(3):
                x, y = _LEFT + column * _WIDTH, _TOP + row * _HEIGHT
                shade = 0.9 if row % 2 else 0.8
                page.draw_rect((x, y, x + _WIDTH, y + _HEIGHT), color=None, fill=(shade,) * 3)
                page.insert_text((x + 5, y + 12), _ROWS[row][column])

    assert "| Ada | 1815 | London |" in _read(path, draw).text.split("\n")


def test_words_beside_a_border_go_into_their_own_cells(path: Path) -> None:
    """However little room there is between them."""

    def draw(page: Any) -> None:
        for y in (_TOP, _TOP + 20, _TOP + 40):
            page.draw_line((_LEFT, y), (_LEFT + 85, y))
        for x in (_LEFT, _LEFT + 28, _LEFT + 85):
            page.draw_line((x, _TOP), (x, _TOP + 40))
        page.insert_text((_LEFT + 2, _TOP + 14), "1815 London", fontsize=11)
        page.insert_text((_LEFT + 2, _TOP + 34), "1882 Erlangen", fontsize=11)

    assert _read(path, draw).text == "| 1815 | London |\n| --- | --- |\n| 1882 | Erlangen |"


def test_a_word_that_runs_across_a_border_stays_whole(path: Path) -> None:
    """It is in the cell that has most of it, however the form is drawn."""

    def draw(page: Any) -> None:
        _table(page, [["a", "b"], ["c", "d"]])
        page.insert_text((_LEFT + _WIDTH - 40, _TOP + 24), "10a Ordinary dividends")

    text = _read(path, draw).text
    assert "Ordinary" in text
    assert "dividends" in text


def test_two_tables_are_two(path: Path) -> None:
    """Each with a head of its own."""

    def draw(page: Any) -> None:
        _table(page, _ROWS)
        page.insert_text((_LEFT, 330), "Then another.")
        _table(page, _ROWS[1:], top=400)

    text = _read(path, draw).text
    assert text.count("| --- | --- | --- |") == 2
    assert text.index("| Emmy") < text.index("Then another.") < text.rindex("| Ada")


def test_rotated_pages_have_tables_too(path: Path) -> None:
    """Rows are what a reader sees as rows."""

    def draw(page: Any) -> None:
        for row, cells in enumerate(_ROWS):
            for column, cell in enumerate(cells):
                x, y = 300 - row * 30, 100 + column * 120
                page.draw_rect((x, y, x + 30, y + 120))
                page.insert_text((x + 12, y + 5), cell, rotate=270)
        page.set_rotation(270)

    assert "| Ada | 1815 | London |" in _read(path, draw).text.split("\n")


@pytest.mark.parametrize("kind", ["box", "underlines", "list in a box"])
def test_what_only_has_lines_is_no_table(path: Path, kind: str) -> None:
    """A table has two rows and two columns at least."""

    def draw(page: Any) -> None:
        for number in range(4):
            y = _TOP + number * 14
            page.insert_text((_LEFT, y), f"A line of words, number {number}")
            if kind != "box":
                page.draw_line((_LEFT, y + 3), (_LEFT + 150, y + 3))
        if kind != "underlines":
            page.draw_rect((_LEFT - 10, _TOP - 20, _LEFT + 300, _TOP + 80))

    page = _read(path, draw)
    assert page.text == "\n".join(f"A line of words, number {number}" for number in range(4))


def _columns(page: Any, *, texts: Sequence[Callable[[int], str]], lines: int = 20) -> None:
    """Columns drawn across: line by line, each from the left to the right."""
    for number in range(lines):
        for column, text in enumerate(texts):
            page.insert_text((50 + column * 260, 150 + number * 14), text(number), fontsize=10)


def _prose(name: str) -> Callable[[int], str]:
    def line(number: int) -> str:
        words = [_PROSE[(number + place) % len(_PROSE)] for place in range(8)]
        return f"{name} {number} " + " ".join(words)

    return line


def test_columns_that_were_drawn_across_are_read_down(path: Path) -> None:
    """What is printed over both stays above and below them."""

    def draw(page: Any) -> None:
        page.insert_text((50, 100), "A title that runs over both columns of the page", fontsize=18)
        _columns(page, texts=[_prose("left"), _prose("right")])
        page.insert_text((50, 500), "A last word that runs over both of the columns", fontsize=18)

    page = _read(path, draw)
    said = _said(page)
    assert said[0].startswith("A title")
    assert [" ".join(line.split()[:2]) for line in said[1:-1]] == [
        *(f"left {number}" for number in range(20)),
        *(f"right {number}" for number in range(20)),
    ]
    assert said[-1].startswith("A last word")


def test_labels_and_values_stay_side_by_side(path: Path) -> None:
    """A table without lines looks like columns, but is read across."""
    page = _read(
        path,
        lambda page: _columns(
            page, texts=[lambda number: f"Item {number} of the list", lambda number: f"{number * 317} EUR"]
        ),
    )
    said = _said(page)
    assert [line.split()[0] for line in said[:4]] == ["Item", "0", "Item", "317"]


def test_one_column_stays_as_it_is(path: Path) -> None:
    """Whatever the gaps in its lines."""

    def draw(page: Any) -> None:
        for number in range(20):
            words = _prose("line")(number).split()
            for place, word in enumerate(words):
                page.insert_text((50 + place * 50, 150 + number * 14), word, fontsize=10)

    said = " ".join(_said(_read(path, draw))).split()
    assert said == [word for number in range(20) for word in _prose("line")(number).split()]


def _letters(text: str) -> Counter[str]:
    return Counter(character for character in text if character.isalnum())


def _is_longer(line: str, beginning: str) -> bool:
    return len(line) > len(beginning) and line.startswith(beginning)


@_needs_collection
@pytest.mark.parametrize("file", sorted(_FOLDER.glob("good/*.pdf")), ids=lambda path: path.name)
def test_real_pages_lose_nothing_and_double_nothing(file: Path) -> None:
    """Every letter that MuPDF finds, once; of lines that may be drawn twice, one."""
    with _pymupdf.open(file) as document:
        for page in read_pages(file, media_type=PDF):
            if page.problem:
                continue
            printed = document[page.number - 1].get_text("dict", flags=_pymupdf.TEXT_MEDIABOX_CLIP)
            lines = [
                "".join(span["text"] for span in line["spans"]).strip()
                for block in printed["blocks"]
                for line in block["lines"]
            ]
            found, expected = _letters(page.text), _letters("".join(lines))
            assert found <= expected
            alone = {line for line in lines if not any(_is_longer(other, line) for other in lines)}
            assert _letters("".join(alone)) <= found


@_needs_collection
def test_columns_of_a_real_form_are_read_down() -> None:
    """Its three columns were drawn across."""
    pages = list(read_pages(_FOLDER / "good" / "pdfminersix__i1040nr.pdf", media_type=PDF))
    assert (
        "A dual-status year is one in which you\nchange status between nonresident\nand resident alien."
        in pages[4].text
    )


@_needs_collection
def test_a_real_balance_sheet_is_read_in_rows() -> None:
    """With what belongs together in one line."""
    pages = read_pages(_FOLDER / "huge" / "R2R__lyft_2021.pdf", media_type=PDF)
    rows = [line for page in pages for line in page.text.split("\n") if line.startswith("|")]
    assert "| Total current assets | 2,776,070 |  | 2,594,138 |  |" in rows
