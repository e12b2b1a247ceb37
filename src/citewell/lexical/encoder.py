"""The LexicalEncoder: words, without stop words, stemmed by their language, as term ids."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from types import MappingProxyType
from typing import Final

from citewell.lexical.languages import LATIN_LANGUAGES, detect_language, languages_of
from citewell.lexical.stopwords import STOP_WORDS
from citewell.lexical.terms import term_id
from citewell.lexical.words import words
from citewell.remembering import Remembered

__all__ = ["LATIN_LANGUAGES", "Stemmer", "WordEncoder"]

#: A word without its ending; the word is in lower case.
Stemmer = Callable[[str], str]

#: A sparsevec has 16,000 elements at most; no passage comes near it, but for a text of numbers alone.
_MAX_TERMS: Final = 8_000
#: Longer questions are cut: each word costs a look-up.
_MAX_WORDS: Final = 256
#: So many short questions take 2 MB at most.
_REMEMBERED_QUESTIONS: Final = 256
_SHORT_QUESTION: Final = 1_000


class WordEncoder:
    """The LexicalEncoder port. Terms are words of a language; without a stemmer for it, of none.

    The language of a passage is decided by the passage alone, script by script. A question is too short for
    that, so each of its words may be of any language of its script; where the word is a stop word it is not.
    stemmers: by ISO 639-1 code.
    """

    def __init__(self, stemmers: Mapping[str, Stemmer] = MappingProxyType({})) -> None:
        self._stemmers = dict(stemmers)
        self._known = {latin: Remembered(partial(self._passage_term, latin)) for latin in LATIN_LANGUAGES}
        # One search asks more than once, of the same question.
        self._asked = Remembered(self._question, most=_REMEMBERED_QUESTIONS, longest=_SHORT_QUESTION)

    def passage(self, text: str) -> Mapping[int, int]:
        found = list(words(text))
        known = self._known[detect_language(found)]
        counted = Counter(map(known.__getitem__, found))
        counts = {term: count for term, count in counted.items() if term is not None}
        return counts if len(counts) <= _MAX_TERMS else dict(Counter(counts).most_common(_MAX_TERMS))

    def sequence(self, text: str) -> Sequence[int | None]:
        found = list(words(text))
        return list(map(self._known[detect_language(found)].__getitem__, found))

    def question(self, text: str) -> Sequence[Sequence[int]]:
        return self._asked[text]

    def _question(self, text: str) -> Sequence[Sequence[int]]:
        found = list(words(text))
        latin = detect_language(found)
        telling = [word for word in dict.fromkeys(found) if word not in STOP_WORDS[latin]]
        taken: set[int] = set()
        meanings: list[tuple[int, ...]] = []
        for word in telling[:_MAX_WORDS]:
            terms = self._meanings(word, latin=latin)
            # Another form of a word that was there already is no other word.
            if not terms or terms[0] in taken:
                continue
            meanings.append(tuple(term for term in terms if term not in taken))
            taken.update(terms)
        return tuple(meanings)

    def _meanings(self, word: str, *, latin: str) -> Sequence[int]:
        """The word's terms, that in its likeliest language first."""
        likeliest = self._language(word, latin=latin)
        languages = dict.fromkeys((likeliest, *languages_of(word)))
        terms = (
            self._term(word, language=language)
            for language in languages
            if word not in STOP_WORDS.get(language, ())
        )
        return list(dict.fromkeys(terms))

    def _passage_term(self, latin: str, word: str) -> int | None:
        """None for a stop word."""
        language = self._language(word, latin=latin)
        return None if word in STOP_WORDS.get(language, ()) else self._term(word, language=language)

    @staticmethod
    def _language(word: str, *, latin: str) -> str:
        languages = languages_of(word)
        if languages is LATIN_LANGUAGES:
            return latin
        return languages[0] if languages else ""

    def _term(self, word: str, *, language: str) -> int:
        stem = self._stemmers.get(language)
        return term_id(word) if stem is None else term_id(stem(word), language=language)
