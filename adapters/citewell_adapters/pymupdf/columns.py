"""Columns of prose that were drawn across, put one after the other."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise
from statistics import median
from typing import Final

from citewell_adapters.pymupdf.printed import PrintedBlock, PrintedLine

__all__ = ["in_columns"]

# With fewer steps to the right or back up, a page was drawn in the order in which it is read.
_FEWEST_STEPS: Final = 3
_FEWEST_LINES: Final = 4
# From one line to the next, so often it goes on in another column where columns were drawn across.
_LEAST_CHANGES: Final = 0.25
_MOST_COLUMNS: Final = 5
# In points.
_BIN: Final = 2
_NARROWEST_GUTTER: Final = 6
_HAIR: Final = 3.0
# How many of the lines may run across a gutter: titles, what is printed over all columns.
_ACROSS: Final = 0.1
# What tells prose from the cells of a table without rules: long lines of letters that fill their column.
_LEAST_CHARACTERS: Final = 18
_LEAST_LETTERS: Final = 0.6
_LEAST_FILLED: Final = 0.6
# In type sizes: lines of a paragraph are no further apart.
_PARAGRAPH_GAP: Final = 0.7


@dataclass(frozen=True, slots=True)
class _Item:
    """A line, or a table as a whole, and in which column it stands: None if it runs across several."""

    left: float
    top: float
    right: float
    bottom: float
    content: PrintedLine | PrintedBlock
    column: int | None = None


def in_columns(blocks: Sequence[PrintedBlock]) -> list[PrintedBlock]:
    """The blocks in reading order: as they come, but for columns of prose that come across.

    Columns are looked for between what runs across them, such as titles.
    """
    if _steps([line for block in blocks if not block.table for line in block.lines]) < _FEWEST_STEPS:
        return list(blocks)
    items = [item for block in blocks for item in _items(block)]
    gutters = _gutters(items)
    if not 0 < len(gutters) < _MOST_COLUMNS:
        return list(blocks)
    items = [_placed(item, gutters) for item in items]
    regions = _regions(items)
    mixed = {number for number, region in regions.items() if _is_mixed_prose(region)}
    if not mixed:
        return list(blocks)
    return list(_reordered(blocks, regions, mixed))


def _items(block: PrintedBlock) -> Iterator[_Item]:
    if block.table:
        lines = block.lines
        left, top = min(line.left for line in lines), min(line.top for line in lines)
        right, bottom = max(line.right for line in lines), max(line.bottom for line in lines)
        yield _Item(left, top, right, bottom, block)
    else:
        for line in block.lines:
            yield _Item(line.left, line.top, line.right, line.bottom, line)


def _steps(lines: Sequence[PrintedLine]) -> int:
    """How often it goes on beside, or higher up."""
    return sum(
        after.top < before.bottom and (after.left > before.right or after.bottom < before.top)
        for before, after in pairwise(lines)
    )


def _gutters(items: Sequence[_Item]) -> list[float]:
    """The middles of upright strips in which hardly anything stands, between others in which much does."""
    first = int(min(item.left for item in items) / _BIN)
    count = int(max(item.right for item in items) / _BIN) - first + 1
    changes = [0] * (count + 1)
    for item in items:
        changes[int(item.left / _BIN) - first] += 1
        changes[int(item.right / _BIN) - first + 1] -= 1
    most, covering, filled = _ACROSS * len(items), 0, []
    for change in changes[:count]:
        covering += change
        filled.append(covering > most)
    gutters, place = [], 0
    for is_filled, strip in groupby(filled):
        length = len(list(strip))
        inner = place > 0 and place + length < count
        if not is_filled and inner and length * _BIN >= _NARROWEST_GUTTER:
            gutters.append((first + place + length / 2) * _BIN)
        place += length
    return gutters


def _placed(item: _Item, gutters: Sequence[float]) -> _Item:
    column = sum(gutter < (item.left + item.right) / 2 for gutter in gutters)
    if any(item.left + _HAIR < gutter < item.right - _HAIR for gutter in gutters):
        return _Item(item.left, item.top, item.right, item.bottom, item.content)
    return _Item(item.left, item.top, item.right, item.bottom, item.content, column)


def _regions(items: Sequence[_Item]) -> dict[int, list[_Item]]:
    """What stands in columns, in the order in which it comes, by how much that runs across is above it."""
    across = sorted(item.top for item in items if item.column is None)
    regions: dict[int, list[_Item]] = {}
    for item in items:
        if item.column is not None:
            number = sum(top < item.top for top in across)
            regions.setdefault(number, []).append(item)
    return regions


def _is_mixed_prose(region: Sequence[_Item]) -> bool:
    """Whether it goes to and fro between columns, at least two of which are long, and those are prose."""
    changes = sum(before.column != after.column for before, after in pairwise(region))
    used = {item.column for item in region}
    if len(used) < 2 or changes < max(_FEWEST_STEPS, _LEAST_CHANGES * len(region)):
        return False
    lines = [[item for item in region if item.column == column] for column in used]
    long = [column for column in lines if len(column) >= _FEWEST_LINES]
    return len(long) >= 2 and all(map(_is_prose, long))


def _is_prose(column: Sequence[_Item]) -> bool:
    texts = [item.content.text for item in column if isinstance(item.content, PrintedLine)]
    if len(texts) < _FEWEST_LINES:
        return False
    letters = sum(character.isalpha() for text in texts for character in text)
    characters = sum(map(len, texts))
    width = max(item.right for item in column) - min(item.left for item in column)
    return (
        median(map(len, texts)) >= _LEAST_CHARACTERS
        and letters >= _LEAST_LETTERS * characters
        and median(item.right - item.left for item in column) >= _LEAST_FILLED * width
    )


def _reordered(
    blocks: Sequence[PrintedBlock],
    regions: dict[int, list[_Item]],
    mixed: set[int],
) -> Iterator[PrintedBlock]:
    """The blocks, in place of the first line of each mixed region all of it, column by column."""
    region_of = {id(item.content): number for number in mixed for item in regions[number]}
    done: set[int] = set()
    for block in blocks:
        outside: list[PrintedLine] = []
        for content in [block] if block.table else block.lines:
            number = region_of.get(id(content))
            if number is None and isinstance(content, PrintedLine):
                outside.append(content)
            elif number is None:
                yield block
            elif number not in done:
                done.add(number)
                yield PrintedBlock(outside)
                outside = []
                yield from _columns(regions[number])
        yield PrintedBlock(outside)


def _columns(region: Sequence[_Item]) -> Iterator[PrintedBlock]:
    # The sort keeps the order of what stands in the same column.
    for _, column in groupby(sorted(region, key=lambda item: item.column or 0), key=lambda item: item.column):
        paragraph: list[PrintedLine] = []
        for item in column:
            content = item.content
            if isinstance(content, PrintedBlock):
                yield PrintedBlock(paragraph)
                yield content
                paragraph = []
                continue
            if paragraph and not _same_paragraph(paragraph[-1], content):
                yield PrintedBlock(paragraph)
                paragraph = []
            paragraph.append(content)
        yield PrintedBlock(paragraph)


def _same_paragraph(line: PrintedLine, following: PrintedLine) -> bool:
    size = max(line.size, following.size)
    return (
        -0.8 * size <= following.top - line.bottom <= _PARAGRAPH_GAP * size
        and abs(line.size - following.size) <= 0.1 * size
    )
