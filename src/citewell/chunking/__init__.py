"""From pages to passages: pure, streaming, exact to the character."""

from citewell.chunking.layout import PAGE_SEPARATOR, PageLayout
from citewell.chunking.passages import Passages
from citewell.chunking.splitter import CHARACTERS_PER_TOKEN, SentenceChunker
from citewell.chunking.tokens import approximate_tokens, prefix_within

__all__ = [
    "CHARACTERS_PER_TOKEN",
    "PAGE_SEPARATOR",
    "PageLayout",
    "Passages",
    "SentenceChunker",
    "approximate_tokens",
    "prefix_within",
]
