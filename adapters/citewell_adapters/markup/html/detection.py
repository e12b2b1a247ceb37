"""Tells HTML by its first bytes."""

from __future__ import annotations

import codecs
import re
from pathlib import PurePath
from typing import Final

__all__ = ["HTML", "detect_html"]

HTML: Final = "text/html"

_SUFFIXES: Final = frozenset({".html", ".htm", ".xhtml", ".xht", ".shtml"})
_BLANK: Final = re.compile(r"\s+")
_PROLOGUE: Final = re.compile(r"<\?xml[^>]*>|<!--.*?-->", re.DOTALL)
_OPEN_COMMENT: Final = re.compile(r"<!--(?!.*-->)", re.DOTALL)
_CERTAIN: Final = re.compile(r"<!doctype\s+html\b|<html[\s>]", re.IGNORECASE)
# As browsers tell it (WHATWG, MIME sniffing, section 7.1), and a few more.
_FRAGMENT: Final = re.compile(
    r"<(?:head|body|title|meta|script|style|iframe|font|table|center|div|section|article|main|header|nav|h[1-6]"
    r"|p|ul|ol|a|b|br)[\s/>]",
    re.IGNORECASE,
)
# Texts that may well begin with a piece of HTML and are none.
_OTHER_TEXTS: Final = frozenset(
    {
        *(".md", ".markdown", ".mdown", ".mkd", ".mdx", ".txt", ".rst", ".adoc", ".xml", ".svg"),
        *(".vue", ".svelte", ".php", ".jsx", ".tsx", ".js", ".ts", ".erb", ".ejs", ".hbs", ".j2", ".jinja"),
    }
)
_MARKS: Final = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)


def detect_html(head: bytes, *, name: str) -> str | None:
    """`text/html` if `head` begins with a doctype, `<html>` or another tag of HTML, after comments.

    A tag other than `<html>` begins texts of other kinds as well, which their names tell apart.
    """
    text = _after_prologue(_text(head))
    suffix = PurePath(name).suffix.lower()
    if _CERTAIN.match(text) or (suffix not in _OTHER_TEXTS and _FRAGMENT.match(text)):
        return HTML
    return HTML if suffix in _SUFFIXES and _OPEN_COMMENT.match(text) else None


def _text(head: bytes) -> str:
    for mark, encoding in _MARKS:
        if head.startswith(mark):
            return head[len(mark) :].decode(encoding, "replace")
    return head.decode("latin-1")


def _after_prologue(text: str) -> str:
    place = 0
    while blank_or_prologue := (_BLANK.match(text, place) or _PROLOGUE.match(text, place)):
        place = blank_or_prologue.end()
    return text[place:]
