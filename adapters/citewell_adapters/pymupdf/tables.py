"""Tables: the lines of a page that stand in the cells of a grid."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, TypeAlias

from citewell_adapters.pymupdf.grids import Grid
from citewell_adapters.pymupdf.joining import joined_lines
from citewell_adapters.pymupdf.printed import PrintedBlock, PrintedLine

__all__ = ["Split", "with_tables"]

#: The pieces into which places on the x axis (points) cut the line with this number, counted from 0 over all
#: lines of the page.
Split: TypeAlias = Callable[[int, Sequence[float]], Sequence[PrintedLine]]
# A grid with fewer cells that say something is a box, one with longer texts a layout.
_FEWEST_CELLS: Final = 3
_LONGEST_CELL: Final = 1_500


@dataclass(slots=True)
class _Table:
    """A grid and what stands in it: the pieces of each cell, and the numbers of the lines they come from."""

    grid: Grid
    cells: defaultdict[tuple[int, int], list[PrintedLine]] = field(default_factory=lambda: defaultdict(list))
    numbers: set[int] = field(default_factory=set)

    def take(self, number: int, line: PrintedLine, split: Split) -> bool:
        """Put the line into its cell or cells; False if it does not lie within the grid."""
        x, y = (line.left + line.right) / 2, (line.top + line.bottom) / 2
        if not self.grid.encloses(line.left, line.right, y):
            return False
        self.numbers.add(number)
        borders = self.grid.borders_between(line.left, line.right, y)
        for piece in split(number, borders) if borders else (line,):
            x = (piece.left + piece.right) / 2
            self.cells[self.grid.cell_at(x, y)].append(piece)
        return True

    def block(self) -> PrintedBlock | None:
        """The table as a block, without empty rows and columns; None if it is no table after all."""
        cells = {place: _cell(pieces) for place, pieces in self.cells.items()}
        rows = sorted({row for row, _ in cells})
        columns = sorted({column for _, column in cells})
        longest = max((sum(len(line.text) for line in cell) for cell in cells.values()), default=0)
        if len(rows) < 2 or len(columns) < 2 or len(cells) < _FEWEST_CELLS or longest > _LONGEST_CELL:
            return None
        table = [[cells.get((row, column), []) for column in columns] for row in rows]
        return PrintedBlock([line for row in table for cell in row for line in cell], table)


def with_tables(
    blocks: Sequence[Sequence[PrintedLine]], grids: Sequence[Grid], split: Split
) -> list[PrintedBlock]:
    """The page's blocks, whose lines are counted from 0; what stands in a grid as a table in its place."""
    tables = [_Table(grid) for grid in grids]
    number = 0
    for block in blocks:
        for line in block:
            # The innermost comes last, and a line belongs to one.
            if line.text:
                any(table.take(number, line, split) for table in tables)
            number += 1
    return _in_place(blocks, [(table.numbers, table.block()) for table in tables])


def _in_place(
    blocks: Sequence[Sequence[PrintedLine]], tables: Sequence[tuple[set[int], PrintedBlock | None]]
) -> list[PrintedBlock]:
    table_of = {number: table for numbers, table in tables if table is not None for number in numbers}
    found: list[PrintedBlock] = []
    begun: set[int] = set()
    number = 0
    for block in blocks:
        outside: list[PrintedLine] = []
        for line in block:
            table = table_of.get(number)
            number += 1
            if table is None:
                outside.append(line)
            elif id(table) not in begun:
                begun.add(id(table))
                found += [PrintedBlock(outside), table]
                outside = []
        found.append(PrintedBlock(outside))
    return found


def _cell(pieces: Sequence[PrintedLine]) -> list[PrintedLine]:
    return [replace(line, text=line.text.replace("|", "\\|")) for line in joined_lines(pieces)]
