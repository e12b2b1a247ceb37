"""Conditional and partial requests for one representation: entity tags and byte ranges (RFC 9110)."""

from __future__ import annotations

import re
from typing import Final

from citewell.model import Span

__all__ = ["RangeNotSatisfiable", "is_current", "requested_span"]

_RANGE: Final = re.compile(r"bytes=\s*(\d{0,18})-(\d{0,18})\s*", re.IGNORECASE)


class RangeNotSatisfiable(Exception):
    """No byte of the content is in the range that was asked for."""


def is_current(if_none_match: str | None, etag: str) -> bool:
    """Whether the caller holds what `etag` (with its quotes) names already."""
    if if_none_match is None:
        return False
    given = [tag.strip().removeprefix("W/") for tag in if_none_match.split(",")]
    return "*" in given or etag in given


def requested_span(header: str | None, *, size: int, if_range: str | None, etag: str) -> Span | None:
    """The byte offsets that a `Range` header asks for; None means the whole.

    Several ranges, other units and what cannot be understood count as no range, as does a range of another
    version than `etag`. Raises RangeNotSatisfiable.
    """
    match = _RANGE.fullmatch(header) if header else None
    if match is None or (if_range is not None and if_range.strip() != etag):
        return None
    first, last = match.groups()
    if first:
        start, end = int(first), int(last) + 1 if last else size
        if last and end <= start:
            return None
    elif last:
        start, end = max(0, size - int(last)), size
    else:
        return None
    if start >= min(end, size):
        raise RangeNotSatisfiable
    return Span(start, min(end, size))
