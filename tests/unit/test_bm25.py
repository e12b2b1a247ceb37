"""BM25: the passage's weights, the question's, and by which words passages are looked for."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from citewell.lexical import (
    AVERAGE_LENGTH,
    MAX_RARE_CHUNKS,
    highest_weight,
    inverse_document_frequency,
    rarest,
    term_weights,
)

COUNTS = st.dictionaries(st.integers(0, 99), st.integers(1, 50), min_size=1, max_size=20)


def test_a_weight_is_that_of_the_book() -> None:
    """tf (k1 + 1) / (tf + k1 (1 - b + b length / average)), with k1 1.2 and b 0.75."""
    terms = {1: 3, 2: int(AVERAGE_LENGTH) - 3}
    assert term_weights(terms)[1] == pytest.approx(3 * 2.2 / (3 + 1.2))
    assert term_weights({1: 1})[1] == pytest.approx(2.2 / (1 + 1.2 * (0.25 + 0.75 / AVERAGE_LENGTH)))


@given(COUNTS, st.integers(1, 50))
def test_more_of_a_term_weighs_more_and_more_of_others_less(counts: dict[int, int], more: int) -> None:
    """Saturation, and normalisation by length; no weight reaches the highest."""
    term = min(counts)
    usual = term_weights(counts)[term]
    assert term_weights({**counts, term: counts[term] + more})[term] > usual * (1 - 1e-9)
    assert term_weights({**counts, 100: more})[term] < usual < highest_weight()


@given(st.integers(0, 1000), st.integers(1, 1000))
def test_a_rarer_word_is_worth_more(chunks: int, total: int) -> None:
    """And none is worth less than nothing, even where counts ran ahead of the total."""
    worth = inverse_document_frequency(chunks, total=total)
    assert 0 < worth < inverse_document_frequency(max(0, chunks - 1), total=total) + 1e-12


@given(st.lists(st.integers(0, 5_000), max_size=12))
def test_the_rarest_words_are_taken_up_to_a_bound(frequencies: list[int]) -> None:
    """At least one that occurs at all; all others are as common as those taken, or more so."""
    chosen = rarest(frequencies)
    assert bool(chosen) == any(frequencies)
    assert all(frequencies[position] for position in chosen)
    assert len(chosen) <= 1 or sum(frequencies[position] for position in chosen) <= MAX_RARE_CHUNKS
    left = [f for position, f in enumerate(frequencies) if f and position not in chosen]
    assert not left or min(left) >= max(frequencies[position] for position in chosen)
