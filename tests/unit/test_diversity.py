"""Good passages that differ from each other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from citewell.model import Chunk, DocumentId, Hit, Span
from citewell.ranking import diversified

RANKED = [(1.0, {1: 1, 2: 1}), (0.9, {1: 1, 2: 2}), (0.8, {1: 1, 2: 1, 3: 1}), (0.3, {7: 1, 8: 1})]


def hits(scores: list[float]) -> list[Hit]:
    """One for each score, best first."""
    document_id = DocumentId(UUID(int=1))
    return [
        Hit(document_id, "a", "default", "", Chunk(n, Span(0, 1), "x", 1, 1, (), 1), 0.0, relevance=score)
        for n, score in enumerate(scores)
    ]


def chosen(ranked: Sequence[tuple[float, Mapping[int, int]]], *, diversity: float, k: int = 9) -> list[int]:
    scores, terms = [score for score, _ in ranked], [terms for _, terms in ranked]
    return [hit.chunk.index for hit in diversified(hits(scores), terms, diversity=diversity, k=k)]


@pytest.mark.parametrize(
    ("diversity", "order"), [(0.0, [0, 1, 2, 3]), (0.7, [0, 3, 2, 1]), (1.0, [0, 3, 2, 1])]
)
def test_what_is_like_those_before_it_comes_later(diversity: float, order: list[int]) -> None:
    """The more so, the more diversity is asked for; the best one is always the first."""
    assert chosen(RANKED, diversity=diversity) == order


def test_a_little_diversity_moves_little() -> None:
    """Relevance still counts."""
    assert chosen(RANKED, diversity=0.3, k=2) == [0, 2]
    assert chosen(RANKED, diversity=0.1, k=2) == [0, 1]


TERMS = st.dictionaries(st.integers(0, 5), st.integers(1, 3), max_size=4)


@given(
    st.lists(st.tuples(st.sampled_from([0.2, 0.5, 0.9]), TERMS), max_size=8),
    st.floats(0, 1),
    st.integers(1, 9),
)
def test_each_is_chosen_once(ranked: list[tuple[float, dict[int, int]]], diversity: float, k: int) -> None:
    """As many as are wanted, or all; texts without any terms too."""
    ranked.sort(key=lambda each: -each[0])
    order = chosen([*ranked], diversity=diversity, k=k)
    assert len(order) == len(set(order)) == min(k, len(ranked))
    assert order[:1] == [0][: len(ranked)]
    if diversity == 0:
        assert order == sorted(order)
