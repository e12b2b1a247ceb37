"""What is stored when all is over, read from the database and the folders: the only module with its SQL."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import psycopg
from psycopg import sql

__all__ = ["Remains", "StoredDocument", "inspect"]


@dataclass(frozen=True, slots=True)
class StoredDocument:
    """A row of documents. live_sha256, newest_sha256: in hex; live_vectors: how many a search could find.

    readied: how often it was told to be ready since it was made.
    """

    document_id: str
    collection: str
    status: str
    live_sha256: str | None
    newest_sha256: str
    live_vectors: int
    chunk_count: int | None
    readied: int


@dataclass(frozen=True, slots=True)
class Remains:
    """Everything that is stored.

    stray: names of places and how many rows or files of what is over each holds; none is left out because
    it is empty. blobs: the SHA-256 of stored files; wanted_blobs: of those that revisions refer to.
    """

    documents: Sequence[StoredDocument]
    stray: Mapping[str, int]
    blobs: frozenset[str]
    wanted_blobs: frozenset[str]


_SPACE: Final = "SELECT id FROM embedding_spaces WHERE active"

_LIVE_VECTORS: Final = sql.SQL(
    """
    (SELECT count(*) FROM {vectors} AS v
        WHERE v.document_id = d.id AND v.revision_id = d.live_revision_id)
    + (SELECT count(*) FROM staged_vectors AS s JOIN unindexed AS u USING (revision_id, space_id)
        WHERE s.space_id = {space_id} AND s.revision_id = d.live_revision_id)
    """
)

_DOCUMENTS: Final = sql.SQL(
    """
    SELECT d.id::text, c.name, j.status, encode(live.sha256, 'hex'), encode(newest.sha256, 'hex'), {vectors},
        live.chunk_count,
        (SELECT count(*) FROM document_events AS e WHERE e.document_id = d.id AND e.status = 'ready')
    FROM documents AS d
    JOIN collections AS c ON c.id = d.collection_id
    JOIN jobs AS j ON j.document_id = d.id
    JOIN revisions AS newest ON newest.id = j.revision_id
    LEFT JOIN revisions AS live ON live.id = d.live_revision_id
    ORDER BY d.created_at
    """
)

#: Each counts rows that are there although what they were for is over.
_STRAY: Final[Mapping[str, str]] = {
    "jobs that have not ended": "SELECT count(*) FROM jobs WHERE status IN ('queued', 'processing')",
    "documents without a job": """
        SELECT count(*) FROM documents AS d
        WHERE NOT EXISTS (SELECT FROM jobs AS j WHERE j.document_id = d.id)
    """,
    "staged vectors of what is not live": """
        SELECT count(*) FROM staged_vectors AS s WHERE NOT EXISTS (
            SELECT FROM unindexed AS u JOIN documents AS d ON d.live_revision_id = u.revision_id
            WHERE u.revision_id = s.revision_id AND u.space_id = s.space_id
        )
    """,
    "unindexed revisions that are not live": """
        SELECT count(*) FROM unindexed AS u
        WHERE NOT EXISTS (SELECT FROM documents AS d WHERE d.live_revision_id = u.revision_id)
    """,
    "words of revisions that are not live": """
        SELECT count(*) FROM lexical AS l
        WHERE NOT EXISTS (SELECT FROM documents AS d WHERE d.live_revision_id = l.revision_id)
    """,
    "staged words of what is not live": """
        SELECT count(*) FROM staged_terms AS s WHERE NOT EXISTS (
            SELECT FROM unindexed_words AS u JOIN documents AS d ON d.live_revision_id = u.revision_id
            WHERE u.revision_id = s.revision_id
        )
    """,
    "revisions with unindexed words that are not live": """
        SELECT count(*) FROM unindexed_words AS u
        WHERE NOT EXISTS (SELECT FROM documents AS d WHERE d.live_revision_id = u.revision_id)
    """,
    "chunks without words": """
        SELECT count(*) FROM chunks AS t JOIN documents AS d ON d.live_revision_id = t.revision_id
        WHERE NOT EXISTS (
            SELECT FROM lexical AS l
            WHERE l.collection_id = d.collection_id AND l.document_id = d.id AND l.chunk_index = t.chunk_index
        ) AND NOT EXISTS (
            SELECT FROM staged_terms AS s
            WHERE s.revision_id = t.revision_id AND s.chunk_index = t.chunk_index
        )
    """,
    "words that collections miscount": """
        SELECT count(*) FROM (
            SELECT collection_id, term, sum(chunks) AS chunks FROM (
                SELECT collection_id, term, chunks FROM term_counts
                UNION ALL
                SELECT collection_id, term, chunks FROM term_changes
                UNION ALL
                SELECT collection_id, term, -1 FROM lexical CROSS JOIN LATERAL unnest(terms) AS term
                WHERE term >= 0
            ) AS counted
            GROUP BY collection_id, term
        ) AS summed
        WHERE chunks <> 0
    """,
    "pages of revisions that are not live": """
        SELECT count(*) FROM pages AS p
        WHERE NOT EXISTS (SELECT FROM documents AS d WHERE d.live_revision_id = p.revision_id)
    """,
    "chunks of revisions that are not live": """
        SELECT count(*) FROM chunks AS t
        WHERE NOT EXISTS (SELECT FROM documents AS d WHERE d.live_revision_id = t.revision_id)
    """,
    "revisions that nobody needs": """
        SELECT count(*) FROM revisions AS r WHERE NOT EXISTS (
            SELECT FROM documents AS d JOIN jobs AS j ON j.document_id = d.id
            WHERE d.id = r.document_id AND r.id IN (d.live_revision_id, j.revision_id)
        )
    """,
    "suspected orphans that were not looked at": """
        SELECT count(*) FROM content_suspects WHERE due_at < now() - interval '30 s'
    """,
}

_VECTORS_OF_OTHERS: Final = sql.SQL(
    """
    SELECT count(*) FROM {vectors} AS v
    WHERE NOT EXISTS (SELECT FROM documents AS d WHERE d.live_revision_id = v.revision_id)
    """
)

#: By how much the counts that collections keep differ from what is there.
_MISCOUNTED: Final = sql.SQL(
    """
    SELECT coalesce(sum(abs(c.chunk_count - (
        SELECT coalesce(sum({live}), 0) FROM documents AS d WHERE d.collection_id = c.id
    ))), 0)
    FROM collections AS c
    """
)

_WANTED: Final = """
SELECT encode(sha256, 'hex') FROM revisions
UNION SELECT encode(unlocked_sha256, 'hex') FROM revisions WHERE unlocked_sha256 IS NOT NULL
"""


async def inspect(database_url: str, data_dir: Path) -> Remains:
    """Reads it all in one transaction. Raises psycopg.Error if the database is away."""
    async with await psycopg.AsyncConnection.connect(database_url) as connection:
        [space] = await _rows(connection, _SPACE)
        names = {"vectors": sql.Identifier(f"vectors_{space[0]}"), "space_id": sql.Literal(space[0])}
        live = _LIVE_VECTORS.format(**names)
        rows = await _rows(connection, _DOCUMENTS.format(vectors=live))
        stray = {name: await _count(connection, query) for name, query in _STRAY.items()}
        stray["vectors of what is not live"] = await _count(connection, _VECTORS_OF_OTHERS.format(**names))
        stray["chunks that collections miscount"] = await _count(connection, _MISCOUNTED.format(live=live))
        wanted = frozenset(row[0] for row in await _rows(connection, _WANTED))
    stray["unfinished uploads"] = _files(data_dir / "blobs" / "incoming")
    stray["scratch files"] = _files(data_dir / "scratch")
    drawn = {path.name for path in (data_dir / "page-images").glob("*")}
    stray["images of pages of what is not there"] = len(drawn - wanted)
    blobs = frozenset(path.name for path in (data_dir / "blobs" / "sha256").rglob("*") if path.is_file())
    return Remains([StoredDocument(*row) for row in rows], stray, blobs, wanted)


async def _rows(connection: psycopg.AsyncConnection[Any], query: Any) -> list[tuple[Any, ...]]:
    return await (await connection.execute(query)).fetchall()


async def _count(connection: psycopg.AsyncConnection[Any], query: Any) -> int:
    return int((await _rows(connection, query))[0][0])


def _files(folder: Path) -> int:
    # A process that lives holds a lock in its folder.
    return sum(path.is_file() and path.name != ".lock" for path in folder.rglob("*"))
