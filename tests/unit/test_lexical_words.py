"""How texts become words, languages and terms."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from citewell.lexical import TERM_SPACE, WordEncoder, detect_language, term_id, words


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        ("The ferry, at 9!", ["the", "ferry", "at", "9"]),
        ("Straße STRASSE", ["strasse", "strasse"]),
        ("ﬁne ＡＢ①", ["fine", "ab1"]),
        ("हिन्दी में", ["हिन्दी", "में"]),
        ("東京都 猫", ["東京", "京都", "猫"]),
        ("iPhone東京", ["iphone", "東京"]),
        ("สวัสดี", ["สว", "วั", "ัส", "สด", "ดี"]),
        ("error_code_42", ["error", "code", "42", "error_code_42"]),
        ("HTTP/2, and/or", ["http", "2", "http/2", "and", "or"]),
        ("AB-12/3", ["ab", "12", "3", "ab-12/3"]),
        ("C++ and C#.", ["c", "c++", "and", "c", "c#"]),
        ("well-known don’t", ["well", "known", "don", "t"]),
        ("1,234.50 3.14 1,2", ["1234.50", "3.14", "1,2"]),
        ("__init__ os.path", ["init", "os", "path", "os.path"]),
        ("R&D me@example.org", ["r", "d", "r&d", "me", "example", "org", "me@example.org"]),
        ("مُحَمَّد", ["محمد"]),
        ("soft\u00adhyphen", ["softhyphen"]),
    ],
)
def test_words_are_cut(text: str, expected: list[str]) -> None:
    """Marks kept, without case, identifiers and numbers whole and in parts, unspaced scripts in pairs."""
    assert list(words(text)) == expected


@given(st.text())
def test_any_text_has_words(text: str) -> None:
    """None of them empty or longer than 64 characters."""
    assert all(0 < len(word) <= 64 for word in words(text))


@given(st.text(max_size=60))
def test_what_a_passage_is_asked_for_by_its_own_text_is_in_it(text: str) -> None:
    """No word of the question is lost, but for words that are too common."""
    encoder = WordEncoder()
    terms = encoder.passage(text)
    assert all(any(term in terms for term in word) for word in encoder.question(text))


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("the ferry is late and it will not leave", "en"),
        ("die Fähre ist nicht da und sie kommt auch nicht", "de"),
        ("le bateau est dans le port et il ne part pas", "fr"),
        ("el barco está en el puerto y no sale hoy", "es"),
        ("la nave è nel porto e non parte più", "it"),
        ("o barco está no porto e não sai hoje", "pt"),
        ("de boot ligt in de haven en vaart niet uit", "nl"),
        ("båten ligger i hamnen och den går inte ut", "sv"),
        ("laiva on satamassa eikä se lähde", "fi"),
        ("a hajó nem indul el, mert az a kikötőben van", "hu"),
        ("gemi limanda ve çok geç olduğu için yok", "tr"),
        ("XJ-9 4711", "en"),
    ],
)
def test_a_language_is_told_by_its_commonest_words(text: str, language: str) -> None:
    """English if nothing tells."""
    assert detect_language(list(words(text))) == language


def test_a_word_that_says_nothing_is_neither_kept_nor_asked_for() -> None:
    """In the language that the text is in."""
    encoder = WordEncoder()
    assert encoder.passage("the ferry is not at the mole") == encoder.passage("ferry mole")
    assert len(encoder.question("Where is the ferry?")) == 1


def test_forms_of_one_word_are_asked_for_once() -> None:
    """Of a word that comes again in another form, the likeliest term is there already."""
    stemming = WordEncoder({"en": lambda word: word.removesuffix("s"), "de": lambda word: word})
    [ferry] = stemming.question("ferry ferrys")
    assert ferry[0] == term_id("ferry", language="en")
    assert term_id("ferry", language="de") in ferry


def test_terms_of_two_languages_differ() -> None:
    """A stem of one language is no word of another."""
    assert len({term_id("new", language=language) for language in ("", "en", "de")}) == 3
    assert 0 <= term_id("new") < TERM_SPACE
