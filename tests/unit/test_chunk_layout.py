"""Where pages come to stand in the revision's text."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from citewell.chunking import PAGE_SEPARATOR, PageLayout
from citewell.model import Box, Heading, Line, Page, ParsedPage, Span


def _laid_out(parsed: Iterable[ParsedPage]) -> list[Page]:
    layout = PageLayout()
    pages = [page for part in parsed for page in layout.feed(part)]
    return pages + layout.finish()


def test_pages_are_separated_by_form_feeds() -> None:
    """Each former page's text ends with one; the last page's does not."""
    pages = _laid_out([ParsedPage(1, "one"), ParsedPage(2, ""), ParsedPage(3, "three")])
    assert [(page.number, page.start, page.text) for page in pages] == [
        (1, 0, "one\f"),
        (2, 4, "\f"),
        (3, 5, "three"),
    ]


def test_parts_of_a_page_follow_each_other_without_a_gap() -> None:
    """A format without pages comes in parts that carry the same number."""
    pages = _laid_out([ParsedPage(1, "one "), ParsedPage(1, "page"), ParsedPage(2, "next")])
    assert [(page.start, page.text) for page in pages] == [(0, "one "), (4, "page\f"), (9, "next")]


def test_a_page_is_given_as_soon_as_the_next_one_is_known() -> None:
    """So that pages stream through; only then it is clear how its text ends."""
    layout = PageLayout()
    assert layout.feed(ParsedPage(1, "one")) == []
    assert layout.feed(ParsedPage(2, "two")) == [Page(1, 0, "one\f")]
    assert layout.finish() == [Page(2, 4, "two")]
    assert layout.finish() == []


def test_lines_and_headings_stay_relative_to_their_page() -> None:
    """Lines and headings keep offsets relative to the page."""
    lines = (Line(Span(0, 3), Box(0, 0, 1, 1)),)
    headings = (Heading(0, 1, "two"),)
    pages = _laid_out([ParsedPage(1, "one"), ParsedPage(2, "two", lines, headings, pages_total=2)])
    assert pages[1] == Page(2, 4, "two", lines, headings)


def test_a_document_without_text_still_has_its_page() -> None:
    """An empty file has one page, which is empty."""
    assert _laid_out([ParsedPage(1, "")]) == [Page(1, 0, "")]
    assert _laid_out([]) == []


def test_page_numbers_do_not_go_back() -> None:
    """A parser that counts back is not understood."""
    layout = PageLayout()
    layout.feed(ParsedPage(2, "two"))
    with pytest.raises(ValueError, match="page 1 comes after page 2"):
        layout.feed(ParsedPage(1, "one"))


@pytest.mark.parametrize("texts", [("", "text"), ("text", "")])
def test_of_several_parts_none_is_empty(texts: tuple[str, str]) -> None:
    """Pages are counted to know where to go on; one that vanished would be missed."""
    layout = PageLayout()
    layout.feed(ParsedPage(1, texts[0]))
    with pytest.raises(ValueError, match="a part of page 1 is empty"):
        layout.feed(ParsedPage(1, texts[1]))


def test_a_layout_goes_on_where_another_one_ended() -> None:
    """As many pages are skipped as were laid out, and the next begins where the last of them ended."""
    parsed = [ParsedPage(1, "one"), ParsedPage(2, "two "), ParsedPage(2, "parts"), ParsedPage(3, "")]
    whole = _laid_out(parsed)
    assert len(whole) == len(parsed)
    for done in range(1, len(whole)):
        layout = PageLayout(start=whole[done - 1].span.end)
        rest = [page for part in parsed[done:] for page in layout.feed(part)] + layout.finish()
        assert rest == whole[done:]


@given(st.lists(st.tuples(st.integers(0, 2), st.text(min_size=1, max_size=5)), max_size=12))
def test_the_texts_follow_each_other(steps: list[tuple[int, str]]) -> None:
    """The revision's text is the concatenation of its pages' texts; each page begins where the last ended."""
    number, parsed = 1, []
    for step, text in steps:
        number += step
        parsed.append(ParsedPage(number, text))
    pages = _laid_out(parsed)
    text = "".join(page.text for page in pages)
    assert all(page.span.of(text) == page.text for page in pages)
    assert len({page.start for page in pages}) == len(pages)
    by_number: dict[int, str] = {}
    for part in parsed:
        by_number[part.number] = by_number.get(part.number, "") + part.text
    assert text == PAGE_SEPARATOR.join(by_number.values())
