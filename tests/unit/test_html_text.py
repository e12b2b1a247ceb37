"""Reading HTML."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from citewell.model import Heading, ParsedPage
from citewell_adapters.markup.blocks import Block
from citewell_adapters.markup.html.reader import read_html
from citewell_adapters.markup.html.text import HtmlText
from citewell_adapters.plaintext import encoding_of


def _text(html: str) -> str:
    return "\n\n".join(block.text for block in _blocks(html))


def _blocks(html: str) -> list[Block]:
    reader = HtmlText()
    reader.feed(html)
    reader.close()
    return reader.taken()


def _pages(path: Path, content: bytes, *, skip: int = 0) -> list[ParsedPage]:
    path.write_bytes(content)
    return list(read_html(path, encoding_of=encoding_of, skip=skip))


def _read(path: Path, content: bytes) -> str:
    return "".join(page.text for page in _pages(path, content))


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("<p>one\n  two<p>three", "one two\n\nthree"),
        ("a<br>b<br/>c", "a\nb\nc"),
        ("a&nbsp;b &lt;i&gt; &eacute;&#233;&#x1f989;", "a b <i> éé🦉"),
        ("soft\xadhyphen", "softhyphen"),
        ("see <a href='x'>the <b>link</b></a>.", "see the link."),
        ("<div>a<div>b</div>c</div>", "a\n\nb\n\nc"),
        ("<pre>\n  x &amp;\n\ty\n</pre>", "  x &\n\ty"),
        ("<dl><dt>term<dd>meaning</dl>", "term\n\nmeaning"),
        ("x<hr>y", "x\n\ny"),
        ("<![CDATA[kept]]> <![if !IE]>too<![endif]> <!-- not this -->", "kept too"),
        ("a<p/>b<div/>c", "a\n\nb\n\nc"),
    ],
)
def test_text_is_what_a_browser_shows(html: str, text: str) -> None:
    """White space collapses save in preformatted text; entities are characters; blocks stand apart."""
    assert _text(html) == text


@pytest.mark.parametrize(
    "html",
    [
        "<script>if (a < b) { c('<p>') }</script>",
        "<style>p { color: red }</style>",
        "<template><p>no</p></template>",
        "<noscript><p>no</p></noscript>",
        "<svg><title>no</title><text>no</text></svg>",
        "<p hidden>no</p>",
        "<div style='color: red; display : NONE'>no<div>no</div>no</div>",
        "<span hidden>no <span>no</span> no</span>",
        "<ul><li hidden>no<li hidden>no</ul>",
        "<iframe src='x'>no</iframe>",
    ],
)
def test_what_is_not_shown_is_dropped(html: str) -> None:
    """With all that is in it, and no more."""
    assert _text(f"before {html} after").split() == ["before", "after"]


def test_a_page_that_hides_itself_until_a_script_has_run_is_read() -> None:
    """Else many pages would be empty."""
    assert _text("<html style='visibility:hidden'><body style='display:none'>text") == "text"


def test_headings_have_levels() -> None:
    """From 1 to 6, whatever stands in them."""
    html = "".join(f"<h{n}>Title <i>{n}</i></h{n}><p>text" for n in range(1, 7))
    headings = [(block.level, block.text) for block in _blocks(html) if block.level]
    assert headings == [(n, f"Title {n}") for n in range(1, 7)]


def test_headings_have_offsets(tmp_path: Path) -> None:
    """Characters into the part's text; the title is the first heading."""
    (page,) = _pages(tmp_path / "a", b"<title>Book</title><p>intro<h2>One</h2>text")
    assert page.text == "Book\n\nintro\n\nOne\n\ntext"
    assert page.headings == (Heading(0, 1, "Book"), Heading(13, 2, "One"))


def test_a_title_that_the_first_heading_says_comes_once(tmp_path: Path) -> None:
    """Twice is of no use to anybody."""
    assert _read(tmp_path / "a", b"<title> The\nbook </title><h1>The book</h1>text") == "The book\n\ntext"
    assert _read(tmp_path / "a", b"<title>Only a title</title>") == "Only a title"


def test_list_items_keep_their_marks(tmp_path: Path) -> None:
    """Numbers count, from where the list says; lists in lists are indented."""
    html = b"<ul><li>a<li>b<ol start=3><li>c<li value=7>d<br>e<li>f</ol><li><p>g<p>h</ul>i"
    assert _read(tmp_path / "a", html) == ("- a\n- b\n  3. c\n  7. d\n     e\n  8. f\n- g\n\n  h\n\ni")


def test_tables_are_rows_of_markdown(tmp_path: Path) -> None:
    """With a rule below the first row; a bar in a cell is no end of it."""
    html = (
        b"before<table><caption>Prices</caption><thead><tr><th>what<th>how much</thead>"
        b"<tr><td>tea|coffee<td><p>1<p>2<tr><td><td></table>after"
    )
    assert _read(tmp_path / "a", html) == (
        "before\n\nPrices\n\n| what | how much |\n| --- | --- |\n| tea\\|coffee | 1 2 |\n\nafter"
    )


