"""Turns HTML into blocks of text as it comes in, in bounded memory."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import Final

from citewell_adapters.markup.blocks import Block
from citewell_adapters.markup.html.elements import (
    BLOCKS,
    DROPPED,
    IMPLIED_ENDS,
    LISTS,
    VOID,
    Attributes,
    OpenElements,
    is_hidden,
)
from citewell_adapters.markup.html.lists import Lists
from citewell_adapters.markup.tables import Tables

__all__ = ["HtmlText"]

# A line break that stays one where white space is collapsed.
_BREAK: Final = "\v"
_SPACE: Final = re.compile("[ \t\n\r\f\xa0]+")
_INVISIBLE: Final = re.compile("[\xad\u200b\ufeff]")
_HEADING: Final = re.compile(r"h([1-6])$")
_CDATA: Final = "CDATA["


class HtmlText(HTMLParser):
    """Feed it HTML, take the blocks that are complete; `close` completes the last one.

    Headings, paragraphs, list items with their marks, tables as rows of Markdown, preformatted text as it is.
    What a browser does not show is left out. The title comes first, unless a heading says the same.
    """

    def __init__(self, *, with_title: bool = True) -> None:
        super().__init__(convert_charrefs=True)
        self._with_title = with_title
        self._ready: list[Block] = []
        self._words: list[str] = []
        self._title: list[str] = []
        self._open = OpenElements()
        self._lists = Lists()
        self._tables = Tables()
        self._level = 0
        self._preformatted = 0
        self._begun = False

    def taken(self) -> list[Block]:
        """The blocks since the last call."""
        ready, self._ready = self._ready, []
        return ready

    def close(self) -> None:
        """What is still open ends here."""
        super().close()
        self._end_block()
        for block in self._tables.end_all():
            self._emit(block)
        if not self._begun:
            self._emit_title("")

    def handle_starttag(self, tag: str, attrs: Attributes) -> None:
        """As HTMLParser's."""
        for implied, within in IMPLIED_ENDS.get(tag, ()):
            self._end_elements(self._open.down_to(implied, within=within))
        if tag in VOID:
            self._void(tag)
            return
        hidden = tag in DROPPED or is_hidden(tag, attrs)
        if self._open.hidden or hidden:
            self._open.push(tag, hidden=hidden)
        elif tag in BLOCKS:
            self._open.push(tag, hidden=False)
            self._begin(tag, dict(attrs))

    def handle_endtag(self, tag: str) -> None:
        """As HTMLParser's."""
        self._end_elements(self._open.down_to(frozenset({tag}), within=None))

    def handle_data(self, data: str) -> None:
        """As HTMLParser's."""
        if not self._open.hidden:
            (self._title if self._open.innermost == "title" else self._words).append(data)

    def unknown_decl(self, data: str) -> None:
        """As HTMLParser's: XHTML keeps text in CDATA sections."""
        if data.startswith(_CDATA):
            self.handle_data(data[len(_CDATA) :])

    def parse_marked_section(self, i: int, report: int = 1) -> int:
        """As HTMLParser's, which fails on sections that it does not know."""
        del report
        is_cdata = self.rawdata.startswith(_CDATA, i + 3)
        end_mark = "]]>" if is_cdata else ">"
        end = self.rawdata.find(end_mark, i)
        if end < 0:
            return -1
        if is_cdata:
            self.handle_data(self.rawdata[i + 3 + len(_CDATA) : end])
        return end + len(end_mark)

    def updatepos(self, i: int, j: int) -> int:
        """As HTMLParser's, which counts lines that nobody asks for."""
        del i
        return j

    def _void(self, tag: str) -> None:
        if self._open.hidden:
            return
        if tag == "br":
            self._words.append("\n" if self._preformatted else _BREAK)
        elif tag == "hr":
            self._end_block()

    def _begin(self, tag: str, attributes: dict[str, str | None]) -> None:
        if tag == "title":
            return
        self._end_block()
        if tag in LISTS:
            self._lists.begin(ordered=tag == "ol", start=attributes.get("start"))
        elif tag == "li":
            self._lists.begin_item(value=attributes.get("value"))
        elif tag == "pre":
            self._preformatted += 1
        elif heading := _HEADING.match(tag):
            self._level = int(heading[1])
        if self._level or tag == "table":
            # A cell that holds these is there for the layout.
            self._emit_all(self._tables.unpack())
        self._tables.begin(tag)

    def _end_elements(self, tags: list[str]) -> None:
        for tag in tags:
            if tag == "title":
                continue
            self._end_block()
            if tag in LISTS:
                self._lists.end()
            elif tag == "li":
                self._lists.end_item()
            elif tag == "pre":
                self._preformatted -= 1
            elif _HEADING.match(tag):
                self._level = 0
            self._emit_all(self._tables.end(tag))

    def _end_block(self) -> None:
        if not self._words:
            return
        text, self._words = self._text(), []
        if not text.strip():
            return
        if self._tables.in_cell:
            self._emit_all(self._tables.add(self._lists.marked(text, level=self._level).text))
        else:
            self._emit(self._lists.marked(text, level=self._level))

    def _text(self) -> str:
        text = _INVISIBLE.sub("", "".join(self._words))
        if self._preformatted:
            return text.replace(_BREAK, "\n").rstrip().strip("\r\n")
        lines = (line.strip(" ") for line in _SPACE.sub(" ", text).split(_BREAK))
        return "\n".join(lines).strip("\n")

    def _emit_all(self, blocks: list[Block]) -> None:
        for block in blocks:
            self._emit(block)

    def _emit(self, block: Block) -> None:
        if not self._begun:
            self._emit_title(block.text if block.level else "")
        self._ready.append(block)

    def _emit_title(self, first_heading: str) -> None:
        self._begun = True
        title = " ".join("".join(self._title).split())
        if self._with_title and title and title.casefold() != " ".join(first_heading.split()).casefold():
            self._ready.append(Block(title, level=1))
