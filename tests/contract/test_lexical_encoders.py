"""The contract of LexicalEncoder, over each of them."""

from __future__ import annotations

import pytest

from citewell.lexical import WordEncoder
from citewell.ports import LexicalEncoder
from citewell.testing import LexicalEncoderContract
from citewell_adapters.snowball import SnowballEncoder


class TestWordEncoder(LexicalEncoderContract):
    @pytest.fixture
    def encoder(self) -> LexicalEncoder:
        return WordEncoder()


class TestSnowballEncoder(LexicalEncoderContract):
    @pytest.fixture
    def encoder(self) -> LexicalEncoder:
        return SnowballEncoder()

    @pytest.mark.parametrize(
        ("question", "passage"),
        [
            ("ferries", "The ferry leaves at nine, and it is late."),
            ("Hafen", "Die Schiffe liegen in den Häfen, und das ist gut."),
            ("chevaux", "Les chevaux et le cheval sont dans les champs."),
            ("книги", "Он читал книгу и не спал."),
            ("किताबें", "मेरी किताब मेज पर है।"),
        ],
    )
    def test_other_forms_of_a_word_are_found(
        self, encoder: LexicalEncoder, question: str, passage: str
    ) -> None:
        """Whatever language the question is in."""
        terms = encoder.passage(passage)
        assert all(any(term in terms for term in word) for word in encoder.question(question))

    def test_the_same_word_of_two_languages_is_found_in_both(self, encoder: LexicalEncoder) -> None:
        """A question is not of one language: its words may be of any."""
        [berlin] = encoder.question("Berlin")
        for passage in ("Berlin is the capital of the country.", "Berlin ist die Hauptstadt des Landes."):
            assert any(term in encoder.passage(passage) for term in berlin)
