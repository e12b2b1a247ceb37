"""PassageStore on PostgreSQL."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any, Final

from citewell.chunking import boxes_within
from citewell.model import Citation, Page, Passage, Span
from citewell_adapters.pgvector.database import PgDatabase
from citewell_adapters.pgvector.lines import unpack_lines

__all__ = ["PgPassageStore"]

# documents_pkey, revisions_pkey, chunks_pkey; pages_pkey. Pages do not overlap, so none before the one that a
# stretch begins in has a part in it.
_AROUND: Final = """
WITH stretches AS MATERIALIZED (
    SELECT a.place, r.id AS revision_id, min(t.span_start) AS span_start, max(t.span_end) AS span_end,
        min(t.chunk_index) AS chunk_first, max(t.chunk_index) AS chunk_last
    FROM unnest(%(documents)s::uuid[], %(hashes)s::bytea[], %(indexes)s::int[]) WITH ORDINALITY
        AS a (document_id, sha256, chunk_index, place)
    JOIN documents AS d ON d.id = a.document_id
    JOIN revisions AS r ON r.id = d.live_revision_id AND r.sha256 = a.sha256
    JOIN chunks AS t ON t.revision_id = r.id
        AND t.chunk_index BETWEEN a.chunk_index - %(neighbours)s AND a.chunk_index + %(neighbours)s
    GROUP BY a.place, r.id
    HAVING bool_or(t.chunk_index = a.chunk_index)
)
SELECT s.place, s.span_start, s.span_end, s.chunk_first, s.chunk_last,
    p.number, p.start_offset, p.part, p.lines
FROM stretches AS s
CROSS JOIN LATERAL (
    SELECT number, start_offset, lines, substr(
        text, greatest(0, s.span_start - start_offset) + 1,
        least(s.span_end, end_offset) - greatest(s.span_start, start_offset)
    ) AS part
    FROM pages
    WHERE revision_id = s.revision_id
        AND start_offset < s.span_end AND end_offset > s.span_start AND end_offset > start_offset
        AND start_offset >= coalesce((
            SELECT max(start_offset) FROM pages
            WHERE revision_id = s.revision_id AND start_offset <= s.span_start
        ), 0)
) AS p
ORDER BY s.place, p.start_offset
"""


class PgPassageStore:
    """The PassageStore port, in one round trip."""

    def __init__(self, database: PgDatabase) -> None:
        self._database = database

    async def around(self, citations: Sequence[Citation], *, neighbours: int) -> Sequence[Passage | None]:
        parameters = {
            "documents": [citation.document_id for citation in citations],
            "hashes": [bytes.fromhex(citation.sha256) for citation in citations],
            "indexes": [citation.chunk_index for citation in citations],
            "neighbours": neighbours,
        }
        found: defaultdict[int, list[tuple[Any, ...]]] = defaultdict(list)
        async with self._database.connection() as connection:
            cursor = await connection.execute(_AROUND, parameters, binary=True)
            for place, *row in await cursor.fetchall():
                found[place].append(tuple(row))
        return [_passage(found[place]) for place in range(1, len(citations) + 1)]


def _passage(rows: Sequence[tuple[Any, ...]]) -> Passage | None:
    """Of the rows of one stretch, one for each page; None if the pages do not hold all of it."""
    text = "".join(row[6] for row in rows)
    if not rows:
        return None
    start, end, chunk_first, chunk_last = rows[0][:4]
    span = Span(start, end)
    if len(text) != len(span):
        return None
    pages = [Page(number, offset, "", unpack_lines(lines)) for *_, number, offset, _, lines in rows]
    return Passage(
        text=text,
        span=span,
        first_page=pages[0].number,
        last_page=pages[-1].number,
        chunk_first=chunk_first,
        chunk_last=chunk_last,
        boxes=boxes_within(pages, span),
    )
