"""What passes between a process that reads files and the one that asked: frames of JSON over pipes.

JSON, because whoever takes over the reading process through a crafted file must not gain this one too: to
unpickle an object is to run its code. For the same reason everything that comes back is checked.
"""

from __future__ import annotations

import json
import math
import struct
from collections.abc import Mapping, Sequence
from typing import Any, BinaryIO, Final

from citewell.model import Box, Heading, Line, ParsedPage, Span

__all__ = [
    "LENGTH",
    "LONGEST_FRAME",
    "LONGEST_PROBLEM",
    "WireError",
    "decode",
    "encode",
    "length_from",
    "page_from",
    "page_to",
    "receive",
    "send",
    "send_bytes",
]

#: Before each frame: how many bytes it has.
LENGTH: Final = struct.Struct(">I")
#: No page, and no slice of pages, is longer than this.
LONGEST_FRAME: Final = 64 << 20
# Boxes travel as whole hundred-thousandths of the page, rounded outwards.
_UNIT: Final = 100_000
#: Characters of what is said of a page that cannot be read.
LONGEST_PROBLEM: Final = 500


class WireError(ValueError):
    """A frame is not what it should be."""


def encode(message: Mapping[str, Any]) -> bytes:
    """The message as a frame with its length in front. Raises WireError if it is too long."""
    payload = json.dumps(message, ensure_ascii=False, separators=(",", ":")).encode()
    if len(payload) > LONGEST_FRAME:
        raise WireError(f"a frame of {len(payload)} bytes is too long")
    return LENGTH.pack(len(payload)) + payload


def length_from(prefix: bytes) -> int:
    """How long the frame behind this prefix is. Raises WireError if it is too long."""
    length: int = LENGTH.unpack(prefix)[0]
    if length > LONGEST_FRAME:
        raise WireError(f"a frame of {length} bytes is too long")
    return length


def decode(payload: bytes) -> dict[str, Any]:
    """The message in a frame. Raises WireError."""
    try:
        message = json.loads(payload)
    except (ValueError, RecursionError) as error:
        raise WireError("a frame is not JSON") from error
    if not isinstance(message, dict):
        raise WireError("a frame is not an object")
    return message


def send(stream: BinaryIO, message: Mapping[str, Any]) -> None:
    """Write the message, waiting until it is taken."""
    stream.write(encode(message))
    stream.flush()


def send_bytes(stream: BinaryIO, content: bytes) -> None:
    """Write a frame that is no message. Raises WireError if it is too long."""
    if len(content) > LONGEST_FRAME:
        raise WireError(f"a frame of {len(content)} bytes is too long")
    stream.write(LENGTH.pack(len(content)))
    stream.write(content)
    stream.flush()


def receive(stream: BinaryIO) -> dict[str, Any] | None:
    """The next message, None at the end of the stream."""
    prefix = stream.read(LENGTH.size)
    if len(prefix) < LENGTH.size:
        return None
    return decode(stream.read(length_from(prefix)))


def page_to(page: ParsedPage) -> list[Any]:
    """The page as JSON can hold it."""
    return [
        page.number,
        page.text,
        [[*_ends(line.span), *_outwards(line.box)] for line in page.lines],
        [[heading.start, heading.level, heading.title] for heading in page.headings],
        page.pages_total,
        page.problem[:LONGEST_PROBLEM],
    ]


def page_from(found: Sequence[Any]) -> ParsedPage:
    """The page. Raises WireError unless it is one that a parser may give."""
    try:
        number, text, lines, headings, pages_total, problem = found
        _check(isinstance(number, int) and number >= 1)
        _check(isinstance(text, str) and "\0" not in text)
        _check(pages_total is None or (isinstance(pages_total, int) and pages_total >= number))
        text.encode()  # no surrogate
        _check(isinstance(problem, str) and len(problem) <= LONGEST_PROBLEM and "\0" not in problem)
        problem.encode()
        page = ParsedPage(
            number, text, tuple(map(_line, lines)), tuple(map(_heading, headings)), pages_total, problem
        )
    except (TypeError, ValueError) as error:
        raise WireError("a page is not what it should be") from error
    _check_order(page)
    return page


def _ends(span: Span) -> tuple[int, int]:
    return span.start, span.end


def _outwards(box: Box) -> tuple[int, int, int, int]:
    return (
        math.floor(box.left * _UNIT),
        math.floor(box.top * _UNIT),
        math.ceil(box.right * _UNIT),
        math.ceil(box.bottom * _UNIT),
    )


def _line(found: Sequence[int]) -> Line:
    start, end, left, top, right, bottom = found
    _check(0 <= left <= right <= _UNIT and 0 <= top <= bottom <= _UNIT)
    return Line(Span(start, end), Box(left / _UNIT, top / _UNIT, right / _UNIT, bottom / _UNIT))


def _heading(found: Sequence[Any]) -> Heading:
    start, level, title = found
    _check(isinstance(start, int) and isinstance(level, int) and level >= 1 and isinstance(title, str))
    title.encode()
    return Heading(start, level, title)


def _check_order(page: ParsedPage) -> None:
    end = 0
    for line in page.lines:
        _check(end <= line.span.start)
        end = line.span.end
    _check(end <= len(page.text))
    start = 0
    for heading in page.headings:
        _check(start <= heading.start <= len(page.text))
        start = heading.start


def _check(right: bool) -> None:
    if not right:
        raise WireError("a page is not what it should be")
