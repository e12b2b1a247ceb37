"""A multipart form as it streams in: part after part, each in pieces, nothing held back."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final, TypeAlias

from multipart import MultipartError, MultipartSegment, PushMultipartParser, parse_options_header

from citewell_entrypoints.http.problems import INVALID_CONTENT_TYPE, INVALID_REQUEST, HttpProblem

__all__ = ["MAX_OVERHEAD_BYTES", "Part", "boundary_of", "form_parts"]

#: What a form may have besides the bodies of its parts: boundaries, headers, preamble and epilogue.
MAX_OVERHEAD_BYTES: Final = 1 << 20

_PIECE_BYTES: Final = 65_536
_MAX_PARTS: Final = 16

#: What the parser tells: a part begins, some of its bytes, it ends (None).
Event: TypeAlias = MultipartSegment | bytes | None


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a form. Its body comes in pieces of at most 64 KiB and is to be read before the next part."""

    name: str
    filename: str | None
    body: AsyncIterator[bytes]


def boundary_of(content_type: str) -> str:
    """The boundary that a request's Content-Type announces. Raises HttpProblem unless it is multipart."""
    media_type, options = parse_options_header(content_type)
    boundary = str(options.get("boundary", ""))
    if media_type != "multipart/form-data" or not boundary:
        raise HttpProblem(
            INVALID_CONTENT_TYPE,
            "Send the file as multipart/form-data with a boundary, "
            "as `curl -F file=@report.pdf` does by itself.",
            headers={"Accept": "multipart/form-data"},
        )
    return boundary


async def form_parts(pieces: AsyncIterator[bytes], *, boundary: str) -> AsyncGenerator[Part, None]:
    """The parts of the form in the order they come.

    Reads no further than its reader does; how long a body may be is the reader's to say. Raises HttpProblem
    if the form is broken, has too many parts, or more than MAX_OVERHEAD_BYTES besides their bodies.
    """
    events = _events(pieces, boundary)
    async for event in events:
        # What the reader left of the part before is skipped.
        if isinstance(event, MultipartSegment):
            yield Part(event.name or "", event.filename, _body(events))


async def _body(events: AsyncIterator[Event]) -> AsyncIterator[bytes]:
    async for event in events:
        if not isinstance(event, bytes):
            return
        yield event


async def _events(pieces: AsyncIterator[bytes], boundary: str) -> AsyncGenerator[Event, None]:
    overhead = 0
    with _translated():
        parser = PushMultipartParser(boundary, max_segment_count=_MAX_PARTS)
    async for large in pieces:
        for start in range(0, len(large), _PIECE_BYTES):
            piece = large[start : start + _PIECE_BYTES]
            with _translated():
                events: list[Event] = list(parser.parse(piece))
            overhead += len(piece) - sum(len(event) for event in events if isinstance(event, bytes))
            if overhead > MAX_OVERHEAD_BYTES:
                raise HttpProblem(INVALID_REQUEST, "The form has too much besides the bodies of its parts.")
            for event in events:
                yield event
    with _translated():
        parser.close()


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except MultipartError as error:
        raise HttpProblem(INVALID_REQUEST, f"The form is broken: {error.args[0]}.") from None
