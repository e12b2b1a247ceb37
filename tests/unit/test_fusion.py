"""From the candidates of two legs to one ranking."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise, permutations
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from citewell.model import Candidate, Candidates, DocumentId, Fusion, Mode, Ranked, RevisionId
from citewell.ranking import rank, weigh

DOCUMENT = DocumentId(UUID(int=1))
SCORES = st.lists(
    st.tuples(
        st.none() | st.sampled_from([-0.5, 0.0, 0.3, 0.5, 0.8, 1.0]),
        st.none() | st.sampled_from([0.5, 1.0, 4.0, 9.0]),
    ),
    max_size=12,
)


def candidates(scores: list[tuple[float | None, float | None]]) -> Candidates:
    """Chunks by number with their cosine and their BM25; those that neither leg brought are left out."""
    items = [
        Candidate(DOCUMENT, RevisionId(1), index, similarity, bm25)
        for index, (similarity, bm25) in enumerate(scores)
        if (similarity, bm25) != (None, None)
    ]
    return Candidates(tuple(items), highest_bm25=10.0)


def order(ranked: Sequence[Ranked]) -> list[int]:
    return [one.candidate.ref.chunk_index for one in ranked]


@given(SCORES, st.sampled_from(Fusion), st.floats(0, 1))
def test_what_both_legs_agree_on_is_kept(
    scores: list[tuple[float | None, float | None]], fusion: Fusion, weight: float
) -> None:
    """A chunk that is better in one leg and not worse in the other comes first; not brought is worst."""
    hits = rank(candidates(scores), mode=Mode.HYBRID, fusion=fusion, vector_weight=weight)
    places = {index: place for place, index in enumerate(order(hits))}
    for one, other in permutations(places, 2):
        first, second = (
            [-9.0 if score is None else score for score in scores[index]] for index in (one, other)
        )
        if all(a > b for a, b in zip(first, second, strict=True)):
            assert places[one] < places[other]


@given(SCORES, st.sampled_from(Fusion), st.sampled_from(Mode), st.floats(0, 1))
def test_every_candidate_comes_once_with_a_score_that_falls(
    scores: list[tuple[float | None, float | None]], fusion: Fusion, mode: Mode, weight: float
) -> None:
    """In [0, 1], best first."""
    given_ = candidates(scores)
    hits = rank(given_, mode=mode, fusion=fusion, vector_weight=weight)
    assert sorted(order(hits)) == sorted(each.ref.chunk_index for each in given_.items)
    assert all(0 <= hit.relevance <= 1 for hit in hits)
    assert all(one.relevance >= other.relevance for one, other in pairwise(hits))


def test_scores_are_stretched_and_added_by_weight() -> None:
    """Min-max over each leg's candidates; what a leg did not bring gets nothing from it."""
    hits = rank(candidates([(0.9, 2.0), (0.5, 8.0), (0.7, None)]), mode=Mode.HYBRID, vector_weight=0.4)
    assert {hit.candidate.ref.chunk_index: hit.relevance for hit in hits} == pytest.approx(
        {1: 0.6, 0: 0.4, 2: 0.2}
    )
    assert order(hits) == [1, 0, 2]


def test_a_leg_that_brings_nothing_leaves_all_to_the_other() -> None:
    """Whatever the weight is: the best is worth 1."""
    [best, _] = rank(candidates([(0.2, None), (0.6, None)]), mode=Mode.HYBRID, vector_weight=0.0)
    assert (best.candidate.ref.chunk_index, best.relevance) == (1, 1.0)
    [best, _] = rank(candidates([(None, 1.0), (None, 3.0)]), mode=Mode.HYBRID, vector_weight=1.0)
    assert (best.candidate.ref.chunk_index, best.relevance) == (1, 1.0)


def test_a_score_is_what_its_mode_says() -> None:
    """Dense: (1 + cosine) / 2; lexical: the share of the highest BM25."""
    [dense] = rank(candidates([(0.5, None)]), mode=Mode.DENSE, vector_weight=1.0)
    [lexical] = rank(candidates([(None, 4.0)]), mode=Mode.LEXICAL, vector_weight=0.0)
    assert (dense.relevance, lexical.relevance) == (0.75, 0.4)


def test_a_hit_tells_its_rank_and_score_in_each_leg() -> None:
    """And what the leg adds to the fused score."""
    hits = rank(candidates([(0.9, None), (0.5, 8.0)]), mode=Mode.HYBRID, vector_weight=0.4)
    explained = {hit.candidate.ref.chunk_index: hit.explanation for hit in hits}
    assert explained[0].lexical is None
    dense, lexical = explained[1].dense, explained[1].lexical
    assert dense is not None
    assert lexical is not None
    assert (dense.rank, dense.score, dense.contribution) == (2, 0.5, 0.0)
    assert (lexical.rank, lexical.score, lexical.contribution) == (1, 8.0, 0.6)


def test_the_vectors_count_less_where_they_tell_little() -> None:
    """An embedder that does not know a language finds all texts about as similar."""
    telling = candidates([(1 - index / 30, 1.0) for index in range(30)])
    hardly = candidates([(0.9 - index / 2_000, 1.0) for index in range(30)])
    few = candidates([(0.9 - index / 2_000, 1.0) for index in range(5)])
    assert weigh(telling, asked=None, usual=0.4) == 0.4
    assert 0.0 < weigh(hardly, asked=None, usual=0.4) < 0.2
    assert weigh(few, asked=None, usual=0.4) == 0.4
    assert weigh(hardly, asked=0.7, usual=0.4) == 0.7


def test_one_leg_alone_has_all_the_weight() -> None:
    """Whatever was asked for."""
    assert weigh(candidates([(0.9, None)]), asked=0.3, usual=0.4) == 1.0
    assert weigh(candidates([(None, 2.0)]), asked=0.3, usual=0.4) == 0.0
