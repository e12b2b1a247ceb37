"""The index beside exact searches, and chunks drawn by chance."""

from __future__ import annotations

from typing import Final

from psycopg import sql

from citewell.model import Scope
from citewell_adapters.pgvector.candidates import CandidateStatements
from citewell_adapters.pgvector.nearest import NearestStatements
from citewell_adapters.pgvector.spaces import OpenedSpace

__all__ = ["RecallStatements"]

#: More chunks than there are.
_ALL: Final = 1 << 40

# collections_name_key; vectors_<space>_pkey, unindexed_space_id_collection_id_document_id_key; for what was
# drawn: vectors_<space>_pkey, chunks_pkey
_SAMPLE: Final = sql.SQL(
    """
    WITH searched AS MATERIALIZED (
        SELECT id FROM collections WHERE %(collection)s::text IS NULL OR name = %(collection)s::text
    ), keys AS MATERIALIZED (
        SELECT collection_id, document_id, chunk_index, NULL::bigint AS revision_id FROM {vectors}
        WHERE collection_id = ANY(ARRAY(SELECT id FROM searched))
        UNION ALL
        SELECT u.collection_id, u.document_id, s.chunk_index, s.revision_id
        FROM unindexed AS u CROSS JOIN LATERAL (
            SELECT s.chunk_index, s.revision_id FROM staged_vectors AS s
            WHERE s.revision_id = u.revision_id AND s.space_id = u.space_id
            OFFSET 0
        ) AS s
        WHERE u.space_id = {space_id} AND u.collection_id = ANY(ARRAY(SELECT id FROM searched))
    ), drawn AS MATERIALIZED (
        SELECT * FROM keys ORDER BY random() LIMIT %(limit)s
    )
    SELECT t.text
    FROM drawn AS w CROSS JOIN LATERAL (
        SELECT coalesce(w.revision_id, (
            SELECT v.revision_id FROM {vectors} AS v
            WHERE v.collection_id = w.collection_id AND v.document_id = w.document_id
                AND v.chunk_index = w.chunk_index
        )) AS revision_id
        OFFSET 0
    ) AS r
    JOIN chunks AS t ON t.revision_id = r.revision_id AND t.chunk_index = w.chunk_index
    """
)


class RecallStatements:
    """The statements for one space's vectors."""

    def __init__(self, space: OpenedSpace) -> None:
        self.sample = _SAMPLE.format(vectors=space.vectors, space_id=sql.Literal(space.id))
        nearest = NearestStatements(space, max_exact_chunks=_ALL, max_exact_matching=_ALL, view=1)
        self._exact = CandidateStatements(nearest)

    def exact(self, scope: Scope, *, k: int) -> tuple[bytes, dict[str, object]]:
        """The statement that finds the nearest without the index, and its parameters besides `vector`."""
        return self._exact.choose(scope, (), k=k, dense=True)