def test_a_table_that_lays_out_the_page_is_no_table(tmp_path: Path) -> None:
    """Headings, tables and long texts in cells are blocks as anywhere else."""
    html = b"<table><tr><td>menu<td><h1>News</h1><p>text<table><tr><td>1<td>2</table></table>"
    assert _read(tmp_path / "a", html) == "menu\n\nNews\n\ntext\n\n| 1 | 2 |\n| --- | --- |"
    long = "<table><tr><td>" + "<p>much to say" * 1_000 + "</table>"
    assert _read(tmp_path / "a", long.encode()).count("\n\nmuch to say") == 999


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ("<p>ä 你</p>".encode(), "ä 你"),
        ("<p>ä 你</p>".encode("utf-16"), "ä 你"),
        ("<meta charset=utf-8><p>Größe</p>".encode("cp1252"), "Größe"),
        ("<meta charset='iso-8859-1'><p>“Größe”</p>".encode("cp1252"), "“Größe”"),
        ("<meta http-equiv=x content='text/html; charset=koi8-r'>Мир".encode("koi8-r"), "Мир"),
        ("<meta charset=Shift_JIS>①日本".encode("cp932"), "①日本"),
        ("<meta charset=gb2312>中国镕".encode("gb18030"), "中国镕"),
        ('<?xml version="1.0" encoding="iso-8859-2"?><p>Łódź</p>'.encode("iso8859-2"), "Łódź"),
        ("<meta charset=koi8-r><p>wrong, in truth ü</p>".encode(), "wrong, in truth ü"),
        ("<meta charset=rot13><p>é</p>".encode("cp1252"), "é"),
    ],
)
def test_the_encoding_is_what_the_bytes_or_the_page_say(content: bytes, text: str, tmp_path: Path) -> None:
    """What is valid as Unicode is Unicode; else the declaration, read as browsers read it."""
    assert _read(tmp_path / "a", content) == text


def test_long_pages_come_in_parts_that_end_with_blocks(tmp_path: Path) -> None:
    """Together they are the text; skipping parts gives the others unchanged."""
    html = "".join(f"<h2>Part {n}</h2><p>{'words and more words ' * 20}" for n in range(1_000)).encode()
    pages = _pages(tmp_path / "a", html)
    assert len(pages) > 5
    assert all(len(page.text) <= 65_540 and page.number == 1 for page in pages)
    assert all(page.text.endswith("\n\n") for page in pages[:-1])
    titles = [page.text[one.start :].partition("\n")[0] for page in pages for one in page.headings]
    assert titles == [f"Part {n}" for n in range(1_000)]
    for skip in (1, 3, len(pages), len(pages) + 1):
        assert _pages(tmp_path / "a", html, skip=skip) == pages[skip:]


def test_a_paragraph_without_end_is_cut_at_white_space(tmp_path: Path) -> None:
    """No part is much longer than others."""
    text = " ".join(f"word{n}" for n in range(30_000))
    pages = _pages(tmp_path / "a", f"<p>{text}".encode())
    assert "".join(page.text for page in pages) == text
    assert all(page.text.endswith(" ") for page in pages[:-1])


def test_memory_does_not_grow_with_the_page() -> None:
    """Nothing is kept of what has been taken."""
    piece = "<div><p>Some words</p><ul><li>one</ul><table><tr><td>x</table></div>\n" * 20
    reader = HtmlText()
    tracemalloc.start()
    try:
        peaks = []
        for _ in range(2):
            tracemalloc.reset_peak()
            for _ in range(60):
                reader.feed(piece)
                assert reader.taken()
            peaks.append(tracemalloc.get_traced_memory()[1])
    finally:
        tracemalloc.stop()
    assert peaks[1] < peaks[0] + 10_000


_TAGS = st.sampled_from(
    [
        *(
            "<p>",
            "</p>",
            "<div>",
            "</div>",
            "<b>",
            "</b>",
            "<h1>",
            "</h1>",
            "<pre>",
            "</pre>",
            "<br>",
            "<title>",
        ),
        *("<ul>", "<li>", "</ul>", "<ol>", "</ol>", "<table>", "<tr>", "<td>", "</td>", "</tr>", "</table>"),
        *("<p hidden>", "<span hidden>", "</span>", "<script>", "</script>", "<svg>", "</svg>", "</title>"),
        *("<!--", "-->", "<![x", "<![CDATA[", "]]>", "&amp;", "&#0;", "&", "<", "<a href='", "</"),
    ]
)


@given(st.lists(st.one_of(_TAGS, st.text(max_size=8)), max_size=60))
def test_any_soup_of_tags_is_read(pieces: list[str]) -> None:
    """Whatever it is, reading ends, always in the same way, and no block is empty."""
    blocks = _blocks("".join(pieces))
    assert blocks == _blocks("".join(pieces))
    assert all(block.text.strip() for block in blocks)


@given(st.lists(st.text("abc <>&é", max_size=30), max_size=20))
def test_escaped_text_comes_out_as_it_went_in(paragraphs: list[str]) -> None:
    """Save for white space."""
    html = "".join(
        f"<p>{text.replace('&', '&amp;').replace('<', '&lt;').replace('>', '&gt;')}</p>"
        for text in paragraphs
    )
    wanted = [" ".join(text.split()) for text in paragraphs if text.strip()]
    assert [block.text for block in _blocks(html)] == wanted
