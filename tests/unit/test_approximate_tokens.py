"""The estimate of what a text costs."""

from __future__ import annotations

import random
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from citewell.chunking.tokens import approximate_tokens, prefix_within

ENGLISH = (
    "The committee, which had met three times since the beginning of the year, decided on Tuesday that the "
    "harbour should be closed to larger vessels until the repairs are finished."
)


def test_the_empty_text_costs_nothing() -> None:
    """0 for the empty text."""
    assert approximate_tokens("") == 0


@given(st.text(max_size=80))
def test_a_longer_text_costs_no_less(text: str) -> None:
    """Never less for a longer text than for its prefix, wherever the prefix ends."""
    counts = [approximate_tokens(text[:end]) for end in range(len(text) + 1)]
    assert counts == sorted(counts)


@given(st.text(max_size=80), st.integers(0, 60))
def test_a_prefix_is_the_longest_that_fits(text: str, max_tokens: int) -> None:
    """One character more would cost too much, or there is none."""
    prefix = prefix_within(text, max_tokens)
    assert text.startswith(prefix)
    assert approximate_tokens(prefix) <= max_tokens
    assert prefix == text or approximate_tokens(text[: len(prefix) + 1]) > max_tokens


@given(st.text(st.sampled_from("ab \n\t\r\f\u2028\u00a0\u0e01\u4e00"), max_size=400))
def test_white_space_costs_the_same_however_it_is_counted(text: str) -> None:
    """Runs of it cost a token each sixteen characters, a lone line end one, a lone space none."""
    words = sum(approximate_tokens(word) for word in text.split() if word.isascii())
    rest = "".join(word for word in text.split() if not word.isascii())
    one_by_one = sum(len(re.findall(r"[^ab]|[ab]+", word)) for word in text.split() if not word.isascii())
    wide = 2 * sum("\u0900" <= sign <= "\u1fff" for sign in rest) // 2 + (rest.count("\u4e00") + 1) // 2
    spaces = len(re.findall(r"\s(?:\s{1,15}|(?<=\n))", text))
    assert approximate_tokens(text) == words + one_by_one + wide + spaces


def test_a_long_prefix_is_found_too() -> None:
    """Words, white space and ideographs in any order."""
    chance = random.Random(3)
    text = "".join(chance.choices(["word", " ", "\n\n", " " * 40, "港", "EE", "7"], k=5000))
    prefix = prefix_within(text, 1000)
    assert approximate_tokens(prefix) == 1000 < approximate_tokens(text[: len(prefix) + 1])


def test_english_costs_somewhat_more_than_a_token_a_word() -> None:
    """Byte-pair vocabularies make 1.2 to 1.4 tokens of an English word with its punctuation."""
    assert 1.2 <= approximate_tokens(ENGLISH) / len(ENGLISH.split()) <= 1.8


@pytest.mark.parametrize(
    ("text", "least"),
    [
        ("渡轮九点离开港口", 8),
        ("нержавеющая сталь", 7),
        ("नौका सुबह नौ बजे", 20),
        ("QmFzZTY0IGVuY29kZWQ", 9),
        ("3.14159265358979", 9),
        ("👩🔬🚢⚓", 4),
    ],
)
def test_other_texts_cost_more_a_character(text: str, least: int) -> None:
    """No script is taken for English."""
    assert approximate_tokens(text) >= least
