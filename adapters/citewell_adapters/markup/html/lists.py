"""Items of lists, with their marks."""

from __future__ import annotations

from dataclasses import dataclass

from citewell_adapters.markup.blocks import Block

__all__ = ["Lists"]

_DEEPEST = 16


@dataclass(slots=True)
class _List:
    ordered: bool
    number: int


class Lists:
    """The lists that are open, and the mark of the item whose first block comes next."""

    def __init__(self) -> None:
        self._open: list[_List] = []
        self._mark = ""
        self._follows_item = False

    def begin(self, *, ordered: bool, start: str | None) -> None:
        """A list; `start` is the number of its first item."""
        self._open.append(_List(ordered, _number(start, otherwise=1)))

    def end(self) -> None:
        """The innermost list ends."""
        if self._open:
            self._open.pop()
        self._follows_item = self._follows_item and bool(self._open)

    def begin_item(self, *, value: str | None) -> None:
        """An item; `value` is its number."""
        if not self._open or not self._open[-1].ordered:
            self._mark = "- "
            return
        innermost = self._open[-1]
        innermost.number = _number(value, otherwise=innermost.number)
        self._mark = f"{innermost.number}. "
        innermost.number += 1

    def end_item(self) -> None:
        """The item ends; its mark is gone if it had no text."""
        self._mark = ""

    def marked(self, text: str, *, level: int) -> Block:
        """The text as a block, with the item's mark if it begins one; headings have none."""
        mark, self._mark = self._mark, ""
        tight, self._follows_item = bool(mark) and self._follows_item, bool(self._open)
        if level or not (self._open or mark):
            return Block(text, level=level)
        margin = "  " * min(_DEEPEST, len(self._open) - 1)
        hanging = margin + " " * (len(mark) or 2)
        return Block(margin + (mark or "  ") + text.replace("\n", "\n" + hanging), tight=tight)


def _number(text: str | None, *, otherwise: int) -> int:
    text = (text or "").strip()
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else otherwise
