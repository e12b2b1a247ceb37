"""The statements that find the nearest chunks, one for each way to get there.

    some documents         read their vectors through the key
    a small collection     read its vectors through the key
    a large collection     HNSW in the order of the index; the key if that came back short
    everything             the same, small or large by the size of the table
    a quantized space      where the others go by HNSW, several times as many by HNSW over signs, then exactly

With a filter, what is small is what matches: see `filtered`. Live vectors that wait for the index are read
through their keys and merged in.

Each is one statement, so one round trip, and sees one state of the data, in which every live vector is either
in the index or waits for it. `k` stands in it as a number, not as a parameter: PostgreSQL plans a LIMIT that
it does not know for a tenth of the table, and would plan anew for each execution, which takes longer than
the search.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, LiteralString

from psycopg import sql

from citewell.model import Scope
from citewell_adapters.pgvector.bounded import BoundedCache
from citewell_adapters.pgvector.chunk_rows import CHUNK_COLUMNS
from citewell_adapters.pgvector.filtered import SAMPLE, SIZE_OF_FILTERED, all_matching, filtered_tables
from citewell_adapters.pgvector.filters import CompiledFilter, compile_filter
from citewell_adapters.pgvector.spaces import OpenedSpace
from citewell_adapters.pgvector.view import SET_VIEW, VIEW_BY_SIZE, WHOLE_VIEW, view_names

__all__ = ["MAX_EXACT_CHUNKS", "MAX_EXACT_MATCHING", "AskedScope", "NearestStatements"]

#: Collections up to this size are read whole: 1.5 ms at 384 dimensions, 5 ms at 1,536, about what HNSW takes.
MAX_EXACT_CHUNKS: Final = 2_000

#: Where a filter lets no more chunks through than this, and so many more for each one wanted, all are read.
#: At 100,000 chunks that takes as long as HNSW, which has to look the longer the fewer match.
MAX_EXACT_MATCHING: Final = 2_000
_MATCHING_FOR_EACH: Final = 80

#: So many documents are read of a condition, to see how few match all of them: some 4 ms.
_MAX_READ_DOCUMENTS: Final = 12_000

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
near AS MATERIALIZED (
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
), near_plan AS MATERIALIZED (
    SELECT true AS exact, false AS topped_up, NULL::bigint AS matched
)
"""  # noqa: S608 - made of constants

# `within` filters while the index is walked, so it must not invite PostgreSQL to another index; the CASE also
# keeps it from thinking that nearly nothing passes. The index is named so that PostgreSQL refuses to plan the
# statement once it is gone, instead of reading the whole table; when the statement runs this costs nothing.
_WALKED: Final = """
    {index}::regclass IS NOT NULL
    AND (SELECT large FROM near_size) AND CASE WHEN {within} THEN true ELSE false END
"""

# vectors_<space>_hnsw
_BY_VECTORS: Final = f"""
    {_FOUND}
    FROM {{vectors}} AS v
    WHERE {_WALKED}
    ORDER BY v.embedding <=> %(vector)s::halfvec LIMIT {{candidates}}
"""

# vectors_<space>_binary
_BY_SIGNS: Final = f"""
    {_FOUND}
    FROM (
        SELECT v.document_id, v.revision_id, v.chunk_index, v.embedding
        FROM {{vectors}} AS v
        WHERE {_WALKED}
        ORDER BY binary_quantize(v.embedding)::bit({{dimensions}})
            <~> binary_quantize(%(vector)s::halfvec)::bit({{dimensions}})
        LIMIT {{rescored}}
    ) AS v
    ORDER BY {_BEST_FIRST} LIMIT {{candidates}}
"""  # noqa: S608 - made of constants

# near_index, or vectors_<space>_pkey; for what is not in them yet,
# unindexed_space_id_collection_id_document_id_key.
_INDEXED: Final = f"""
near_index AS MATERIALIZED (
    {{near_index}}
), near_exact AS MATERIALIZED (
    {{exact}}
), near_waiting AS MATERIALIZED (
    {_FOUND}
    FROM unindexed AS u CROSS JOIN LATERAL ({_STAGED}) AS v
    WHERE u.space_id = {{space_id}} AND {{waiting_within}}
    ORDER BY {_BEST_FIRST} LIMIT {{k}}
), near AS MATERIALIZED (
    SELECT * FROM near_exact
    UNION ALL
    SELECT * FROM near_index WHERE NOT EXISTS (SELECT FROM near_exact)
    UNION ALL
    SELECT * FROM near_waiting
    ORDER BY {_BEST_FIRST} LIMIT {{k}}
), near_plan AS MATERIALIZED (
    SELECT NOT large AS exact, large AND EXISTS (SELECT FROM near_exact) AS topped_up, matched
    FROM near_size
)
"""  # noqa: S608 - made of constants

_SIZE: Final = "near_size AS MATERIALIZED ({size}), "

