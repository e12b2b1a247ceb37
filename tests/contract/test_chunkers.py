"""Every Chunker keeps the contract."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

import pytest

from citewell.chunking import SentenceChunker
from citewell.chunking.tokens import approximate_tokens
from citewell.model import Heading, Span
from citewell.ports import Chunker, TokenCounter
from citewell.testing.chunker import ChunkerContract


def _words(text: str) -> int:
    return len(text.split())


def _with_marks(text: str) -> int:
    """As a model that puts a mark at both ends counts."""
    return len(text.split()) + 2 if text else 0


def _with_line_ends(text: str) -> int:
    """As a model to which line ends are tokens counts: together, pieces cost more than one by one."""
    return len(text.split()) + text.count("\n") + text.count(".")


def _bytes(text: str) -> int:
    return len(text.encode("utf-8", "surrogatepass"))


def _growing(text: str) -> int:
    """Nothing that adds up: two pieces together cost four times as much as one."""
    return len(text) ** 2 // 20


class TestSentenceChunker(ChunkerContract):
    @pytest.fixture(
        params=[
            pytest.param((20, approximate_tokens), id="approximate"),
            pytest.param((7, _words), id="words"),
            pytest.param((9, _with_marks), id="marks at both ends"),
            pytest.param((7, _with_line_ends), id="line ends"),
            pytest.param((20, _bytes), id="bytes"),
            pytest.param((12, _growing), id="growing"),
            pytest.param((1, _bytes), id="hardly anything fits"),
        ],
    )
    def bound(self, request: pytest.FixtureRequest) -> tuple[int, TokenCounter]:
        bound: tuple[int, TokenCounter] = request.param
        return bound

    @pytest.fixture
    def chunker(self, bound: tuple[int, TokenCounter]) -> Chunker:
        max_tokens, count_tokens = bound
        return SentenceChunker(
            max_tokens=max_tokens, overlap_tokens=max_tokens // 3, count_tokens=count_tokens
        )

    @pytest.fixture
    def fits(self, bound: tuple[int, TokenCounter]) -> Callable[[str], bool]:
        """Every passage costs at most `max_tokens`, and has at most 16 times as many characters."""
        max_tokens, count_tokens = bound
        return lambda passage: count_tokens(passage) <= max_tokens and len(passage) <= 16 * max_tokens


class FiveWords:
    """Passages of five words, one of which the next passage repeats."""

    def split(self, text: str, *, headings: Sequence[Heading] = ()) -> Sequence[Span]:
        del headings  # it does not follow them
        words = [match.span() for match in re.finditer(r"\S+", text)]
        starts = range(0, max(1, len(words) - 1), 4) if words else ()
        return [Span(words[start][0], words[start : start + 5][-1][1]) for start in starts]


class TestOwnChunker(ChunkerContract):
    """A chunker of a few lines, such as a user may write."""

    @pytest.fixture
    def chunker(self) -> Chunker:
        return FiveWords()

    @pytest.fixture
    def fits(self) -> Callable[[str], bool]:
        return lambda passage: len(passage.split()) <= 5
