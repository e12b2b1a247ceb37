"""Headings, tables, lists and code stay together where they fit."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from citewell.chunking import SentenceChunker
from citewell.chunking.blocks import _ITEM, _MARKER, Blocks, Strength
from citewell.chunking.breaks import breaks
from citewell.model import Heading

PROSE = "Some words stand here first. "
TABLE = "| Year | Sales |\n| --- | --- |\n| 2021 | 12 |\n| 2022 | 14 |"
LIST = "- the first thing to do\n- the second thing to do\n\n- the last thing to do"
CODE = "```python\ndef add(a, b):\n    return a + b\n\nprint(add(1, 2))\n```"


def _words(text: str) -> int:
    return len(text.split())


def _passages(
    text: str, *, max_tokens: int, overlap_tokens: int = 0, titles: tuple[str, ...] = ()
) -> list[str]:
    chunker = SentenceChunker(max_tokens=max_tokens, overlap_tokens=overlap_tokens, count_tokens=_words)
    headings = sorted(
        (Heading(text.index(title), 1, title) for title in titles), key=lambda heading: heading.start
    )
    return [span.of(text) for span in chunker.split(text, headings=headings)]


@pytest.mark.parametrize("block", [TABLE, LIST, CODE], ids=["table", "list", "code"])
@pytest.mark.parametrize("sentences", range(2, 6))
def test_a_block_that_fits_is_not_cut(block: str, sentences: int) -> None:
    """Whatever stands before it, it is whole in a passage."""
    text = f"{PROSE * sentences}\n\n{block}\n\n{PROSE * 4}"
    assert any(block in passage for passage in _passages(text, max_tokens=32))


def test_a_table_that_does_not_fit_is_cut_between_rows() -> None:
    """Every row is whole in a passage, and the passages are full."""
    rows = [f"| No. {number}. It goes on | {number} |" for number in range(30)]
    passages = _passages("\n".join(rows), max_tokens=45)
    assert [row for passage in passages for row in passage.split("\n")] == rows
    assert len(passages) == 6


def test_rows_need_no_bar_in_front() -> None:
    """`a | b` is a row as well."""
    rows = [f"Net sales | {number}. In all | {number}" for number in range(20)]
    passages = _passages("\n".join(rows), max_tokens=25)
    assert [row for passage in passages for row in passage.split("\n")] == rows


def test_a_list_that_does_not_fit_is_cut_between_items() -> None:
    """Even where an item has several lines and sentences."""
    items = [f"- Item {number}. It has two sentences\n  and two lines. That is all." for number in range(9)]
    passages = _passages("\n".join(items), max_tokens=30)
    assert "\n".join(passages) == "\n".join(items)
    assert all(passage.startswith("- Item") for passage in passages)


def test_what_introduces_something_stays_with_it() -> None:
    """A paragraph with a colon at its end, and what stands above a table."""
    text = f"{PROSE * 3}\n\nThis is to be done:\n\n{LIST}\n\n{PROSE * 3}"
    assert f"This is to be done:\n\n{LIST}" in _passages(text, max_tokens=25)
    text = f"{PROSE * 3}\n\nSales in the years\n(millions)\n\n{TABLE}"
    assert f"Sales in the years\n(millions)\n\n{TABLE}" in _passages(text, max_tokens=28)


def test_a_mark_without_its_item_is_no_place_for_a_cut() -> None:
    """Some PDFs put a list's marks on lines of their own."""
    text = "\n\n".join(f"•\nItem number {number} of many." for number in range(20))
    assert all(passage.startswith("•\nItem") for passage in _passages(text, max_tokens=16))


def test_code_ends_where_its_fence_does() -> None:
    """What follows is prose again, also behind an end whose beginning is in another passage."""
    for text in (f"{CODE}\n\nOne. Two.\n\nThree.", "x = 1\n```\n\nOne. Two.\n\nThree."):
        strengths = [place.strength for place in breaks(text)]
        assert strengths[-3:] == [Strength.PARAGRAPH, Strength.SENTENCE, Strength.PARAGRAPH]


def test_a_line_that_is_a_title_stays_with_what_it_is_above() -> None:
    """Also where the parser did not find that it is a heading."""
    text = f"{PROSE * 4}\n\nWhat happened then\n\n{PROSE * 4}"
    assert _passages(text, max_tokens=25) == [
        (PROSE * 4).strip(),
        f"What happened then\n\n{PROSE * 4}".strip(),
    ]


def test_no_heading_ends_a_passage() -> None:
    """Neither one alone nor the last of several, nor one of two lines or with a line under it."""
    for title in ("Chapter", "Chapter one,\nof many", "Chapter\n=======", "Part\n\nChapter"):
        for sentences in range(1, 12):
            text = f"{PROSE * sentences}\n\n{title}\n\n{PROSE * 8}"
            for passage in _passages(
                text, max_tokens=24, overlap_tokens=6, titles=tuple(title.split("\n\n"))
            ):
                assert not passage.endswith(title.split("\n")[-1])


@given(st.lists(st.tuples(st.integers(1, 9), st.booleans()), min_size=1, max_size=12))
def test_headings_stand_above_text(sections: list[tuple[int, bool]]) -> None:
    """Whatever the lengths of the sections are, and where headings follow each other."""
    text, headings = "", []
    for number, (length, has_text) in enumerate([*sections, (3, True)]):
        title = f"Title {number}"
        headings.append(Heading(len(text), 1, title))
        text += f"{title}\n\n" + (f"{PROSE * length}\n\n" if has_text else "")
    # More than all headings together: where they alone fill a passage, one has to end it.
    chunker = SentenceChunker(max_tokens=30, overlap_tokens=5, count_tokens=_words)
    spans = chunker.split(text, headings=headings)
    assert not any(span.of(text).rsplit("\n", 1)[-1].startswith("Title") for span in spans)


@given(st.text(st.sampled_from("aB1é.)(-•|`/*>@$#}= \t\n"), max_size=12))
def test_no_item_is_missed_where_a_line_begins_with_a_word(line: str) -> None:
    """What is told by two characters agrees with the patterns, which are not tried then."""
    marked = Blocks(line)._may_be_marked(0)
    assert marked or not (_ITEM.match(line) or _MARKER.fullmatch(line))
