"""Measures of a ranking: cases computed by hand, and what holds for every ranking."""

from __future__ import annotations

from math import log2

import pytest
from hypothesis import given
from hypothesis import strategies as st

from citewell.evaluation import METRICS, ndcg, recall, reciprocal_rank

IDS = [f"d{number}" for number in range(15)]
rankings = st.lists(st.sampled_from(IDS), unique=True)
judgements = st.dictionaries(st.sampled_from(IDS), st.integers(-1, 3))


def test_ndcg_by_hand() -> None:
    """Gains 1, 0, 3 at the ranks 1 to 3, of 3, 2 and 1 that were judged; the gain is linear."""
    found = 1 / log2(2) + 3 / log2(4)
    ideal = 3 / log2(2) + 2 / log2(3) + 1 / log2(4)
    assert ndcg(["a", "x", "b"], {"a": 1, "b": 3, "c": 2}, k=10) == pytest.approx(found / ideal)
    assert found / ideal == pytest.approx(0.5250, abs=1e-4)


def test_ndcg_looks_at_the_first_k_of_both_rankings() -> None:
    """What comes after k neither helps nor is missed."""
    gains = {"a": 1, "b": 1, "c": 1}
    assert ndcg(["a", "b", "x", "c"], gains, k=2) == 1.0
    assert ndcg(["x", "a"], gains, k=2) == pytest.approx((1 / log2(3)) / (1 + 1 / log2(3)))


def test_recall_by_hand() -> None:
    """Two of three relevant documents are among the first four, one is further down."""
    gains = {"a": 1, "b": 2, "c": 1, "d": 0}
    assert recall(["a", "d", "x", "b", "c"], gains, k=4) == pytest.approx(2 / 3)
    assert recall(["a", "d", "x", "b", "c"], gains, k=5) == 1.0


def test_reciprocal_rank_by_hand() -> None:
    """The first relevant one counts; one that was judged irrelevant does not."""
    gains = {"a": 0, "b": 1, "c": 3}
    assert reciprocal_rank(["a", "x", "b", "c"], gains, k=10) == pytest.approx(1 / 3)
    assert reciprocal_rank(["a", "x", "b", "c"], gains, k=2) == 0.0


@pytest.mark.parametrize("metric", METRICS.values(), ids=list(METRICS))
def test_nothing_found_or_nothing_relevant_is_nothing(metric: object) -> None:
    """No division by zero."""
    assert callable(metric)
    assert metric([], {"a": 1}) == 0.0
    assert metric(["a"], {}) == 0.0
    assert metric(["a"], {"a": 0, "b": -1}) == 0.0


@given(rankings, judgements)
def test_every_measure_is_a_share(ranking: list[str], gains: dict[str, int]) -> None:
    """From 0 to 1, whatever is found and judged."""
    for metric in METRICS.values():
        assert 0.0 <= metric(ranking, gains) <= 1.0 + 1e-12


@given(judgements.filter(lambda gains: max(gains.values(), default=0) > 0))
def test_the_ideal_ranking_is_perfect(gains: dict[str, int]) -> None:
    """Best first gives 1 in each measure that looks far enough."""
    ideal = sorted(gains, key=lambda document: -gains[document])
    assert ndcg(ideal, gains, k=10) == pytest.approx(1.0)
    assert recall(ideal, gains, k=100) == 1.0
    assert reciprocal_rank(ideal, gains, k=10) == 1.0


@given(rankings.filter(lambda ranking: len(ranking) > 1), judgements, st.data())
def test_a_better_document_further_up_is_never_worse(
    ranking: list[str], gains: dict[str, int], data: st.DataObject
) -> None:
    """Swapping two neighbours into the right order lowers no measure."""
    place = data.draw(st.integers(0, len(ranking) - 2))
    pair = sorted(ranking[place : place + 2], key=lambda document: -gains.get(document, 0))
    better = [*ranking[:place], *pair, *ranking[place + 2 :]]
    for metric in METRICS.values():
        assert metric(better, gains) >= metric(ranking, gains) - 1e-12


@given(rankings, judgements)
def test_what_was_not_relevant_may_as_well_be_unjudged(ranking: list[str], gains: dict[str, int]) -> None:
    """Gains of 0 and below say no more than no judgement."""
    relevant = {document: gain for document, gain in gains.items() if gain > 0}
    for metric in METRICS.values():
        assert metric(ranking, gains) == pytest.approx(metric(ranking, relevant))
