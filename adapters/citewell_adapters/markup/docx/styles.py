"""What the styles of a DOCX say of headings and lists."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from citewell_adapters.markup.events import Event, Start

__all__ = ["Styles", "outline_level"]

_HEADING: Final = re.compile(r"heading ([1-9])$", re.IGNORECASE)
_TITLE: Final = "title"
# Styles are based on each other; damaged ones in a circle.
_LONGEST_CHAIN: Final = 16


@dataclass(slots=True)
class _Style:
    based_on: str = ""
    level: int | None = None
    number: str | None = None
    number_level: int = 0


class Styles:
    """The paragraph styles, by id."""

    def __init__(self, events: Iterable[Event]) -> None:
        self._styles: dict[str, _Style] = {}
        style = _Style()
        for event in events:
            if not isinstance(event, Start):
                continue
            value = event.attributes.get("val", "")
            if event.name == "style":
                style = self._styles.setdefault(event.attributes.get("styleId", ""), _Style())
            elif event.name == "basedOn":
                style.based_on = value
            elif event.name == "name" and (level := _named_level(value)):
                style.level = level
            elif event.name == "outlineLvl" and style.level is None:
                style.level = outline_level(value)
            elif event.name == "numId":
                style.number = value
            elif event.name == "ilvl" and value.isdigit():
                style.number_level = int(value)

    def level(self, style_id: str) -> int:
        """The level of headings in this style, 0 for other text. Works for styles that are not listed."""
        for style in self._chain(style_id):
            if style.level is not None:
                return style.level
        return _named_level(re.sub(r"(?<=g)(?=\d)", " ", style_id))

    def numbering(self, style_id: str) -> tuple[str, int] | None:
        """The list that paragraphs in this style belong to, and their level in it from 0; None if to none."""
        for style in self._chain(style_id):
            if style.number is not None:
                return style.number, style.number_level
        return None

    def _chain(self, style_id: str) -> Iterable[_Style]:
        for _ in range(_LONGEST_CHAIN):
            style = self._styles.get(style_id)
            if style is None:
                return
            yield style
            style_id = style.based_on


def outline_level(value: str) -> int:
    """The level of a heading from what Word counts from 0; 0 for body text."""
    return int(value) + 1 if value.isdigit() and int(value) < 9 else 0


def _named_level(name: str) -> int:
    heading = _HEADING.match(name)
    return int(heading[1]) if heading else int(name.lower() == _TITLE)
