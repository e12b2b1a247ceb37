"""Citations as a language model writes them: `[1]`, `[1, 3]`, `[1: "quote"]`, `[1: "one"; 3: "two"]`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

__all__ = ["MAX_MARKER_CHARACTERS", "Cited", "Marker", "scan_marker"]

#: A bracket that is still open after so many characters is none of a citation.
MAX_MARKER_CHARACTERS: Final = 2_000

_LABEL: Final = re.compile(r"\s*(?:passages?|sources?|#|\^)?\s*(\d{1,3})\s*", re.IGNORECASE)
_BEGUN_LABEL: Final = re.compile(r"\s*[a-z#^]{0,8}\s*\d{0,3}\s*", re.IGNORECASE)
_QUOTES: Final = {'"': '"“”', "“": '”"', "”": '”"', "„": '“”"', "«": "»", "'": "'’", "‘": "’'", "`": "`"}
_SEPARATORS: Final = ",;"
#: Quotes may hold quotation marks of their own.
_BEHIND_QUOTE: Final = re.compile(
    r"\s*(?:\]|[,;]\s*(?:[\"“„«'‘`]|(?:passages?|sources?|#|\^)?\s*\d{1,3}\s*[]:,;\"“]))", re.IGNORECASE
)
_ANOTHER_QUOTE: Final = re.compile(r"[,;]\s*(?=[\"“„«'‘`])")
#: What may still become that.
_BEGUN_BEHIND_QUOTE: Final = re.compile(r"\s*(?:[,;]\s*[a-z#^]{0,8}\s*\d{0,3}\s*)?\Z", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Cited:
    """One label, and the words that are said to stand there; None if there are none."""

    label: int
    quote: str | None


@dataclass(frozen=True, slots=True)
class Marker:
    """What a text names from one opening bracket on. end: past the closing one."""

    cited: tuple[Cited, ...]
    end: int


def scan_marker(text: str, start: int) -> Marker | bool:
    """What begins with the bracket at `start`: a marker, none (False), or what may become one (True)."""
    at = start + 1
    cited: list[Cited] = []
    while True:
        label = _LABEL.match(text, at)
        if label is None:
            begun = _BEGUN_LABEL.match(text, at)
            return begun is not None and begun.end() == len(text)
        at = label.end()
        quotes, at = _scan_quotes(text, at)
        if at == len(text):
            return at - start <= MAX_MARKER_CHARACTERS
        cited += [Cited(int(label[1]), quote) for quote in quotes or (None,)]
        if text[at] == "]":
            return Marker(tuple(cited), at + 1)
        if text[at] not in _SEPARATORS:
            return False
        at += 1


def _scan_quotes(text: str, at: int) -> tuple[list[str], int]:
    """The quotes behind a label, and where the next thing begins: the text's end if a quote is still open."""
    quotes: list[str] = []
    if at < len(text) and text[at] == ":":
        at = _past_space(text, at + 1)
        if at < len(text) and text[at] not in _QUOTES:
            # Words without quotation marks.
            end = text.find("]", at)
            return ([text[at:end]], end) if end >= 0 else ([], len(text))
    while at < len(text) and text[at] in _QUOTES:
        closing = _closing(text, at)
        if closing is None:
            return [], len(text)
        quotes.append(text[at + 1 : closing])
        at = _past_space(text, closing + 1)
        if another := _ANOTHER_QUOTE.match(text, at):
            at = another.end()
    return quotes, at


def _closing(text: str, opening: int) -> int | None:
    """Where the quote ends: at a mark behind which a citation goes on or ends; None: not here yet."""
    marks = _QUOTES[text[opening]]
    for at in range(opening + 1, len(text)):
        if text[at] in marks:
            if _BEHIND_QUOTE.match(text, at + 1):
                return at
            if _BEGUN_BEHIND_QUOTE.match(text, at + 1):
                return None
    return None


def _past_space(text: str, at: int) -> int:
    while at < len(text) and text[at].isspace():
        at += 1
    return at