_NOTHING_NEAR: Final = """
near AS (
    SELECT NULL::uuid AS document_id, NULL::bigint AS revision_id, NULL::int AS chunk_index,
        NULL::float8 AS similarity
    WHERE false
), """
_NO_PLAN: Final = "near_plan AS (SELECT NULL::boolean AS exact, false AS topped_up, NULL::bigint AS matched)"
_PLAN_OF_SIZE: Final = "near_plan AS (SELECT NOT large AS exact, false AS topped_up, matched FROM near_size)"

_EXACT: Final = f"""
    {_FOUND}
    FROM {{vectors}} AS v
    WHERE (SELECT count(*) FROM near_index) < {{k}} AND {{within}}
    ORDER BY {_BEST_FIRST} LIMIT {{k}}
"""  # noqa: S608 - made of constants

# vectors_<space>_pkey: the matching documents where they are known, else all that may match, one by one.
_EXACT_MATCHING: Final = f"""
    {_FOUND}
    FROM (
        SELECT collection_id, document_id FROM filtered WHERE NOT (SELECT large FROM near_size)
        UNION ALL
        SELECT collection_id, document_id FROM ({{all_matching}}) AS a
        WHERE (SELECT large OR NOT known FROM near_size) AND (SELECT count(*) FROM near_index) < {{k}}
    ) AS m
    CROSS JOIN LATERAL (
        SELECT v.document_id, v.revision_id, v.chunk_index, v.embedding
        FROM {{vectors}} AS v
        WHERE v.collection_id = m.collection_id AND v.document_id = m.document_id
        OFFSET 0
    ) AS v
    ORDER BY {_BEST_FIRST} LIMIT {{k}}
"""  # noqa: S608 - made of constants

# collections_name_key
_COLLECTION: Final = (
    "SELECT id, chunk_count > {max_exact} AS large, chunk_count AS matched{and_view} FROM collections "
    "WHERE name = %(collection)s"
)
_WITHIN_COLLECTION: Final = "v.collection_id = (SELECT id FROM near_size)"
_WAITING_WITHIN_COLLECTION: Final = "u.collection_id = (SELECT id FROM near_size)"

_EVERYTHING: Final = (
    "SELECT pg_relation_size({name}::regclass) > {max_bytes} AS large, NULL::bigint AS matched{and_view}"
)

# chunks_pkey, revisions_pkey, documents_pkey, collections_pkey: for the winners only.
_HITS: Final = f"""
WITH {{parts}}
SELECT hit.similarity, d.id, d.name, c.name, encode(r.sha256, 'hex'), {CHUNK_COLUMNS}
FROM near AS hit
JOIN chunks AS t ON t.revision_id = hit.revision_id AND t.chunk_index = hit.chunk_index
JOIN revisions AS r ON r.id = hit.revision_id
JOIN documents AS d ON d.id = hit.document_id
JOIN collections AS c ON c.id = d.collection_id
ORDER BY hit.similarity DESC, hit.document_id, hit.chunk_index
"""  # noqa: S608 - made of constants

_ONE_DOCUMENT: Final = "d.id = %(documents)s"
_DOCUMENTS: Final = "d.id = ANY(%(documents)s)"
_AND_COLLECTION: Final = " AND d.collection_id = (SELECT id FROM collections WHERE name = %(collection)s)"

#: At least so many are taken besides the k that are wanted, and a fifth of k: the index gives its last ones
#: out of order where a filter makes it go on beyond its view, and then half of k are taken.
_SPARE_CANDIDATES: Final = 10

#: So many of a quantized space are rescored at least, as HNSW brings them at once, and so many for each one
#: wanted: of 100,000 vectors in clusters this finds 99.8 % of the 10 nearest, 99.7 % of the 100 nearest.
_LEAST_RESCORED: Final = 200
_RESCORED_FOR_EACH: Final = 8

#: What a vector costs in its table besides its numbers.
_ROW_BYTES: Final = 72


@dataclass(frozen=True, slots=True)
class AskedScope:
    """A scope with its filter as SQL."""

    scope: Scope
    filter: CompiledFilter | None

    @classmethod
    def of(cls, scope: Scope) -> AskedScope:
        return cls(scope, None if scope.filter is None else compile_filter(scope.filter))

    @property
    def kind(self) -> tuple[bool, bool, bool, str]:
        """What of a scope decides on its statement: one document, several, a collection, a filter's shape."""
        documents = self.scope.document_ids
        return (
            documents is not None and len(documents) == 1,
            documents is not None,
            self.scope.collection is not None,
            "" if self.filter is None else self.filter.predicate,
        )

    @property
    def parameters(self) -> dict[str, object]:
        """Those of the statements, besides `vector`."""
        parameters: dict[str, object] = {"collection": self.scope.collection}
        documents = self.scope.document_ids
        if documents is not None:
            parameters["documents"] = documents[0] if len(documents) == 1 else list(documents)
        if self.filter is not None:
            parameters |= self.filter.parameters
        return parameters

    @property
    def named(self) -> LiteralString | None:
        """That `d` is one of the documents that the scope names; None if it names none."""
        documents = self.scope.document_ids
        if documents is None:
            return None
        clause = _ONE_DOCUMENT if len(documents) == 1 else _DOCUMENTS
        return clause if self.scope.collection is None else clause + _AND_COLLECTION

    @property
    def documents(self) -> LiteralString | None:
        """That `d` is one of them, and matches; None if the scope names none."""
        if self.named is None or self.filter is None:
            return self.named
        return f"{self.named} AND {self.filter.matches('d.id')}"


