"""Which language a text is in: by its script, and among those in Latin letters by its commonest words."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Final

from citewell.lexical.stopwords import STOP_WORDS

__all__ = ["LATIN_LANGUAGES", "detect_language", "languages_of"]

#: Those in Latin letters that can be told apart, in the order in which ties are decided.
LATIN_LANGUAGES: Final = (
    *("en", "de", "fr", "es", "it", "pt", "nl"),
    *("sv", "da", "no", "fi", "hu", "ro", "tr"),
)

#: By its first letter a word is of a script, and this of one language for its stemmer's purposes.
_SCRIPTS: Final = (
    (re.compile("[\u0370-\u03ff\u1f00-\u1fff]"), "el"),
    (re.compile("[\u0400-\u052f]"), "ru"),
    (re.compile("[\u0600-\u06ff\u0750-\u077f\u08a0-\u08ff]"), "ar"),
    (re.compile("[\u0900-\u097f]"), "hi"),
)
_LATIN: Final = re.compile("[a-z\u00df-\u024f\u1e00-\u1eff]")


def languages_of(word: str) -> Sequence[str]:
    """The languages that a word may be in by its script; none if it has no letters of theirs."""
    if _LATIN.match(word):
        return LATIN_LANGUAGES
    return [language for script, language in _SCRIPTS if script.match(word)]


def detect_language(words: Sequence[str]) -> str:
    """The language, among LATIN_LANGUAGES, of the words in Latin letters; `en` if they do not tell."""
    scores = dict.fromkeys(LATIN_LANGUAGES, 0)
    for word, count in Counter(filter(_COMMON.__contains__, words)).items():
        for language in _COMMON[word]:
            scores[language] += count
    return max(scores, key=scores.__getitem__)


def _languages_by_word() -> Mapping[str, Sequence[str]]:
    found: dict[str, list[str]] = {}
    for language in LATIN_LANGUAGES:
        for word in STOP_WORDS[language]:
            found.setdefault(word, []).append(language)
    return found


#: The languages in which a word is a stop word.
_COMMON: Final = _languages_by_word()
