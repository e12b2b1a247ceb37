"""Texts as a request can carry them."""

from __future__ import annotations

__all__ = ["encodable"]


def encodable(text: str) -> str:
    """`text` with lone surrogates replaced: UTF-8, and so JSON on the wire, has no place for them."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode(errors="replace").decode()
    return text
