"""File names: as people may see them, and as a header may carry them."""

from __future__ import annotations

import re
import unicodedata
from typing import Final
from urllib.parse import quote

__all__ = ["clean_filename", "content_disposition"]

_MAX_CHARACTERS: Final = 255
_UNNAMED: Final = "unnamed"
#: Control characters, lone surrogates, line and paragraph separators.
_DROPPED_CATEGORIES: Final = frozenset({"Cc", "Cs", "Zl", "Zp"})
# They turn the direction of writing round and let `exe.pdf` look like `fdp.exe`.
_DIRECTION_MARKS: Final = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def clean_filename(given: str | None) -> str:
    """The last part of a path, without control characters; `unnamed` if nothing is left.

    A name of more than 255 characters is cut, and keeps its ending.
    """
    visible = "".join(
        character
        for character in given or ""
        if unicodedata.category(character) not in _DROPPED_CATEGORIES and character not in _DIRECTION_MARKS
    )
    name = re.split(r"[/\\]", visible)[-1].strip()
    if name in ("", ".", ".."):
        return _UNNAMED
    if len(name) <= _MAX_CHARACTERS:
        return name
    stem, dot, ending = name.rpartition(".")
    ending = dot + ending if stem and len(ending) <= 16 else ""
    return name[: _MAX_CHARACTERS - len(ending)] + ending


def content_disposition(name: str) -> str:
    """`attachment`, with the name in ASCII for old clients and in UTF-8 (RFC 8187) for the others."""
    plain = re.sub(r'[^\x20-\x7e]|["\\%;]', "_", name)
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"
