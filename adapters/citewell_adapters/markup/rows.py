"""Rows of tables in Markdown."""

from __future__ import annotations

from collections.abc import Sequence

from citewell_adapters.markup.blocks import Block

__all__ = ["row_blocks"]


def row_blocks(cells: Sequence[str], *, first: bool) -> list[Block]:
    """The row, and below the first row of a table a rule; nothing if all cells are empty."""
    texts = [" ".join(cell.split()).replace("|", "\\|") for cell in cells]
    if not any(texts):
        return []
    row = Block(_line(texts), tight=not first)
    return [row, Block(_line(["---"] * len(texts)), tight=True)] if first else [row]


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
