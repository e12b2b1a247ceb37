"""The statement that finds the candidates of both legs, in one round trip and of one moment.

    words       each word's document frequency, from the counts of its terms
    question    the terms with their IDF as a sparsevec; the terms of the rarest words
    lexical     the chunks that have one of those, through GIN, by the inner product
    dense       the nearest chunks, as `nearest` finds them

A scope that names documents reads their chunks through the key instead, for all of the words.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, LiteralString

from psycopg import sql

from citewell.lexical import MAX_RARE_CHUNKS, TERM_SPACE, highest_weight
from citewell.model import Scope
from citewell_adapters.pgvector.bounded import BoundedCache
from citewell_adapters.pgvector.nearest import AskedScope, NearestStatements

__all__ = ["CandidateStatements"]

# collections_name_key; documents_pkey, collections_pkey
_COLLECTION: Final = "SELECT id, chunk_count FROM collections WHERE name = %(collection)s"
_EVERYTHING: Final = "SELECT id, chunk_count FROM collections"
_OF_DOCUMENTS: Final = """
    SELECT c.id, c.chunk_count FROM collections AS c
    WHERE c.id = ANY(ARRAY(SELECT d.collection_id FROM documents AS d WHERE {documents}))
"""

# term_counts_term
_COUNTED: Final = "c.term = q.term AND c.collection_id = ANY(ARRAY(SELECT id FROM within))"
_COUNTED_EVERYWHERE: Final = "c.term = q.term"

# lexical_terms, published_pkey
_BY_TERMS: Final = """
    SELECT p.document_id, l.revision_id, l.chunk_index, l.weights
    FROM lexical AS l JOIN published AS p ON p.revision_id = l.revision_id
    WHERE l.terms && (SELECT rare FROM question){and_mark}
"""
_AND_MARK: Final = " AND l.terms @> (SELECT ARRAY[-id] FROM within)"

# documents_pkey, published_collection_id_document_id_key, lexical_pkey. OFFSET 0 keeps it from lexical_terms.
_BY_DOCUMENTS: Final = """
    SELECT p.document_id, l.revision_id, l.chunk_index, l.weights
    FROM documents AS d
    JOIN published AS p ON p.collection_id = d.collection_id AND p.document_id = d.id
    CROSS JOIN LATERAL (
        SELECT * FROM lexical AS l WHERE l.revision_id = p.revision_id OFFSET 0
    ) AS l
    WHERE {documents} AND l.terms && (SELECT known FROM question)
"""

_NO_DENSE: Final = sql.SQL(
    """
    near AS (SELECT NULL::uuid AS document_id, NULL::bigint AS revision_id, NULL::int AS chunk_index,
        NULL::float8 AS similarity
    WHERE false)
    """
)

# chunks_pkey, revisions_pkey, documents_pkey, collections_pkey: what was found. chr(123), chr(125): braces
_CANDIDATES: Final = """
WITH {near}, within AS MATERIALIZED (
    {within}
), asked AS MATERIALIZED (
    SELECT q.word, q.term,
        (SELECT coalesce(sum(c.chunks), 0) FROM term_counts AS c WHERE {counted})::float8 AS chunks
    FROM unnest(%(terms)s::int[], %(words)s::int[]) AS q (term, word)
), words AS MATERIALIZED (
    SELECT word, sum(chunks) AS chunks, ln(
        1 + (greatest((SELECT sum(chunk_count) FROM within)::float8 - sum(chunks), 0) + 0.5)
            / (sum(chunks) + 0.5)
    ) AS idf
    FROM asked GROUP BY word
), ranked AS MATERIALIZED (
    SELECT word, idf, sum(chunks) OVER by_rarity AS total, row_number() OVER by_rarity AS place
    FROM words WHERE chunks > 0
    WINDOW by_rarity AS (ORDER BY chunks, word ROWS UNBOUNDED PRECEDING)
), question AS MATERIALIZED (
    SELECT array_agg(a.term) AS known,
        array_agg(a.term) FILTER (WHERE r.place = 1 OR r.total <= {max_rare}) AS rare,
        (chr(123) || string_agg(a.term + 1 || ':' || r.idf, ',') || chr(125) || '/' || {space})::sparsevec
            AS weights
    FROM asked AS a JOIN ranked AS r ON r.word = a.word
    WHERE a.chunks > 0
), lexical AS MATERIALIZED (
    SELECT l.document_id, l.revision_id, l.chunk_index,
        -(l.weights <#> (SELECT weights FROM question)) AS bm25
    FROM ({matching}) AS l
    ORDER BY bm25 DESC, document_id, chunk_index LIMIT {k}
)
SELECT hit.similarity, hit.bm25,
    (SELECT coalesce(sum(idf), 0) FROM words)::float8 * {highest_weight} AS highest,
    d.id, d.name, c.name, encode(r.sha256, 'hex'),
    t.chunk_index, t.span_start, t.span_end, t.text, t.first_page, t.last_page, t.heading_path, t.token_count
FROM (SELECT * FROM near FULL JOIN lexical USING (document_id, revision_id, chunk_index)) AS hit
JOIN chunks AS t ON t.revision_id = hit.revision_id AND t.chunk_index = hit.chunk_index
JOIN revisions AS r ON r.id = hit.revision_id
JOIN documents AS d ON d.id = hit.document_id
JOIN collections AS c ON c.id = d.collection_id
ORDER BY hit.similarity DESC NULLS LAST, hit.bm25 DESC NULLS LAST, hit.document_id, hit.chunk_index
"""


class CandidateStatements:
    """The statements for one space's vectors, each made once."""

    def __init__(self, nearest: NearestStatements) -> None:
        self._nearest = nearest
        self._made = BoundedCache[tuple[object, ...], bytes]()

    def choose(
        self, scope: Scope, words: Sequence[Sequence[int]], *, k: int, dense: bool
    ) -> tuple[bytes, dict[str, object]]:
        """The statement for the scope, and its parameters besides `vector`."""
        asked = AskedScope.of(scope)
        statement = self._made.get((dense, *asked.kind, k), lambda: self._make(asked, k=k, dense=dense))
        parameters = asked.parameters
        parameters["terms"] = [term for terms in words for term in terms]
        parameters["words"] = [number for number, terms in enumerate(words) for _ in terms]
        return statement, parameters

    def _make(self, asked: AskedScope, *, k: int, dense: bool) -> bytes:
        clause = asked.documents
        within: LiteralString
        matching: LiteralString
        counted: LiteralString = _COUNTED
        if clause is not None:
            within = _OF_DOCUMENTS.replace("{documents}", clause)
            matching = _BY_DOCUMENTS.replace("{documents}", clause)
        elif asked.scope.collection is not None:
            within, matching = _COLLECTION, _BY_TERMS.replace("{and_mark}", _AND_MARK)
        else:
            within, matching = _EVERYTHING, _BY_TERMS.replace("{and_mark}", "")
            counted = _COUNTED_EVERYWHERE
        return (
            sql.SQL(_CANDIDATES)
            .format(
                within=sql.SQL(within),
                counted=sql.SQL(counted),
                matching=sql.SQL(matching),
                near=self._nearest.parts(asked, k=k) if dense else _NO_DENSE,
                k=k,
                max_rare=MAX_RARE_CHUNKS,
                highest_weight=sql.Literal(highest_weight()),
                space=sql.Literal(str(TERM_SPACE)),
            )
            .as_bytes()
        )
