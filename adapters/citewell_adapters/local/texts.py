"""Texts as tokenizers take them."""

from __future__ import annotations

__all__ = ["encodable"]


def encodable(text: str) -> str:
    """`text` with lone surrogates replaced, which tokenizers refuse."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode(errors="replace").decode()
    return text
