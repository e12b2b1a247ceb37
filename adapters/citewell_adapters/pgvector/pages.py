"""PageStore on PostgreSQL."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Final

from citewell.model import Extent, Heading, Page, RevisionId, Span
from citewell_adapters.pgvector.copying import copy_rows, pack_row
from citewell_adapters.pgvector.database import PgDatabase
from citewell_adapters.pgvector.lines import pack_lines, unpack_lines
from citewell_adapters.pgvector.packing import pack_bigint, pack_int, pack_jsonb
from citewell_adapters.pgvector.revisions import lock_revision

__all__ = ["PgPageStore"]

# pages_pkey: what is added again
_REMOVE: Final = """
DELETE FROM pages WHERE revision_id = %(revision_id)s AND start_offset = ANY(%(starts)s::int[])
"""
_TABLE: Final = "pages (revision_id, start_offset, end_offset, number, text, lines, headings, problem)"

_PAGES: Final = "SELECT number, start_offset, text, lines, headings, problem FROM pages"

# pages_pkey
_READ_ALL: Final = f"""{_PAGES}
WHERE revision_id = %(revision_id)s
ORDER BY start_offset LIMIT %(limit)s
"""

# pages_pkey. Pages do not overlap, so none before the one that the span begins in has a part in it.
_READ_SPAN: Final = f"""{_PAGES}
WHERE revision_id = %(revision_id)s
    AND start_offset < %(end)s AND end_offset > %(start)s AND end_offset > start_offset
    AND start_offset >= coalesce((
        SELECT max(start_offset) FROM pages
        WHERE revision_id = %(revision_id)s AND start_offset <= %(start)s
    ), 0)
ORDER BY start_offset LIMIT %(limit)s
"""  # noqa: S608 - made of constants

# pages_pkey
_EXTENT: Final = """
SELECT count(*), coalesce(max(end_offset), 0) FROM pages WHERE revision_id = %(revision_id)s
"""

# pages_pkey. Texts and lines lie outside of the row and are not read.
_HEADINGS: Final = """
SELECT start_offset, headings FROM pages
WHERE revision_id = %(revision_id)s AND start_offset <= %(up_to)s AND headings <> '[]'
ORDER BY start_offset
"""

# pages_pkey
_DISCARD: Final = "DELETE FROM pages WHERE revision_id = %(revision_id)s"


class PgPageStore:
    """The PageStore port. Boxes come back rounded to single precision."""

    def __init__(self, database: PgDatabase) -> None:
        self._database = database

    async def add(self, revision_id: RevisionId, pages: Sequence[Page]) -> None:
        """See the port. Raises StaleLease if the revision is gone."""
        placed = {page.start: page for page in pages}
        rows = [_pack(revision_id, page) for page in placed.values()]
        async with self._database.transaction() as connection:
            await lock_revision(connection, revision_id)
            await connection.execute(_REMOVE, {"revision_id": revision_id, "starts": list(placed)})
            await copy_rows(connection, _TABLE, rows)

    async def read(
        self, revision_id: RevisionId, *, span: Span | None = None, limit: int | None = None
    ) -> Sequence[Page]:
        parameters: dict[str, object] = {"revision_id": revision_id, "limit": limit}
        if span is None:
            query = _READ_ALL
        elif not len(span):
            return []
        else:
            query = _READ_SPAN
            parameters |= {"start": span.start, "end": span.end}
        async with self._database.connection() as connection:
            cursor = await connection.execute(query, parameters, binary=True)
            return [_page(row) async for row in cursor]

    async def extent(self, revision_id: RevisionId) -> Extent:
        async with self._database.connection() as connection:
            row = await (await connection.execute(_EXTENT, {"revision_id": revision_id})).fetchone()
            return Extent(*row) if row else Extent()

    async def headings(self, revision_id: RevisionId, *, up_to: int) -> Sequence[Heading]:
        parameters = {"revision_id": revision_id, "up_to": up_to}
        async with self._database.connection() as connection:
            cursor = await connection.execute(_HEADINGS, parameters, binary=True)
            found = [
                Heading(page_start + start, level, title)
                async for page_start, headings in cursor
                for start, level, title in headings
            ]
            return [heading for heading in found if heading.start <= up_to]

    async def discard(self, revision_id: RevisionId) -> None:
        async with self._database.connection() as connection:
            await connection.execute(_DISCARD, {"revision_id": revision_id})


def _pack(revision_id: RevisionId, page: Page) -> bytes:
    """A row for COPY, of _TABLE."""
    headings = [[heading.start, heading.level, heading.title] for heading in page.headings]
    return pack_row(
        pack_bigint(revision_id),
        pack_int(page.start),
        pack_int(page.span.end),
        pack_int(page.number),
        page.text.encode(),
        pack_lines(page.lines),
        pack_jsonb(json.dumps(headings)),
        page.problem.replace("\0", "\ufffd").encode(),
    )


def _page(row: tuple[Any, ...]) -> Page:
    number, start, text, lines, headings, problem = row
    return Page(
        number=number,
        start=start,
        text=text,
        lines=unpack_lines(lines),
        headings=tuple(Heading(*heading) for heading in headings),
        problem=problem,
    )
