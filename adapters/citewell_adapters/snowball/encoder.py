"""LexicalEncoder with Snowball's stemmers."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Final

import Stemmer

from citewell.lexical import WordEncoder

__all__ = ["SnowballEncoder"]

#: Snowball's names of the languages that the core tells apart.
_ALGORITHMS: Final = {
    "ar": "arabic",
    "da": "danish",
    "de": "german",
    "el": "greek",
    "en": "english",
    "es": "spanish",
    "fi": "finnish",
    "fr": "french",
    "hi": "hindi",
    "hu": "hungarian",
    "it": "italian",
    "nl": "dutch",
    "no": "norwegian",
    "pt": "portuguese",
    "ro": "romanian",
    "ru": "russian",
    "sv": "swedish",
    "tr": "turkish",
}


class SnowballEncoder:
    """The LexicalEncoder port: WordEncoder with a stemmer for each of its languages. For any thread."""

    def __init__(self) -> None:
        # One for all threads, which then share what it remembers.
        self._encoder = WordEncoder({code: _stemmer(name) for code, name in _ALGORITHMS.items()})

    def passage(self, text: str) -> Mapping[int, int]:
        return self._encoder.passage(text)

    def sequence(self, text: str) -> Sequence[int | None]:
        return self._encoder.sequence(text)

    def question(self, text: str) -> Sequence[Sequence[int]]:
        return self._encoder.question(text)


def _stemmer(name: str) -> Callable[[str], str]:
    """One of PyStemmer's serves one thread at a time."""
    stem, lock = Stemmer.Stemmer(name).stemWord, threading.Lock()

    def stemmed(word: str) -> str:
        with lock:
            found: str = stem(word)
            return found

    return stemmed
