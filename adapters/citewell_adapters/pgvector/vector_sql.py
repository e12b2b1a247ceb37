"""The statements of the vector store besides the search and the indexing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Self

from psycopg import sql

from citewell_adapters.pgvector.candidates import CandidateStatements
from citewell_adapters.pgvector.chunk_rows import CHUNK_COLUMNS
from citewell_adapters.pgvector.indexing import IndexStatements
from citewell_adapters.pgvector.nearest import NearestStatements
from citewell_adapters.pgvector.recall import RecallStatements
from citewell_adapters.pgvector.spaces import OpenedSpace

__all__ = [
    "DELETE_CHUNKS",
    "DELETE_STAGED",
    "DISCARD_VECTORS",
    "HITS",
    "LAST_STAGED",
    "LOCK_DOCUMENT",
    "LOCK_FOR_DELETE",
    "PRUNE_CHUNKS",
    "STAGED_TABLE",
    "UNSTAGE",
    "SpaceStatements",
]

# chunks_pkey, staged_vectors_pkey: what is staged again
UNSTAGE: Final = """
WITH texts AS (
    DELETE FROM chunks WHERE revision_id = %(revision_id)s AND chunk_index = ANY(%(indexes)s::int[])
)
DELETE FROM staged_vectors
WHERE revision_id = %(revision_id)s AND space_id = %(space_id)s AND chunk_index = ANY(%(indexes)s::int[])
"""
STAGED_TABLE: Final = "staged_vectors (revision_id, space_id, chunk_index, embedding)"

# chunks_pkey, revisions_pkey, documents_pkey, collections_pkey. What is live no more has no chunks.
HITS: Final = f"""
SELECT w.place, d.id, d.name, c.name, encode(r.sha256, 'hex'), {CHUNK_COLUMNS}
FROM unnest(%(revision_ids)s::bigint[], %(indexes)s::int[]) WITH ORDINALITY
    AS w (revision_id, chunk_index, place)
JOIN chunks AS t ON t.revision_id = w.revision_id AND t.chunk_index = w.chunk_index
JOIN revisions AS r ON r.id = w.revision_id
JOIN documents AS d ON d.id = r.document_id
JOIN collections AS c ON c.id = d.collection_id
"""  # noqa: S608 - made of constants

# staged_vectors_pkey, unindexed_pkey, chunks_pkey. Past a gap the indexes run ahead of their rank.
LAST_STAGED: Final = f"""
SELECT {CHUNK_COLUMNS}
FROM chunks AS t
WHERE t.revision_id = %(revision_id)s
    AND t.chunk_index = (
        SELECT max(chunk_index) FROM (
            SELECT chunk_index, row_number() OVER (ORDER BY chunk_index) - 1 AS rank
            FROM staged_vectors WHERE revision_id = %(revision_id)s AND space_id = %(space_id)s
        ) AS ranked
        WHERE chunk_index = rank
    )
    AND NOT EXISTS (
        SELECT FROM unindexed WHERE revision_id = %(revision_id)s AND space_id = %(space_id)s
    )
