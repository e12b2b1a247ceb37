"""The contract of Chunker."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from citewell.model import Heading, Span
from citewell.ports import Chunker

__all__ = ["ChunkerContract", "headed_texts", "texts"]

# What chunkers stumble over: stops that end no sentence, every kind of white space and of line, several
# scripts, characters that are made of several, words without end.
_PIECES: Final = (
    *("a", "bb", "Wort", "Mr.", "e.g.", "3.14", "No. 5", "42.", "J. Smith", "zz. ", "Z", "supercali" * 7),
    *(
        " ",
        "  ",
        "\n",
        "\n\n",
        " \n \n",
        "\f",
        "\r\n",
        "\r",
        "\t",
        "    ",
        "\x0b",
        "\x85",
        "\u2028",
        "\u2029",
    ),
    *(". ", ". A", "! ", "? b", "…", "...", "'", '"', ")", "(", "[12]", "**"),
    *("。", "！」", "，", "、", "你好", "नमस्ते।", " نص؟ ", "สวัสดี"),
    *("- ", "* item", "1. ", "| a | b |", "x = f(1);", "# H", "```"),
    *("e\u0301\u0302", "👩\u200d👩\u200d👧", "🇩🇪🇫🇷", "👍🏽", "\u200b"),
)

#: Texts as chunkers meet them, and worse.
texts: st.SearchStrategy[str] = st.lists(st.sampled_from(_PIECES), max_size=50).map("".join) | st.text(
    max_size=60
)


@st.composite
def headed_texts(draw: st.DrawFn) -> tuple[str, list[Heading]]:
    """A text and headings in it, in order."""
    text = draw(texts)
    if not text:
        return text, []
    starts = draw(st.sets(st.integers(0, len(text) - 1), max_size=3))
    return text, [Heading(start, draw(st.integers(1, 3)), "Title") for start in sorted(starts)]


class ChunkerContract:
    """Override `chunker`; and `fits`, if passages are bounded.

    The smaller the passages of the chunker under test, the more the tests find: a dozen words are good.
    """

    @pytest.fixture
    def chunker(self) -> Chunker:
        raise NotImplementedError("override the fixture chunker")

    @pytest.fixture
    def fits(self) -> Callable[[str], bool]:
        """Says whether a passage may be as long as this text; any may, unless overridden."""
        return lambda _: True

    def test_white_space_has_no_passages(self, chunker: Chunker) -> None:
        """No span is empty or white space alone."""
        assert [list(chunker.split(text)) for text in ("", " ", "\n \f\t\u2029")] == [[], [], []]

    def test_every_mark_is_in_a_passage(self, chunker: Chunker) -> None:
        """Every character that is not white space is in at least one span."""

        def check(text: str, headings: Sequence[Heading]) -> None:
            covered: set[int] = set()
            for span in chunker.split(text, headings=headings):
                covered.update(range(span.start, span.end))
            assert all(place in covered or text[place].isspace() for place in range(len(text)))

        _for_texts(check)

    def test_passages_begin_and_end_with_marks(self, chunker: Chunker) -> None:
        """No span is empty, and none begins or ends with white space."""

        def check(text: str, headings: Sequence[Heading]) -> None:
            for span in chunker.split(text, headings=headings):
                passage = span.of(text)
                assert passage
                assert passage == passage.strip()

        _for_texts(check)

    def test_passages_are_in_order(self, chunker: Chunker) -> None:
        """Starts and ends both strictly increase."""

        def check(text: str, headings: Sequence[Heading]) -> None:
            spans = chunker.split(text, headings=headings)
            for before, after in pairwise(spans):
                assert before.start < after.start
                assert before.end < after.end

        _for_texts(check)

    def test_passages_fit(self, chunker: Chunker, fits: Callable[[str], bool]) -> None:
        """Passages keep the bound that the chunker was given; a single character may be over any bound."""

        def check(text: str, headings: Sequence[Heading]) -> None:
            for span in chunker.split(text, headings=headings):
                assert len(span) == 1 or fits(span.of(text))

        _for_texts(check)

    def test_the_same_input_gives_the_same_passages(self, chunker: Chunker) -> None:
        """The same input gives the same spans."""

        def check(text: str, headings: Sequence[Heading]) -> None:
            first = list(chunker.split(text, headings=headings))
            assert list(chunker.split(text, headings=tuple(headings))) == first

        _for_texts(check)

    def test_splitting_can_begin_again_at_any_passage(self, chunker: Chunker) -> None:
        """Splitting again from the start of any passage gives that passage and those after it."""

        def check(text: str, headings: Sequence[Heading]) -> None:
            spans = list(chunker.split(text, headings=headings))
            for number, span in enumerate(spans):
                rest = chunker.split(text[span.start :], headings=_from(span.start, headings))
                moved = [Span(one.start + span.start, one.end + span.start) for one in rest]
                assert moved == spans[number:]

        _for_texts(check)

    def test_appended_text_changes_the_last_passage_alone(self, chunker: Chunker) -> None:
        """Text appended at the end changes no passage but the last."""

        @settings(deadline=None)
        @given(headed_texts(), texts)
        def check(headed: tuple[str, list[Heading]], appended: str) -> None:
            text, headings = headed
            spans = list(chunker.split(text, headings=headings))
            longer = list(chunker.split(text + appended, headings=headings))
            assert longer[: len(spans[:-1])] == spans[:-1]

        check()


def _for_texts(check: Callable[[str, Sequence[Heading]], None]) -> None:
    @settings(deadline=None)
    @given(headed_texts())
    def run(headed: tuple[str, list[Heading]]) -> None:
        check(*headed)

    run()


def _from(start: int, headings: Sequence[Heading]) -> list[Heading]:
    return [Heading(one.start - start, one.level, one.title) for one in headings if one.start >= start]
