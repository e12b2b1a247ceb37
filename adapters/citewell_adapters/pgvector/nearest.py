"""The statements that find the nearest chunks, one for each way to get there.

    some documents         read their vectors through the key
    a small collection     read its vectors through the key
    a large collection     HNSW in the order of the index; the key if that came back short
    everything             the same, small or large by the size of the table

Live vectors that wait for the index are read through their keys and merged in.

Each is one statement, so one round trip, and sees one state of the data, in which every live vector is either
in the index or waits for it. `k` stands in it as a number, not as a parameter: PostgreSQL plans a LIMIT that
it does not know for a tenth of the table, and would plan anew for each execution, which takes longer than
the search.
"""

from __future__ import annotations

from typing import Final, LiteralString

from psycopg import sql

from citewell.model import Scope
from citewell_adapters.pgvector.chunk_rows import CHUNK_COLUMNS
from citewell_adapters.pgvector.spaces import OpenedSpace

__all__ = ["MAX_EXACT_CHUNKS", "NearestStatements", "documents_clause"]

#: Collections up to this size are read whole: 1.5 ms at 384 dimensions, 5 ms at 1,536, about what HNSW takes.
MAX_EXACT_CHUNKS: Final = 2_000

#: pgvector has no cosine for a vector of zeros and says NaN. Nothing is similar to it: it comes last.
#: Sorting by this expression also keeps PostgreSQL from using HNSW, where the result is to be exact.
_SIMILARITY: Final = "coalesce(nullif(1 - (v.embedding <=> %(vector)s::halfvec), 'NaN'), -1)"

_FOUND: Final = f"SELECT v.document_id, v.revision_id, v.chunk_index, {_SIMILARITY} AS similarity"
_BEST_FIRST: Final = "similarity DESC, document_id, chunk_index"

# staged_vectors_pkey. OFFSET 0 keeps PostgreSQL from joining in another order: there is more in the table.
_STAGED: Final = """
    SELECT u.document_id, s.revision_id, s.chunk_index, s.embedding
    FROM staged_vectors AS s
    WHERE s.revision_id = u.revision_id AND s.space_id = {space_id}
    OFFSET 0
"""

# documents_pkey, vectors_<space>_pkey, unindexed_space_id_collection_id_document_id_key
_EXACT_IN_DOCUMENTS: Final = f"""
    {_FOUND}
    FROM documents AS d
    CROSS JOIN LATERAL (
        SELECT v.document_id, v.revision_id, v.chunk_index, v.embedding
        FROM {{vectors}} AS v
        WHERE v.collection_id = d.collection_id AND v.document_id = d.id
        UNION ALL
        SELECT w.*
        FROM unindexed AS u CROSS JOIN LATERAL ({_STAGED}) AS w
        WHERE u.space_id = {{space_id}} AND u.collection_id = d.collection_id AND u.document_id = d.id
    ) AS v
    WHERE {{documents}}
    ORDER BY {_BEST_FIRST} LIMIT {{k}}
"""  # noqa: S608 - made of constants

# vectors_<space>_hnsw, or vectors_<space>_pkey; for what is not in them yet,
# unindexed_space_id_collection_id_document_id_key. `within` filters while the index is walked, so it must not
# invite PostgreSQL to another index; the CASE also keeps it from thinking that nearly nothing passes.
_INDEXED: Final = f"""
    WITH scope AS MATERIALIZED (
        {{scope}}
    ), nearest AS MATERIALIZED (
        {_FOUND}
        FROM {{vectors}} AS v
        WHERE (SELECT large FROM scope) AND CASE WHEN {{within}} THEN true ELSE false END
        ORDER BY v.embedding <=> %(vector)s::halfvec LIMIT {{candidates}}
    ), exact AS MATERIALIZED (
        {_FOUND}
        FROM {{vectors}} AS v
        WHERE (SELECT count(*) FROM nearest) < {{k}} AND {{within}}
        ORDER BY {_BEST_FIRST} LIMIT {{k}}
    ), waiting AS MATERIALIZED (
        {_FOUND}
        FROM unindexed AS u CROSS JOIN LATERAL ({_STAGED}) AS v
        WHERE u.space_id = {{space_id}} AND {{waiting_within}}
        ORDER BY {_BEST_FIRST} LIMIT {{k}}
    )
    SELECT * FROM exact
    UNION ALL
    SELECT * FROM nearest WHERE NOT EXISTS (SELECT FROM exact)
    UNION ALL
    SELECT * FROM waiting
    ORDER BY {_BEST_FIRST} LIMIT {{k}}
"""  # noqa: S608 - made of constants

