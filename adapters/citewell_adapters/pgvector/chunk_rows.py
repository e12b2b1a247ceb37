"""Chunks as rows of PostgreSQL."""

from __future__ import annotations

from typing import Any, Final

from citewell.model import Chunk, RevisionId, Span
from citewell_adapters.pgvector.copying import pack_row
from citewell_adapters.pgvector.lines import pack_boxes, unpack_boxes
from citewell_adapters.pgvector.packing import pack_bigint, pack_int, pack_texts

__all__ = ["CHUNK_COLUMNS", "CHUNK_TABLE", "chunk_from", "pack_chunk"]

#: What `chunk_from` takes, of `chunks AS t`. The last is for chunks that were stored without their boxes.
CHUNK_COLUMNS: Final = """
    t.chunk_index, t.span_start, t.span_end, t.text, t.first_page, t.last_page, t.heading_path, t.token_count,
    t.boxes, CASE WHEN t.boxes IS NULL THEN citewell_lines(t.revision_id, t.span_start, t.span_end) END
"""

CHUNK_TABLE: Final = """
    chunks (revision_id, chunk_index, span_start, span_end, first_page, last_page, token_count, heading_path,
        boxes, text)
"""


def chunk_from(row: tuple[Any, ...]) -> Chunk:
    """The chunk of a row of CHUNK_COLUMNS."""
    index, start, end, text, first_page, last_page, heading_path, token_count, boxes, lines = row
    span = Span(start, end)
    return Chunk(
        index,
        span,
        text,
        first_page,
        last_page,
        tuple(heading_path),
        token_count,
        unpack_boxes(boxes, lines, span),
    )


def pack_chunk(revision_id: RevisionId, chunk: Chunk) -> bytes:
    """A row for COPY, of CHUNK_TABLE."""
    return pack_row(
        pack_bigint(revision_id),
        pack_int(chunk.index),
        pack_int(chunk.span.start),
        pack_int(chunk.span.end),
        pack_int(chunk.first_page),
        pack_int(chunk.last_page),
        pack_int(chunk.token_count),
        pack_texts(chunk.heading_path),
        pack_boxes(chunk.boxes),
        chunk.text.encode(),
    )
