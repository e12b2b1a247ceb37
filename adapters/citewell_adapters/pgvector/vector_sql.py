"""The statements of the vector store besides the search."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Self

from psycopg import sql

from citewell_adapters.pgvector.nearest import NearestStatements
from citewell_adapters.pgvector.spaces import OpenedSpace

__all__ = [
    "DELETE_CHUNKS",
    "DELETE_STAGED",
    "DISCARD_VECTORS",
    "LAST_STAGED",
    "LOCK_DOCUMENT",
    "LOCK_FOR_DELETE",
    "STAGE_CHUNK",
    "STAGE_VECTOR",
    "SpaceStatements",
]

# chunks_pkey
STAGE_CHUNK: Final = """
INSERT INTO chunks (revision_id, chunk_index, span_start, span_end, first_page, last_page, token_count,
    heading_path, text)
VALUES (%(revision_id)s, %(index)s, %(start)s, %(end)s, %(first_page)s, %(last_page)s, %(token_count)s,
    %(heading_path)s, %(text)s)
ON CONFLICT (revision_id, chunk_index) DO UPDATE
SET span_start = excluded.span_start, span_end = excluded.span_end, first_page = excluded.first_page,
    last_page = excluded.last_page, token_count = excluded.token_count,
    heading_path = excluded.heading_path, text = excluded.text
"""

# staged_vectors_pkey
STAGE_VECTOR: Final = """
INSERT INTO staged_vectors (revision_id, space_id, chunk_index, embedding)
VALUES (%(revision_id)s, %(space_id)s, %(index)s, %(vector)s)
ON CONFLICT (revision_id, space_id, chunk_index) DO UPDATE SET embedding = excluded.embedding
"""

# staged_vectors_pkey. Past a gap the indexes run ahead of their rank.
LAST_STAGED: Final = """
SELECT t.chunk_index, t.span_start, t.span_end, t.text, t.first_page, t.last_page, t.heading_path,
    t.token_count
FROM chunks AS t
WHERE t.revision_id = %(revision_id)s AND t.chunk_index = (
    SELECT max(chunk_index) FROM (
        SELECT chunk_index, row_number() OVER (ORDER BY chunk_index) - 1 AS rank
        FROM staged_vectors WHERE revision_id = %(revision_id)s AND space_id = %(space_id)s
    ) AS ranked
    WHERE chunk_index = rank
)
"""

# documents_pkey. A delete takes the whole lock at once: to ask for more later would be a deadlock with those
# who share the row meanwhile.
LOCK_DOCUMENT: Final = "SELECT collection_id FROM documents WHERE id = %(document_id)s FOR NO KEY UPDATE"
LOCK_FOR_DELETE: Final = "SELECT collection_id FROM documents WHERE id = %(document_id)s FOR UPDATE"

# vectors_<space>_pkey, staged_vectors_pkey. One statement, so that the collection's row is locked by the
# triggers only after the vectors are in the index, which takes a while. The count of what is gone is asked
# for so that it goes first: the new rows take its keys.
_PUBLISH: Final = sql.SQL(
    """
    WITH gone AS (
        DELETE FROM {vectors}
        WHERE collection_id = %(collection_id)s AND document_id = %(document_id)s
            AND (revision_id <> %(revision_id)s OR EXISTS (
                SELECT FROM staged_vectors WHERE revision_id = %(revision_id)s AND space_id = %(space_id)s
            ))
        RETURNING 1
    ), staged AS (
        DELETE FROM staged_vectors WHERE revision_id = %(revision_id)s AND space_id = %(space_id)s
        RETURNING chunk_index, embedding
    )
    INSERT INTO {vectors} (collection_id, document_id, revision_id, chunk_index, embedding)
    SELECT %(collection_id)s, %(document_id)s, %(revision_id)s, chunk_index, embedding
    FROM staged
    WHERE (SELECT count(*) FROM gone) >= 0
    ORDER BY chunk_index
    """
)

# documents_pkey, vectors_<space>_pkey, chunks_pkey
_CHUNKS: Final = sql.SQL(
    """
    SELECT t.chunk_index, t.span_start, t.span_end, t.text, t.first_page, t.last_page, t.heading_path,
        t.token_count
    FROM documents AS d
    JOIN {vectors} AS v ON v.collection_id = d.collection_id AND v.document_id = d.id
    JOIN chunks AS t ON t.revision_id = v.revision_id AND t.chunk_index = v.chunk_index
    WHERE d.id = %(document_id)s AND v.chunk_index > %(after)s
    ORDER BY v.chunk_index LIMIT %(limit)s
    """
)

# staged_vectors_pkey
DISCARD_VECTORS: Final = "DELETE FROM staged_vectors WHERE revision_id = %(revision_id)s"

# chunks_pkey; revisions_pkey, documents_pkey and vectors_<space>_pkey, once
_DISCARD_CHUNKS: Final = sql.SQL(
    """
    DELETE FROM chunks WHERE revision_id = %(revision_id)s AND NOT EXISTS (
        SELECT FROM revisions AS r
        JOIN documents AS d ON d.id = r.document_id
        JOIN {vectors} AS v ON v.collection_id = d.collection_id AND v.document_id = d.id
        WHERE r.id = %(revision_id)s AND v.revision_id = r.id
    )
    """
)

# vectors_<space>_pkey; revisions_document_id_id_key, then staged_vectors_pkey and chunks_pkey
_DELETE_VECTORS: Final = sql.SQL(
    "DELETE FROM {vectors} WHERE collection_id = %(collection_id)s AND document_id = %(document_id)s"
)
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
    publish: sql.Composed
    chunks: bytes
    discard_chunks: sql.Composed
    delete_vectors: sql.Composed
    nearest: NearestStatements

    @classmethod
    def of(cls, space: OpenedSpace, *, max_exact_chunks: int) -> Self:
        """For an opened space; max_exact_chunks: up to how many a collection is read whole."""
        vectors = space.vectors
        return cls(
            space_id=space.id,
            publish=_PUBLISH.format(vectors=vectors),
            chunks=_CHUNKS.format(vectors=vectors).as_bytes(),
            discard_chunks=_DISCARD_CHUNKS.format(vectors=vectors),
            delete_vectors=_DELETE_VECTORS.format(vectors=vectors),
            nearest=NearestStatements(
                vectors, dimensions=space.space.dimensions, max_exact_chunks=max_exact_chunks
            ),
        )
