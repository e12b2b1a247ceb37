"""From pages to passages: pure, streaming, exact to the character."""

from citewell.chunking.boxes import BOX_UNITS, LineBoxes, boxes_within
from citewell.chunking.context import context_of, in_context, in_context_within, shortened, title_of
from citewell.chunking.layout import PAGE_SEPARATOR, PageLayout
from citewell.chunking.passages import Passages
from citewell.chunking.sizes import ChunkSizes
from citewell.chunking.splitter import CHARACTERS_PER_TOKEN, SentenceChunker
from citewell.chunking.tokens import approximate_tokens, prefix_within

__all__ = [
    "BOX_UNITS",
    "CHARACTERS_PER_TOKEN",
    "PAGE_SEPARATOR",
    "ChunkSizes",
    "LineBoxes",
    "PageLayout",
    "Passages",
    "SentenceChunker",
    "approximate_tokens",
    "boxes_within",
    "context_of",
    "in_context",
    "in_context_within",
    "prefix_within",
    "shortened",
    "title_of",
]
