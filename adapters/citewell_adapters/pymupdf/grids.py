"""The grids that ruling lines and shaded cells draw on a page."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise, product
from typing import Final, NamedTuple

__all__ = ["Drawing", "Grid", "find_grids"]

# In points: how thick a ruling line is at most, how long at least, and what counts as the same place.
_THICKEST: Final = 3.0
_SHORTEST: Final = 6.0
_NEAR: Final = 3.0
# A drawing with more crossings or cells than this is no table that anybody could read.
_MOST_CROSSINGS: Final = 20_000
_MOST_CELLS: Final = 5_000


# Of these two there are hundreds on a page; a tuple is made in half the time of a frozen dataclass.
class Drawing(NamedTuple):
    """Something drawn: where, in points, and whether it fills or strokes a rectangle."""

    left: float
    top: float
    right: float
    bottom: float
    rectangle: bool


class _Rule(NamedTuple):
    """A straight line: at `place` on one axis, from `begin` to `end` on the other."""

    place: float
    begin: float
    end: float


@dataclass(frozen=True, slots=True)
class Grid:
    """Cells of a table: between neighbours of `across` and of `down`, in points, as rulings divide them.

    anchors: for each row and column the row and column of the upper left corner of the cell it belongs to.
    """

    across: Sequence[float]
    down: Sequence[float]
    anchors: Mapping[tuple[int, int], tuple[int, int]]

    def encloses(self, left: float, right: float, y: float) -> bool:
        """Whether a line from `left` to `right` lies within, but for a hair."""
        return (
            self.across[0] - _NEAR <= left
            and right <= self.across[-1] + _NEAR
            and self.down[0] <= y <= self.down[-1]
        )

    def cell_at(self, x: float, y: float) -> tuple[int, int]:
        """The row and column of the cell at a point within."""
        return self.anchors[_band(self.down, y), _band(self.across, x)]

    def borders_between(self, left: float, right: float, y: float) -> list[float]:
        """Where cells' borders cross a line from `left` to `right` at the height y, well within it."""
        row = _band(self.down, y)
        return [
            border
            for column, border in enumerate(self.across[1:-1])
            if left + _NEAR < border < right - _NEAR
            and self.anchors[row, column] != self.anchors[row, column + 1]
        ]


def find_grids(drawings: Iterable[Drawing]) -> list[Grid]:
    """Grids of at least two rows and two columns, apart from each other."""
    level, upright = _rules(drawings)
    if len(level) < 2 or len(upright) < 2 or len(level) * len(upright) > _MOST_CROSSINGS:
        return []
    grids = (_grid(*connected) for connected in _connected(level, upright))
    return [grid for grid in grids if grid is not None]


def _rules(drawings: Iterable[Drawing]) -> tuple[list[_Rule], list[_Rule]]:
    """The level and the upright lines, those that continue each other as one."""
    level: list[_Rule] = []
    upright: list[_Rule] = []
    for left, top, right, bottom, rectangle in drawings:
        width, height = right - left, bottom - top
        if height <= _THICKEST:
            if width >= _SHORTEST:
                level.append(_Rule((top + bottom) / 2, left, right))
        elif width <= _THICKEST:
            if height >= _SHORTEST:
                upright.append(_Rule((left + right) / 2, top, bottom))
        elif rectangle:
            level += [_Rule(top, left, right), _Rule(bottom, left, right)]
            upright += [_Rule(left, top, bottom), _Rule(right, top, bottom)]
    return _merged(level), _merged(upright)


def _merged(rules: list[_Rule]) -> list[_Rule]:
    merged: list[_Rule] = []
    for same_place in _clusters(sorted(rules, key=lambda rule: rule.place)):
        place = same_place[0].place
        begin, end = None, 0.0
        for rule in sorted(same_place, key=lambda rule: rule.begin):
            if begin is None or rule.begin > end + _NEAR:
                if begin is not None:
                    merged.append(_Rule(place, begin, end))
                begin, end = rule.begin, rule.end
            end = max(end, rule.end)
        if begin is not None:
            merged.append(_Rule(place, begin, end))
    return merged


def _clusters(rules: Sequence[_Rule]) -> Iterator[list[_Rule]]:
    cluster: list[_Rule] = []
    for rule in rules:
        if cluster and rule.place - cluster[0].place > _NEAR:
            yield cluster
            cluster = []
        cluster.append(rule)
    if cluster:
        yield cluster


def _connected(level: Sequence[_Rule], upright: Sequence[_Rule]) -> Iterator[tuple[list[_Rule], list[_Rule]]]:
    """Level and upright lines that cross or touch, directly or by way of others."""
    groups = _Groups(len(level) + len(upright))
    for row, (y, left, right) in enumerate(level):
        for column, (x, top, bottom) in enumerate(upright, start=len(level)):
            if left - _NEAR <= x <= right + _NEAR and top - _NEAR <= y <= bottom + _NEAR:
                groups.join(row, column)
    found: dict[int, tuple[list[_Rule], list[_Rule]]] = {}
    for number, rule in enumerate([*level, *upright]):
        found.setdefault(groups.first(number), ([], []))[number >= len(level)].append(rule)
    yield from found.values()


def _grid(level: Sequence[_Rule], upright: Sequence[_Rule]) -> Grid | None:
    if len(level) < 2 or not upright:
        return None
    across = _places(
        [rule.place for rule in upright], [end for rule in level for end in (rule.begin, rule.end)]
    )
    down = _places(
        [rule.place for rule in level], [end for rule in upright for end in (rule.begin, rule.end)]
    )
    rows, columns = len(down) - 1, len(across) - 1
    if min(rows, columns) < 2 or rows * columns > _MOST_CELLS:
        return None
    groups = _Groups(rows * columns)
    # Two neighbours that no line divides are one cell.
    for row, column in product(range(rows), range(columns)):
        x, y = (across[column] + across[column + 1]) / 2, (down[row] + down[row + 1]) / 2
        if column + 1 < columns and not _divided(upright, across[column + 1], y):
            groups.join(row * columns + column, row * columns + column + 1)
        if row + 1 < rows and not _divided(level, down[row + 1], x):
            groups.join(row * columns + column, (row + 1) * columns + column)
    cells = product(range(rows), range(columns))
    return Grid(
        across,
        down,
        {(row, column): divmod(groups.first(row * columns + column), columns) for row, column in cells},
    )


def _places(rules: Sequence[float], ends: Sequence[float]) -> list[float]:
    """Where the cells of one axis begin and end: at its rules, and where those of the other axis end."""
    places = sorted({*rules, min(ends), max(ends)})
    return places[:1] + [place for before, place in pairwise(places) if place - before > _NEAR]


def _divided(rules: Sequence[_Rule], place: float, middle: float) -> bool:
    return any(abs(rule.place - place) <= _NEAR and rule.begin <= middle <= rule.end for rule in rules)


def _band(places: Sequence[float], place: float) -> int:
    return min(max(bisect_right(places, place) - 1, 0), len(places) - 2)


class _Groups:
    """Numbers in groups, each group known by its smallest."""

    def __init__(self, count: int) -> None:
        self._parents = list(range(count))

    def first(self, number: int) -> int:
        while self._parents[number] != number:
            self._parents[number] = self._parents[self._parents[number]]
            number = self._parents[number]
        return number

    def join(self, one: int, other: int) -> None:
        first, second = sorted((self.first(one), self.first(other)))
        self._parents[second] = first