# collections_name_key
_COLLECTION: Final = (
    "SELECT id, chunk_count > {max_exact} AS large FROM collections WHERE name = %(collection)s"
)
_WITHIN_COLLECTION: Final = "v.collection_id = (SELECT id FROM scope)"
_WAITING_WITHIN_COLLECTION: Final = "u.collection_id = (SELECT id FROM scope)"

_EVERYTHING: Final = "SELECT pg_relation_size({name}::regclass) > {max_bytes} AS large"

# chunks_pkey, revisions_pkey, documents_pkey, collections_pkey: for the winners only.
_HITS: Final = f"""
SELECT hit.similarity, d.id, d.name, c.name, encode(r.sha256, 'hex'), {CHUNK_COLUMNS}
FROM ({{found}}) AS hit
JOIN chunks AS t ON t.revision_id = hit.revision_id AND t.chunk_index = hit.chunk_index
JOIN revisions AS r ON r.id = hit.revision_id
JOIN documents AS d ON d.id = hit.document_id
JOIN collections AS c ON c.id = d.collection_id
ORDER BY hit.similarity DESC, hit.document_id, hit.chunk_index
"""  # noqa: S608 - made of constants

_ONE_DOCUMENT: Final = "d.id = %(documents)s"
_DOCUMENTS: Final = "d.id = ANY(%(documents)s)"
_AND_COLLECTION: Final = " AND d.collection_id = (SELECT id FROM collections WHERE name = %(collection)s)"

#: At least so many are taken besides the k that are wanted, and no fewer than k: the index gives its last
#: ones out of order. At k = 100 in a sixth of 50,000 chunks this finds 98 % of what it should, not 95 %.
_SPARE_CANDIDATES: Final = 10

#: What a vector costs in its table besides its numbers.
_ROW_BYTES: Final = 72


class NearestStatements:
    """The statements for one space's vectors, each made once."""

    def __init__(self, space: OpenedSpace, *, max_exact_chunks: int) -> None:
        self._names = {
            "vectors": space.vectors,
            "space_id": space.id,
            "name": sql.Literal(space.vectors.as_string()),
            "max_exact": max_exact_chunks,
            "max_bytes": max_exact_chunks * (_ROW_BYTES + 2 * space.space.dimensions),
        }
        self._made: dict[tuple[bool, bool, bool, int], bytes] = {}

    def choose(self, scope: Scope, *, k: int) -> tuple[bytes, dict[str, object]]:
        """The statement for the scope, and its parameters besides `vector`."""
        documents = scope.document_ids
        one, several = documents is not None and len(documents) == 1, documents is not None
        key = (one, several, scope.collection is not None, k)
        statement = self._made.get(key)
        if statement is None:
            hits = sql.SQL(_HITS).format(found=self.found(scope, k=k))
            statement = self._made[key] = hits.as_bytes()
        return statement, self.parameters(scope)

    def found(self, scope: Scope, *, k: int) -> sql.Composed:
        """The part that finds them: document_id, revision_id, chunk_index, similarity, not in order."""
        names = {**self._names, "k": k, "candidates": k + max(k, _SPARE_CANDIDATES)}
        return sql.SQL(_found(scope)).format(**names)

    @staticmethod
    def parameters(scope: Scope) -> dict[str, object]:
        """Those of the statements, besides `vector`."""
        parameters: dict[str, object] = {"collection": scope.collection}
        documents = scope.document_ids
        if documents is not None:
            parameters["documents"] = documents[0] if len(documents) == 1 else list(documents)
        return parameters


def documents_clause(scope: Scope) -> LiteralString | None:
    """That `d` is one of the scope's documents; None if it names none."""
    if scope.document_ids is None:
        return None
    documents = _ONE_DOCUMENT if len(scope.document_ids) == 1 else _DOCUMENTS
    return documents + (_AND_COLLECTION if scope.collection is not None else "")


def _found(scope: Scope) -> LiteralString:
    documents = documents_clause(scope)
    if documents is not None:
        return _EXACT_IN_DOCUMENTS.replace("{documents}", documents)
    within, condition, waiting = (
        (_COLLECTION, _WITHIN_COLLECTION, _WAITING_WITHIN_COLLECTION)
        if scope.collection is not None
        else (_EVERYTHING, "true", "true")
    )
    statement = _INDEXED.replace("{scope}", within).replace("{within}", condition)
    return statement.replace("{waiting_within}", waiting)
