"""What a passage stands in, as the embedder and the analysis of words are told."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from citewell.chunking import ChunkSizes, context_of, in_context, in_context_within, title_of
from citewell.errors import InvalidInput
from citewell.testing.chunker import texts


def _words(text: str) -> int:
    return len(text.split())


@pytest.mark.parametrize(
    ("name", "title"),
    [
        ("AMCOR 2022 10K.pdf", "AMCOR 2022 10K"),
        ("AMCOR_2022_10K.pdf", "AMCOR 2022 10K"),
        ("3M_2018_10K.pdf", "3M 2018 10K"),
        ("2023 Q3.pdf", "2023 Q3"),
        ("state-of-the-union.md", "state of the union"),
        ("reports/annual%20report.docx", "annual report"),
        ("Jahresbericht für 2021.docx", "Jahresbericht für 2021"),
        ("报告.pdf", "报告"),
        ("no extension", "no extension"),
    ],
)
def test_a_name_is_read_as_words(name: str, title: str) -> None:
    """The stem, with spaces for separators."""
    assert title_of(name) == title


@pytest.mark.parametrize(
    "name",
    [
        "",
        ".pdf",
        "4983.txt",
        "p17.txt",
        "0000320193-22-000108.pdf",
        "5f2b1c9e-8d3a-4f7b-9c1d-0a1b2c3d4e5f.pdf",
        "9b74c9897bac770ffc029102a200c5de.html",
        "___.md",
    ],
)
def test_a_name_that_says_nothing_is_left_out(name: str) -> None:
    """Hashes and numbers are no title."""
    assert title_of(name) == ""


def test_the_context_is_the_title_and_the_headings() -> None:
    """From the outermost inwards, a line each."""
    context = context_of("AMCOR_2022.pdf", ("Annual report", "Risks"), "We may lose customers.")
    assert context == "AMCOR 2022\nAnnual report\nRisks"


def test_what_the_passage_begins_with_is_not_said_twice() -> None:
    """A heading that stands in it is no context."""
    assert context_of("a_file.md", ("Report", "Risks"), "# Risks\n\nWe may.") == "a file\nReport"


def test_an_item_is_no_heading() -> None:
    """Readers take an item in large type for one now and then."""
    assert context_of("1.md", ("Report", "• the first; and"), "We may.") == "Report"


def test_the_outer_headings_give_way() -> None:
    """Where a path is too long, title and inner headings say most."""
    path = tuple(f"{letter} " * 50 for letter in "abcde")
    context = context_of("The name.pdf", path, "Text.")
    assert context.split("\n") == ["The name", path[-2], path[-1]]


@given(st.text(max_size=400), st.lists(st.text(max_size=200), max_size=6), texts)
def test_a_context_is_short(name: str, path: list[str], text: str) -> None:
    """At most 240 characters, whatever the names are."""
    assert len(context_of(name, path, text)) <= 240


def test_a_passage_without_context_is_itself() -> None:
    """Nothing is put in front of it."""
    assert in_context("Text.", name="17.txt", heading_path=()) == "Text."


@given(texts, st.text(max_size=50), st.lists(st.text(max_size=60), max_size=4), st.integers(1, 40))
def test_what_is_embedded_fits(text: str, name: str, path: list[str], max_tokens: int) -> None:
    """The context is cut until it does; the passage is not touched."""
    embedded = in_context_within(max_tokens, text, name=name, heading_path=path, count_tokens=_words)
    whole = in_context(text, name=name, heading_path=path)
    assert embedded.endswith(text)
    assert _words(embedded) <= max(max_tokens, _words(text))
    if _words(whole) <= max_tokens:
        assert embedded == whole


def test_the_context_loses_its_last_words() -> None:
    """As many as need be."""
    embedded = in_context_within(
        6, "One two three.", name="a b c.txt", heading_path=("Title",), count_tokens=_words
    )
    assert embedded == "a b c\n\nOne two three."
    embedded = in_context_within(3, "One two three.", name="a b c.txt", heading_path=(), count_tokens=_words)
    assert embedded == "One two three."


@pytest.mark.parametrize(
    ("window", "sizes"), [(254, (200, 40)), (8191, (200, 40)), (100, (80, 16)), (1, (1, 0))]
)
def test_sizes_follow_the_window(window: int, sizes: tuple[int, int]) -> None:
    """Four fifths of it, so that the context has room, but no more than serves."""
    assert ChunkSizes.within(window) == ChunkSizes(*sizes)


def test_sizes_can_be_set() -> None:
    """Up to the window, and up to half."""
    assert ChunkSizes.within(254, max_tokens=254, overlap_tokens=0) == ChunkSizes(254, 0)
    assert ChunkSizes.within(254, max_tokens=100) == ChunkSizes(100, 20)
    with pytest.raises(InvalidInput, match="set 203 or less"):
        ChunkSizes.within(254, max_tokens=255)
    with pytest.raises(InvalidInput, match="at most half"):
        ChunkSizes.within(254, overlap_tokens=101)
