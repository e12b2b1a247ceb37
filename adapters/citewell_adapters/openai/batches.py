"""Which texts go together in one request."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from citewell.chunking.tokens import approximate_tokens

__all__ = ["batches"]


def batches(texts: Iterable[str], *, max_texts: int, max_tokens: int) -> Iterator[list[str]]:
    """The texts in order, in batches of at most `max_texts` and `max_tokens`; a longer text goes alone."""
    batch: list[str] = []
    tokens = 0
    for text in texts:
        cost = approximate_tokens(text)
        if batch and (len(batch) == max_texts or tokens + cost > max_tokens):
            yield batch
            batch, tokens = [], 0
        batch.append(text)
        tokens += cost
    if batch:
        yield batch
