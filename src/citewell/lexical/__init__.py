"""Lexical analysis and BM25: from texts to term ids and weights. Pure, and of the standard library alone."""

from citewell.lexical.bm25 import (
    AVERAGE_LENGTH,
    MAX_RARE_CHUNKS,
    highest_weight,
    inverse_document_frequency,
    rarest,
    term_weights,
)
from citewell.lexical.encoder import LATIN_LANGUAGES, Stemmer, WordEncoder
from citewell.lexical.languages import detect_language
from citewell.lexical.terms import TERM_SPACE, term_id
from citewell.lexical.words import PLAIN, UNSPACED, WORD_SIGN, words

__all__ = [
    "AVERAGE_LENGTH",
    "LATIN_LANGUAGES",
    "MAX_RARE_CHUNKS",
    "PLAIN",
    "TERM_SPACE",
    "UNSPACED",
    "WORD_SIGN",
    "Stemmer",
    "WordEncoder",
    "detect_language",
    "highest_weight",
    "inverse_document_frequency",
    "rarest",
    "term_id",
    "term_weights",
    "words",
]
