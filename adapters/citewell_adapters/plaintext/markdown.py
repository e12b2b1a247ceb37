"""The headings of Markdown, found line by line."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from citewell.model import Heading

__all__ = ["UNDERLINE", "MarkdownHeadings"]

_LONGEST_TITLE: Final = 200
_LINE: Final = re.compile(r"[^\n]*\n|[^\n]+")
_ATX: Final = re.compile(r" {0,3}(#{1,6})(?:[ \t]+(.*?))?(?:[ \t]+#+)?[ \t]*$")
#: A line that makes a heading of the one above it.
UNDERLINE: Final = re.compile(r" {0,3}(=+|-+)[ \t]*\r?$", re.MULTILINE)
_FENCE: Final = re.compile(r" {0,3}(`{3,}(?=[^`]*$)|~{3,})(.*)$")
_FRONT_MATTER_KEY: Final = re.compile(r"[A-Za-z_][\w-]*[ \t]*:")
# A line of one of these is no title, whatever is drawn under it.
_OTHER_BLOCK: Final = re.compile(r" {4}|\t| {0,3}(?:>|[-*+][ \t]|\d{1,9}[.)][ \t]|\||<)")
_LINK: Final = re.compile(r"!?\[([^\]]*)\](?:\([^)]*\)|\[[^\]]*\])")
_EMPHASIS: Final = re.compile(r"(\*\*|__|`|(?<!\w)[*_]|[*_](?!\w))")


class MarkdownHeadings:
    """Finds headings in the parts of one text, which are shown to it in order and end at the ends of lines.

    A line with its underline must be in one part. What stands in fenced code or front matter is no heading.
    """

    def __init__(self) -> None:
        self._fence = ""
        self._first = True
        self._front_matter = False

    def find(self, part: str) -> tuple[Heading, ...]:
        """The part's headings: offsets into it, level 1 to 6, titles without marks."""
        return tuple(self._find(part))

    def _find(self, part: str) -> Iterator[Heading]:
        title_line, title_start = "", 0
        for match in _LINE.finditer(part):
            line = match.group().rstrip("\r\n")
            if self._is_hidden(line, part, match.end()):
                title_line = ""
                continue
            start = match.start()
            if atx := _ATX.match(line):
                yield from _heading(start, len(atx[1]), atx[2] or "")
                title_line = ""
            elif title_line and (underline := UNDERLINE.match(line)):
                yield from _heading(title_start, 1 if "=" in underline[1] else 2, title_line)
                title_line = ""
            else:
                is_title = bool(line.strip()) and not _OTHER_BLOCK.match(line)
                title_line, title_start = (line if is_title else ""), start

    def _is_hidden(self, line: str, part: str, following: int) -> bool:
        """Whether the line belongs to fenced code or to front matter."""
        first, self._first = self._first, False
        if first and line.rstrip() == "---" and _FRONT_MATTER_KEY.match(part, following):
            self._front_matter = True
            return True
        if self._front_matter:
            self._front_matter = line.rstrip() not in ("---", "...")
            return True
        fence = _FENCE.match(line)
        if self._fence:
            if fence and fence[1].startswith(self._fence) and not fence[2].strip():
                self._fence = ""
            return True
        if fence:
            self._fence = fence[1]
        return fence is not None


def _heading(start: int, level: int, marked: str) -> Iterator[Heading]:
    title = " ".join(_EMPHASIS.sub("", _LINK.sub(r"\1", marked)).split())
    if title:
        yield Heading(start, level, title[:_LONGEST_TITLE])
