"""Hits that were never searched for, for tests of what is made of them."""

from __future__ import annotations

from uuid import UUID

from citewell.model import Chunk, DocumentId, Hit, Passage, Span

__all__ = ["hit", "passage"]


def hit(
    text: str,
    *,
    document: int = 1,
    index: int = 0,
    start: int = 0,
    pages: tuple[int, int] = (1, 1),
    name: str = "a.txt",
    expanded: Passage | None = None,
) -> Hit:
    """A hit whose text begins at this offset of its revision."""
    chunk = Chunk(index, Span(start, start + len(text)), text, *pages, (), len(text.split()))
    sha256 = f"{document:064x}"
    return Hit(DocumentId(UUID(int=document)), name, "default", sha256, chunk, 0.5, passage=expanded)


def passage(text: str, *, start: int, chunks: tuple[int, int], pages: tuple[int, int] = (1, 1)) -> Passage:
    """Several chunks as one text."""
    return Passage(text, Span(start, start + len(text)), *pages, *chunks)
