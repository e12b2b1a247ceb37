"""The marks of list items in a DOCX, which are counted, not written."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from citewell_adapters.markup.events import Event, Start

__all__ = ["Numbering"]

_PLACE: Final = re.compile(r"%([1-9])")
_BULLET: Final = "-"
_ROMAN: Final = (
    *((1000, "m"), (900, "cm"), (500, "d"), (400, "cd"), (100, "c"), (90, "xc"), (50, "l")),
    *((40, "xl"), (10, "x"), (9, "ix"), (5, "v"), (4, "iv"), (1, "i")),
)
_LARGEST_ROMAN: Final = 3_999


@dataclass(slots=True)
class _Level:
    start: int = 1
    form: str = "decimal"
    template: str = ""

    def describe(self, name: str, value: str) -> None:
        """Take over what an element within the level's says."""
        if name == "start":
            self.start = _integer(value)
        elif name == "numFmt":
            self.form = value
        elif name == "lvlText":
            self.template = value


@dataclass(slots=True)
class _Number:
    """A list that follows an abstract one, perhaps beginning anew."""

    abstract: str = ""
    starts: dict[int, int] = field(default_factory=dict)


class Numbering:
    """Counts the items of a document's lists in the order in which it is asked."""

    def __init__(self, events: Iterable[Event]) -> None:
        self._abstracts: dict[str, dict[int, _Level]] = {}
        self._numbers: dict[str, _Number] = {}
        self._counts: dict[str, dict[int, int]] = {}
        self._begun: set[str] = set()
        self._read(events)

    def mark(self, number: str, level: int) -> str:
        """The mark of the next item: `-`, `3.`, `b)`, `2.1` …; empty if it has none or is unknown."""
        known = self._numbers.get(number)
        levels = self._abstracts.get(known.abstract, {}) if known else {}
        if known is None or level not in levels:
            return ""
        counts = self._counts.setdefault(known.abstract, {})
        if number not in self._begun:
            self._begun.add(number)
            for restarted in known.starts:
                counts.pop(restarted, None)
        start = known.starts.get(level, levels[level].start)
        counts[level] = counts[level] + 1 if level in counts else start
        for deeper in [other for other in counts if other > level]:
            del counts[deeper]
        return _mark(levels, counts, level)

    def _read(self, events: Iterable[Event]) -> None:
        level, number, place = _Level(), _Number(), 0
        levels: dict[int, _Level] = {}
        for event in events:
            if not isinstance(event, Start):
                continue
            value, index = event.attributes.get("val", ""), _integer(event.attributes.get("ilvl", ""))
            if event.name == "abstractNum":
                levels = self._abstracts.setdefault(event.attributes.get("abstractNumId", ""), {})
            elif event.name == "num":
                number = self._numbers.setdefault(event.attributes.get("numId", ""), _Number())
            elif event.name == "abstractNumId":
                number.abstract = value
            elif event.name == "lvl":
                level = levels.setdefault(index, _Level())
            elif event.name == "lvlOverride":
                # What it redefines beside the start is left as it was.
                place, levels = index, {}
            elif event.name == "startOverride":
                number.starts[place] = _integer(value)
            else:
                level.describe(event.name, value)


def _mark(levels: dict[int, _Level], counts: dict[int, int], level: int) -> str:
    if levels[level].form == "bullet":
        return _BULLET
    if levels[level].form == "none":
        return ""

    def counted(place: re.Match[str]) -> str:
        index = int(place[1]) - 1
        of_level = levels.get(index, _Level())
        return _formatted(counts.get(index, of_level.start), of_level.form)

    return _PLACE.sub(counted, levels[level].template).strip()


def _formatted(count: int, form: str) -> str:
    if form in ("lowerLetter", "upperLetter") and count > 0:
        letter = chr(ord("a") + (count - 1) % 26) * min(10, (count - 1) // 26 + 1)
        return letter if form == "lowerLetter" else letter.upper()
    if form in ("lowerRoman", "upperRoman") and 0 < count <= _LARGEST_ROMAN:
        return _roman(count) if form == "lowerRoman" else _roman(count).upper()
    return f"{count:02d}" if form == "decimalZero" else str(count)


def _roman(count: int) -> str:
    text = ""
    for value, letters in _ROMAN:
        text += letters * (count // value)
        count %= value
    return text


def _integer(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0