class NearestStatements:
    """The statements for one space's vectors, each made once."""

    def __init__(
        self, space: OpenedSpace, *, max_exact_chunks: int, max_exact_matching: int, view: int
    ) -> None:
        """view: how many of the nearest HNSW keeps in view of 100,000 vectors."""
        self._row_bytes = _ROW_BYTES + 2 * space.space.dimensions
        self._names = {
            "vectors": space.vectors,
            "space_id": space.id,
            "name": sql.Literal(space.vectors.as_string()),
            "index": space.index,
            "dimensions": space.space.dimensions,
            "max_exact": max_exact_chunks,
            "max_bytes": max_exact_chunks * self._row_bytes,
        }
        self._quantized = space.quantized
        self._view = view
        self._max_exact_matching = max_exact_matching
        self._made = BoundedCache[tuple[object, ...], bytes]()

    def choose(self, scope: Scope, *, k: int) -> tuple[bytes, dict[str, object]]:
        """The statement for the scope, and its parameters besides `vector`."""
        asked = AskedScope.of(scope)
        statement = self._made.get(
            (*asked.kind, k), lambda: sql.SQL(_HITS).format(parts=self.parts(asked, k=k)).as_bytes()
        )
        return statement, asked.parameters

    def parts(self, asked: AskedScope, *, k: int, dense: bool = True) -> sql.Composed:
        """Tables for a WITH: `near` (document_id, revision_id, chunk_index, similarity), and `near_plan`.

        With a filter, unless the scope names documents, there are also those of `filtered`, and `near_size`.
        Not dense: `near` is empty.
        """
        spare = max(k // 5 if asked.filter is None else k // 2, _SPARE_CANDIDATES)
        max_matching = self._max_exact_matching and self._max_exact_matching + _MATCHING_FOR_EACH * k
        rescored = max(_LEAST_RESCORED, _RESCORED_FOR_EACH * k)
        parts = _parts(asked, quantized=self._quantized) if dense else _sizes(asked)
        return sql.SQL(parts).format(
            **self._names,
            k=k,
            candidates=k + spare,
            rescored=rescored,
            **view_names(
                whole_view=max(self._view, rescored) if self._quantized else self._view,
                k=k,
                row_bytes=self._row_bytes,
            ),
            max_matching=max_matching,
            max_read=max_matching and max(max_matching, _MAX_READ_DOCUMENTS),
            sample=SAMPLE,
        )


def _parts(asked: AskedScope, *, quantized: bool) -> LiteralString:
    if (documents := asked.documents) is not None:
        return _EXACT_IN_DOCUMENTS.replace("{documents}", documents)
    in_collection = asked.scope.collection is not None
    within = _WITHIN_COLLECTION if in_collection else "true"
    waiting = _WAITING_WITHIN_COLLECTION if in_collection else "true"
    exact = _EXACT
    if asked.filter is not None:
        within += f" AND {asked.filter.matches('v.document_id')}"
        waiting += f" AND {asked.filter.matches('u.document_id')}"
        exact = _EXACT_MATCHING.replace("{all_matching}", all_matching(asked.filter))
    view = VIEW_BY_SIZE if asked.filter is None and not quantized else WHOLE_VIEW
    near_index = _BY_SIGNS if quantized else _BY_VECTORS
    statement = _size(asked, view=view) + _INDEXED.replace("{near_index}", near_index)
    statement = statement.replace("{exact}", exact)
    return statement.replace("{within}", within).replace("{waiting_within}", waiting)


def _sizes(asked: AskedScope) -> LiteralString:
    if asked.named is not None or asked.filter is None:
        return _NOTHING_NEAR + _NO_PLAN
    return _size(asked) + _NOTHING_NEAR + _PLAN_OF_SIZE


def _size(asked: AskedScope, *, view: LiteralString | None = None) -> LiteralString:
    """view: of the index, if it may be looked at."""
    in_collection = asked.scope.collection is not None
    size: LiteralString = _COLLECTION if in_collection else _EVERYTHING
    size = size.replace("{and_view}", "" if view is None else SET_VIEW.replace("{view}", view))
    if asked.filter is None:
        return _SIZE.replace("{size}", size)
    tables = filtered_tables(asked.filter, size=size, in_collection=in_collection)
    return tables + _SIZE.replace("{size}", SIZE_OF_FILTERED)
