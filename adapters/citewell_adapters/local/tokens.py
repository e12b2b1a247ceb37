"""Tokens as a model's own tokenizer makes them."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Final

from citewell_adapters.local.texts import encodable

if TYPE_CHECKING:
    from tokenizers import Tokenizer

__all__ = ["ModelTokens"]

_CACHED_WORDS: Final = 1 << 15
_LONGEST_CACHED_WORD: Final = 32


class ModelTokens:
    """Counts the tokens of texts and cuts texts to the model's window.

    max_tokens: what is left of the window beside the special tokens.
    """

    def __init__(self, tokenizer: Tokenizer, *, window: int) -> None:
        tokenizer.no_padding()
        tokenizer.no_truncation()
        tokenizer.encode_special_tokens = True  # "[SEP]" in a document is five characters of text
        self._tokenizer = tokenizer
        self.max_tokens = window - tokenizer.num_special_tokens_to_add(is_pair=False)
        self._cached_count = lru_cache(_CACHED_WORDS)(self._count_word)

    def count(self, text: str) -> int:
        """The tokens of `text` without special ones, word by word, as tokenizers look at it."""
        cached, long = self._cached_count, self._count_word
        return sum(cached(word) if len(word) <= _LONGEST_CACHED_WORD else long(word) for word in text.split())

    def ids(self, text: str) -> list[int]:
        """The tokens of `text` with special ones, the text cut to `max_tokens`."""
        encoding = self._tokenizer.encode(encodable(text), add_special_tokens=False)
        encoding.truncate(self.max_tokens)
        return self._tokenizer.post_process(encoding).ids

    def _count_word(self, word: str) -> int:
        return len(self._tokenizer.encode(encodable(word), add_special_tokens=False))
