"""Tables as rows of Markdown; tables that only lay a page out as what they hold."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from citewell_adapters.markup.blocks import Block
from citewell_adapters.markup.rows import row_blocks

__all__ = ["Tables"]

# A longer row is no row of a table but a page laid out.
_LONGEST_ROW: Final = 4_000


@dataclass(slots=True)
class _Table:
    rows: int = 0
    cells: list[str] = field(default_factory=list)
    cell: list[str] | None = None
    length: int = 0
    unpacked: bool = False


class Tables:
    """The tables that are open. What its methods return is to be passed on."""

    def __init__(self) -> None:
        self._open: list[_Table] = []

    @property
    def in_cell(self) -> bool:
        """Whether a text belongs into a row."""
        return bool(self._open) and self._open[-1].cell is not None

    def begin(self, tag: str) -> None:
        """An element begins."""
        if tag == "table":
            self._open.append(_Table())
        elif tag in ("td", "th") and self._open and not self._open[-1].unpacked:
            self._open[-1].cell = []

    def add(self, text: str) -> list[Block]:
        """A block's text, in a cell."""
        table = self._open[-1]
        if table.cell is not None:
            table.cell.append(text)
        table.length += len(text)
        return self.unpack() if table.length > _LONGEST_ROW else []

    def unpack(self) -> list[Block]:
        """The row is none: its texts, which are blocks, and so is all until it ends."""
        if not self.in_cell:
            return []
        table = self._open[-1]
        texts = [*table.cells, *(table.cell or ())]
        table.cells, table.cell, table.unpacked = [], None, True
        return [Block(text) for text in texts]

    def end(self, tag: str) -> list[Block]:
        """An element ends."""
        if not self._open:
            return []
        if tag in ("td", "th"):
            self._end_cell()
        elif tag == "tr":
            return self._end_row()
        elif tag == "table":
            blocks = self._end_row()
            self._open.pop()
            return blocks
        return []

    def end_all(self) -> list[Block]:
        """The document ends."""
        blocks: list[Block] = []
        while self._open:
            blocks += self.end("table")
        return blocks

    def _end_cell(self) -> None:
        table = self._open[-1]
        if table.cell is not None:
            table.cells.append(" ".join(table.cell))
            table.cell = None

    def _end_row(self) -> list[Block]:
        self._end_cell()
        table = self._open[-1]
        blocks = row_blocks(table.cells, first=table.rows == 0)
        table.rows += bool(blocks)
        table.cells, table.length, table.unpacked = [], 0, False
        return blocks