"""  # noqa: S608 - made of constants

# documents_pkey. Against the indexer too, which shares the row. A delete takes the whole lock at once: to ask
# for more later would be a deadlock with those who share the row meanwhile.
LOCK_DOCUMENT: Final = "SELECT collection_id FROM documents WHERE id = %(document_id)s FOR NO KEY UPDATE"
LOCK_FOR_DELETE: Final = "SELECT collection_id FROM documents WHERE id = %(document_id)s FOR UPDATE"

# unindexed_pkey, staged_vectors_pkey, vectors_<space>_pkey. The vectors in the index are of one revision.
_IS_NEWS: Final = sql.SQL(
    """
    SELECT NOT EXISTS (
        SELECT FROM unindexed WHERE revision_id = %(revision_id)s AND space_id = %(space_id)s
    ) AND (
        EXISTS (SELECT FROM staged_vectors WHERE revision_id = %(revision_id)s AND space_id = %(space_id)s)
        OR (
            SELECT revision_id FROM {vectors}
            WHERE collection_id = %(collection_id)s AND document_id = %(document_id)s LIMIT 1
        ) IS DISTINCT FROM %(revision_id)s
    )
    """
)

# unindexed_space_id_collection_id_document_id_key, vectors_<space>_pkey, staged_vectors_pkey, chunks_pkey.
# How many chunks are live now, how many were before, and whether the revision was live itself. The count of
# what waited is asked for so that it goes first: the new row takes its key.
_PUBLISH: Final = sql.SQL(
    """
    WITH waiting AS (
        DELETE FROM unindexed
        WHERE space_id = %(space_id)s AND collection_id = %(collection_id)s AND document_id = %(document_id)s
        RETURNING revision_id, chunk_count
    ), indexed AS (
        DELETE FROM {vectors} WHERE collection_id = %(collection_id)s AND document_id = %(document_id)s
        RETURNING revision_id
    ), former AS (
        SELECT revision_id FROM waiting UNION SELECT revision_id FROM indexed
    ), vectors AS (
        DELETE FROM staged_vectors AS s USING waiting AS w
        WHERE s.revision_id = w.revision_id AND s.space_id = %(space_id)s
    ), texts AS (
        DELETE FROM chunks AS t USING former AS f
        WHERE t.revision_id = f.revision_id AND t.revision_id <> %(revision_id)s
    ), live AS (
        INSERT INTO unindexed (revision_id, space_id, collection_id, document_id, chunk_count)
        SELECT %(revision_id)s, %(space_id)s, %(collection_id)s, %(document_id)s, staged
        FROM (
            SELECT count(*) AS staged FROM staged_vectors
            WHERE revision_id = %(revision_id)s AND space_id = %(space_id)s
        ) AS counted
        WHERE staged > 0 AND (SELECT count(*) FROM waiting) >= 0
        RETURNING chunk_count
    )
    SELECT (SELECT coalesce(sum(chunk_count), 0) FROM live),
        (SELECT coalesce(sum(chunk_count), 0) FROM waiting) + (SELECT count(*) FROM indexed),
        EXISTS (SELECT FROM former WHERE revision_id = %(revision_id)s)
    """
)

# chunks_pkey, staged_vectors_pkey. OFFSET 0: as a join, a planner that takes staged_vectors for empty, as it
# mostly is, would compare all rows with all.
PRUNE_CHUNKS: Final = """
DELETE FROM chunks AS t WHERE t.revision_id = %(revision_id)s AND NOT EXISTS (
    SELECT FROM staged_vectors AS s
    WHERE s.revision_id = t.revision_id AND s.space_id = %(space_id)s AND s.chunk_index = t.chunk_index
    OFFSET 0
)
"""

# documents_pkey, unindexed_space_id_collection_id_document_id_key, vectors_<space>_pkey, chunks_pkey
_CHUNKS: Final = sql.SQL(
    f"""
    SELECT {CHUNK_COLUMNS}
    FROM chunks AS t
    WHERE t.chunk_index > %(after)s AND t.revision_id = coalesce((
        SELECT u.revision_id FROM documents AS d
        JOIN unindexed AS u ON u.collection_id = d.collection_id AND u.document_id = d.id
        WHERE d.id = %(document_id)s AND u.space_id = {{space_id}}
    ), (
        SELECT v.revision_id FROM documents AS d
        JOIN {{vectors}} AS v ON v.collection_id = d.collection_id AND v.document_id = d.id
        WHERE d.id = %(document_id)s LIMIT 1
    ))
    ORDER BY t.chunk_index LIMIT %(limit)s
    """  # noqa: S608 - made of constants
)

# staged_vectors_pkey, unindexed_pkey. What waits for its place in the index is live, not staged.
DISCARD_VECTORS: Final = """
DELETE FROM staged_vectors WHERE revision_id = %(revision_id)s AND NOT EXISTS (
    SELECT FROM unindexed WHERE revision_id = %(revision_id)s AND space_id = %(space_id)s
)
"""

# chunks_pkey; unindexed_pkey, and revisions_pkey, documents_pkey and vectors_<space>_pkey, once
_DISCARD_CHUNKS: Final = sql.SQL(
    """
    DELETE FROM chunks WHERE revision_id = %(revision_id)s AND NOT EXISTS (
        SELECT FROM unindexed WHERE revision_id = %(revision_id)s AND space_id = %(space_id)s
    ) AND NOT EXISTS (
        SELECT FROM revisions AS r
        JOIN documents AS d ON d.id = r.document_id
        JOIN {vectors} AS v ON v.collection_id = d.collection_id AND v.document_id = d.id
        WHERE r.id = %(revision_id)s AND v.revision_id = r.id
    )
    """
)

# vectors_<space>_pkey, unindexed_space_id_collection_id_document_id_key. How many chunks were live.
_DELETE_LIVE: Final = sql.SQL(
    """
    WITH indexed AS (
        DELETE FROM {vectors} WHERE collection_id = %(collection_id)s AND document_id = %(document_id)s
        RETURNING 1
    ), waiting AS (
        DELETE FROM unindexed
        WHERE space_id = %(space_id)s AND collection_id = %(collection_id)s AND document_id = %(document_id)s
        RETURNING chunk_count
    )
    SELECT (SELECT count(*) FROM indexed) + (SELECT coalesce(sum(chunk_count), 0) FROM waiting)
    """
)

# revisions_document_id_id_key, then staged_vectors_pkey and chunks_pkey
DELETE_STAGED: Final = """
DELETE FROM staged_vectors AS s USING revisions AS r
WHERE r.document_id = %(document_id)s AND s.revision_id = r.id
"""
DELETE_CHUNKS: Final = """
DELETE FROM chunks AS t USING revisions AS r WHERE r.document_id = %(document_id)s AND t.revision_id = r.id
"""


@dataclass(frozen=True, slots=True)
class SpaceStatements:
    """The statements that name a space's table of vectors."""

    space_id: int
    is_news: sql.Composed
    publish: sql.Composed
    chunks: bytes
    discard_chunks: sql.Composed
    delete_live: sql.Composed
    nearest: NearestStatements
    candidates: CandidateStatements
    indexing: IndexStatements
    recall: RecallStatements

    @classmethod
    def of(cls, space: OpenedSpace, *, max_exact_chunks: int, max_exact_matching: int, view: int) -> Self:
        """For an opened space.

        max_exact_chunks, max_exact_matching: up to how many chunks a collection, and what a filter lets
        through, is read whole. view: how many of the nearest the index keeps in view.
        """
        vectors = space.vectors
        nearest = NearestStatements(
            space, max_exact_chunks=max_exact_chunks, max_exact_matching=max_exact_matching, view=view
        )
        return cls(
            space_id=space.id,
            is_news=_IS_NEWS.format(vectors=vectors),
            publish=_PUBLISH.format(vectors=vectors),
            chunks=_CHUNKS.format(vectors=vectors, space_id=space.id).as_bytes(),
            discard_chunks=_DISCARD_CHUNKS.format(vectors=vectors),
            delete_live=_DELETE_LIVE.format(vectors=vectors),
            nearest=nearest,
            candidates=CandidateStatements(nearest),
            indexing=IndexStatements(space),
            recall=RecallStatements(space),
        )
