"""Turns the XML of Word into blocks of text."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final

from citewell_adapters.markup.blocks import Block
from citewell_adapters.markup.docx.numbering import Numbering
from citewell_adapters.markup.docx.package import WORD_NAMESPACES
from citewell_adapters.markup.docx.styles import Styles, outline_level
from citewell_adapters.markup.events import Event, Start, Text
from citewell_adapters.markup.tables import Tables

__all__ = ["Notes", "WordText"]

_OTHERS_READ: Final = frozenset(
    {
        ("http://schemas.openxmlformats.org/markup-compatibility/2006", "Fallback"),
        ("http://schemas.openxmlformats.org/officeDocument/2006/math", "t"),
    }
)
# What was deleted or moved away, what is said a second time for older programs, how things looked before.
_SKIPPED: Final = frozenset(
    {"del", "moveFrom", "Fallback", "rPrChange", "pPrChange", "sectPrChange", "numberingChange"}
    | {"tblPrChange", "tblPrExChange", "tcPrChange", "trPrChange", "tblGridChange"}
)
_IN_RUNS: Final = {"tab": "\t", "ptab": "\t", "br": "\n", "cr": "\n", "noBreakHyphen": "-"}
_TABLE_TAGS: Final = {"tbl": "table", "tr": "tr", "tc": "td"}
_OFF: Final = frozenset({"0", "false", "off"})
_DEEPEST_ITEM: Final = 8


@dataclass(slots=True)
class _Paragraph:
    texts: list[str] = field(default_factory=list)
    style: str = ""
    level: int | None = None
    number: str | None = None
    number_level: int | None = None
    in_run: bool = False
    hidden: bool = False


class Notes:
    """Numbers footnotes and endnotes from 1 in the order in which the text refers to them."""

    def __init__(self) -> None:
        self._marks: dict[tuple[str, str], str] = {}

    def refer(self, kind: str, note_id: str) -> str:
        """The mark of a note, in the text."""
        return self._marks.setdefault((kind, note_id), f"[{len(self._marks) + 1}]")

    def mark(self, kind: str, note_id: str) -> str | None:
        """The mark of a note that was referred to."""
        return self._marks.get((kind, note_id))


class WordText:
    """Reads one part: the body, or the notes, of which those are read that `notes` knows."""

    def __init__(self, styles: Styles, numbering: Numbering, notes: Notes) -> None:
        self._styles = styles
        self._numbering = numbering
        self._notes = notes
        self._tables = Tables()
        self._paragraphs: list[_Paragraph] = []
        self._skipped = 0
        self._in_text = 0
        self._note_mark: str | None = ""
        self._follows_item = False

    def blocks(self, events: Iterable[Event]) -> Iterator[Block]:
        """The part's blocks in order."""
        for event in events:
            if isinstance(event, Text):
                if self._in_text and not self._skipped:
                    self._write(event.text)
            elif event.namespace in WORD_NAMESPACES or (event.namespace, event.name) in _OTHERS_READ:
                if isinstance(event, Start):
                    self._begin(event)
                else:
                    yield from self._end(event.name)
        yield from self._tables.end_all()

    def _begin(self, event: Start) -> None:
        name = event.name
        if self._skipped or name in _SKIPPED:
            self._skipped += name in _SKIPPED
        elif name == "p":
            self._paragraphs.append(_Paragraph())
        elif name == "t":
            self._in_text += 1
        elif name in _TABLE_TAGS:
            self._tables.begin(_TABLE_TAGS[name])
        elif name in ("footnote", "endnote"):
            self._note_mark = self._notes.mark(name, event.attributes.get("id", ""))
        elif self._paragraphs:
            self._begin_within(self._paragraphs[-1], event)

    def _begin_within(self, paragraph: _Paragraph, event: Start) -> None:
        value = event.attributes.get("val", "")
        match event.name:
            case "r":
                paragraph.in_run, paragraph.hidden = True, False
            case "vanish" if paragraph.in_run:
                paragraph.hidden = value not in _OFF
            case "footnoteReference" | "endnoteReference":
                kind = event.name.removesuffix("Reference")
                self._write(self._notes.refer(kind, event.attributes.get("id", "")))
            case "pStyle":
                paragraph.style = value
            case "outlineLvl":
                paragraph.level = outline_level(value)
            case "numId":
                paragraph.number = value
            case "ilvl":
                paragraph.number_level = int(value) if value.isdigit() else 0
            case name if name in _IN_RUNS and paragraph.in_run:
                self._write(_IN_RUNS[name])
            case _:
                pass

    def _end(self, name: str) -> Iterator[Block]:
        if self._skipped:
            self._skipped -= name in _SKIPPED
        elif name == "t":
            self._in_text -= 1
        elif name == "r" and self._paragraphs:
            self._paragraphs[-1].in_run = False
        elif name == "p" and self._paragraphs:
            yield from self._finished(self._paragraphs.pop())
        elif name in _TABLE_TAGS:
            yield from self._tables.end(_TABLE_TAGS[name])
            self._follows_item = False

    def _write(self, text: str) -> None:
        if self._paragraphs and not self._paragraphs[-1].hidden:
            self._paragraphs[-1].texts.append(text)

    def _finished(self, paragraph: _Paragraph) -> Iterator[Block]:
        text = "".join(paragraph.texts).strip()
        if self._note_mark is None or not text:
            return
        if self._note_mark:
            text, self._note_mark = f"{self._note_mark} {text}", ""
        level = self._styles.level(paragraph.style) if paragraph.level is None else paragraph.level
        mark, item_level = self._mark(paragraph)
        if level:
            yield from self._tables.unpack()
            mark = "" if mark == "-" else mark
        marked = f"{mark} {text}" if mark else text
        if self._tables.in_cell:
            yield from self._tables.add(marked)
            return
        is_item = bool(mark) and not level
        tight, self._follows_item = is_item and self._follows_item, is_item
        margin = "  " * min(_DEEPEST_ITEM, item_level) if is_item else ""
        yield Block(margin + marked.replace("\n", "\n" + margin), level=level, tight=tight)

    def _mark(self, paragraph: _Paragraph) -> tuple[str, int]:
        of_style = self._styles.numbering(paragraph.style)
        number = paragraph.number if paragraph.number is not None else of_style and of_style[0]
        if not number:
            return "", 0
        level = paragraph.number_level
        if level is None:
            level = of_style[1] if of_style else 0
        return self._numbering.mark(number, level), level
