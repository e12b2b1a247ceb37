"""Chunks as rows of PostgreSQL."""

from __future__ import annotations

from typing import Any, Final

from citewell.model import Chunk, RevisionId, Span
from citewell_adapters.pgvector.lines import pack_boxes, unpack_boxes

__all__ = ["CHUNK_COLUMNS", "chunk_from", "chunk_parameters"]

#: What `chunk_from` takes, of `chunks AS t`. The last is for chunks that were stored without their boxes.
CHUNK_COLUMNS: Final = """
    t.chunk_index, t.span_start, t.span_end, t.text, t.first_page, t.last_page, t.heading_path, t.token_count,
    t.boxes, CASE WHEN t.boxes IS NULL THEN citewell_lines(t.revision_id, t.span_start, t.span_end) END
"""


def chunk_from(row: tuple[Any, ...]) -> Chunk:
    """The chunk of a row of CHUNK_COLUMNS."""
    index, start, end, text, first_page, last_page, heading_path, token_count, boxes, lines = row
    span = Span(start, end)
    return Chunk(
        index=index,
        span=span,
        text=text,
        first_page=first_page,
        last_page=last_page,
        heading_path=tuple(heading_path),
        token_count=token_count,
        boxes=unpack_boxes(boxes, lines, span),
    )


def chunk_parameters(revision_id: RevisionId, chunk: Chunk) -> dict[str, object]:
    """What storing the chunk takes."""
    return {
        "revision_id": revision_id,
        "index": chunk.index,
        "start": chunk.span.start,
        "end": chunk.span.end,
        "first_page": chunk.first_page,
        "last_page": chunk.last_page,
        "token_count": chunk.token_count,
        "heading_path": list(chunk.heading_path),
        "boxes": pack_boxes(chunk.boxes),
        "text": chunk.text,
    }
