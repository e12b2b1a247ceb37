"""The statement that finds the candidates of both legs, in one round trip and of one moment.

    words       each word's document frequency, from the counts of its terms
    question    the terms with their IDF as a sparsevec; the terms of the rarest words
    lexical     the chunks that have one of those, through GIN, by the inner product
    dense       the nearest chunks, as `nearest` finds them

A scope that names documents reads their chunks through the key instead, for all of the words, and so does a
filter that lets few chunks through. Of many it asks on the way whether they match, and goes by all of the
words where the rarest ones bring too few. The words that
wait for their place in the index are read where they wait. They are not counted yet, so up to
MAX_SAMPLED_CHUNKS of them are counted here: the first documents of a collection have an IDF too.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, LiteralString

from psycopg import sql

from citewell.lexical import MAX_RARE_CHUNKS, TERM_SPACE, highest_weight
from citewell.model import Scope
from citewell_adapters.pgvector.arrays import int_array
from citewell_adapters.pgvector.bounded import BoundedCache
from citewell_adapters.pgvector.nearest import AskedScope, NearestStatements

__all__ = ["MAX_SAMPLED_CHUNKS", "CandidateStatements"]

#: How many of the waiting chunks are counted: some 2 ms.
MAX_SAMPLED_CHUNKS: Final = 256

#: Beside the vectors, so many chunks of a filter's are enough not to go by all of the words.
_SHORT_OF_WORDS: Final = 1

# collections_name_key; documents_pkey, collections_pkey
_COLLECTION: Final = "SELECT id, chunk_count FROM collections WHERE name = %(collection)s"
_EVERYTHING: Final = "SELECT id, chunk_count FROM collections"
_OF_DOCUMENTS: Final = """
    SELECT c.id, c.chunk_count FROM collections AS c
    WHERE c.id = ANY(ARRAY(SELECT d.collection_id FROM documents AS d WHERE {documents}))
"""

# term_counts_pkey
_COUNTED: Final = "c.term = q.term AND c.collection_id = ANY(ARRAY(SELECT id FROM within))"
_COUNTED_EVERYWHERE: Final = "c.term = q.term"

# lexical_terms; staged_terms_pkey
_BY_TERMS: Final = """
    SELECT l.document_id, l.revision_id, l.chunk_index, l.weights FROM lexical AS l
    WHERE l.terms && (SELECT rare FROM question){and_mark}
    UNION ALL
    SELECT w.document_id, s.revision_id, s.chunk_index, s.weights
    FROM waiting AS w CROSS JOIN LATERAL ({staged}) AS s
"""
_AND_MARK: Final = " AND l.terms @> (SELECT ARRAY[-id] FROM within)"

#: A filter's chunks up to so many are read by the key for their words: beyond, the rarest words bring fewer.
_FEW_CHUNKS: Final = 2_000
_FEW: Final = "(SELECT known AND NOT large AND matched <= {few_chunks} FROM near_size)"

# lexical_pkey, for few documents; lexical_terms, for many; staged_terms_pkey
_BY_FILTER: Final = """
    SELECT l.document_id, l.revision_id, l.chunk_index, l.weights
    FROM filtered AS m CROSS JOIN LATERAL (
        SELECT * FROM lexical AS l
        WHERE l.collection_id = m.collection_id AND l.document_id = m.document_id
        OFFSET 0
    ) AS l
    WHERE {few}
    UNION ALL
    SELECT * FROM by_rarest WHERE (SELECT count(*) FROM by_rarest) >= {short}
    UNION ALL
    SELECT l.document_id, l.revision_id, l.chunk_index, l.weights FROM lexical AS l
    WHERE NOT {few} AND (SELECT count(*) FROM by_rarest) < {short}
        AND l.terms && (SELECT every FROM question){and_mark} AND CASE WHEN {matches} THEN true ELSE false END
    UNION ALL
    SELECT w.document_id, s.revision_id, s.chunk_index, s.weights
    FROM waiting AS w CROSS JOIN LATERAL ({staged}) AS s
    WHERE {waiting_matches}
"""
_BY_RAREST: Final = """
by_rarest AS MATERIALIZED (
    SELECT l.document_id, l.revision_id, l.chunk_index, l.weights FROM lexical AS l
    WHERE NOT {few}
        AND l.terms && (SELECT rare FROM question){and_mark} AND CASE WHEN {matches} THEN true ELSE false END
), """

# documents_pkey, lexical_pkey, unindexed_words_collection_id_document_id_key, staged_terms_pkey. OFFSET 0
# keeps it from lexical_terms.
_BY_DOCUMENTS: Final = """
    SELECT l.document_id, l.revision_id, l.chunk_index, l.weights
    FROM documents AS d
    CROSS JOIN LATERAL (
        SELECT * FROM lexical AS l WHERE l.collection_id = d.collection_id AND l.document_id = d.id OFFSET 0
    ) AS l
    WHERE {documents}
    UNION ALL
    SELECT d.id, s.revision_id, s.chunk_index, s.weights
    FROM documents AS d
    JOIN unindexed_words AS w ON w.collection_id = d.collection_id AND w.document_id = d.id
    CROSS JOIN LATERAL ({staged}) AS s
    WHERE {documents}
"""

# staged_terms_pkey
_STAGED: Final = "SELECT * FROM staged_terms AS s WHERE s.revision_id = w.revision_id OFFSET 0"

# term_changes is read whole: it is empty most of the time. chr(123), chr(125): braces
_CANDIDATES: Final = """
WITH {near}, within AS MATERIALIZED (
    {within}
), waiting AS MATERIALIZED (
    SELECT document_id, revision_id, waiting AS chunks FROM unindexed_words
    WHERE waiting > 0 AND collection_id = ANY(ARRAY(SELECT id FROM within))
), sample AS MATERIALIZED (
    SELECT s.terms FROM waiting AS w CROSS JOIN LATERAL ({staged}) AS s LIMIT {max_sampled}
), uncounted AS MATERIALIZED (
    SELECT term, count(*) AS chunks FROM sample CROSS JOIN LATERAL unnest(terms) AS term
    WHERE term = ANY(%(terms)s::int[]) GROUP BY term
    UNION ALL
    SELECT c.term, c.chunks FROM term_changes AS c
    WHERE c.term = ANY(%(terms)s::int[]) AND c.collection_id = ANY(ARRAY(SELECT id FROM within))
), total AS MATERIALIZED (
    SELECT greatest((SELECT sum(chunk_count) FROM within) - coalesce((SELECT sum(chunks) FROM waiting), 0), 0)
        + (SELECT count(*) FROM sample) AS chunks
), asked AS MATERIALIZED (
    SELECT q.word, q.term, greatest(0,
        (SELECT coalesce(sum(c.chunks), 0) FROM term_counts AS c WHERE {counted})
        + (SELECT coalesce(sum(c.chunks), 0) FROM uncounted AS c WHERE c.term = q.term)
    )::float8 AS chunks
    FROM unnest(%(terms)s::int[], %(words)s::int[]) AS q (term, word)
), words AS MATERIALIZED (
    SELECT word, sum(chunks) AS chunks, ln(
        1 + (greatest((SELECT chunks FROM total)::float8 - sum(chunks), 0) + 0.5) / (sum(chunks) + 0.5)
    ) AS idf
    FROM asked GROUP BY word
), ranked AS MATERIALIZED (
    SELECT word, idf, sum(chunks) OVER by_rarity AS total, row_number() OVER by_rarity AS place
    FROM words WHERE chunks > 0
    WINDOW by_rarity AS (ORDER BY chunks, word ROWS UNBOUNDED PRECEDING)
), question AS MATERIALIZED (
    SELECT array_agg(a.term) AS every,
        array_agg(a.term) FILTER (WHERE r.place = 1 OR r.total <= {max_rare}) AS rare,
        (chr(123) || string_agg(a.term + 1 || ':' || r.idf, ',') || chr(125) || '/' || {space})::sparsevec
            AS weights
    FROM asked AS a JOIN ranked AS r ON r.word = a.word
    WHERE a.chunks > 0
), {by_rarest}matching AS (
    SELECT document_id, revision_id, chunk_index, -(weights <#> (SELECT weights FROM question)) AS bm25
    FROM ({matching}) AS l
    OFFSET 0
), lexical AS MATERIALIZED (
    SELECT * FROM matching WHERE bm25 > 0 ORDER BY bm25 DESC, document_id, chunk_index LIMIT {k}
)
SELECT document_id, revision_id, chunk_index, similarity, bm25,
    (SELECT coalesce(sum(idf), 0) FROM words)::float8 * {highest_weight} AS highest,
    p.exact, p.topped_up, p.matched
FROM near_plan AS p LEFT JOIN (
    SELECT * FROM near FULL JOIN lexical USING (document_id, revision_id, chunk_index)
) AS found ON true
ORDER BY similarity DESC NULLS LAST, bm25 DESC NULLS LAST, document_id, chunk_index
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
        parameters["terms"] = int_array([term for terms in words for term in terms])
        parameters["words"] = int_array([number for number, terms in enumerate(words) for _ in terms])
        return statement, parameters

    def _make(self, asked: AskedScope, *, k: int, dense: bool) -> bytes:
        within, matching, by_rarest = _legs(asked)
        counted = _COUNTED if asked.scope != Scope(filter=asked.scope.filter) else _COUNTED_EVERYWHERE
        return (
            sql.SQL(_CANDIDATES.replace("{matching}", matching).replace("{by_rarest}", by_rarest))
            .format(
                near=self._nearest.parts(asked, k=k, dense=dense),
                within=sql.SQL(within),
                counted=sql.SQL(counted),
                staged=sql.SQL(_STAGED),
                short=min(k, _SHORT_OF_WORDS) if dense else k,
                max_sampled=MAX_SAMPLED_CHUNKS,
                few_chunks=_FEW_CHUNKS,
                k=k,
                max_rare=MAX_RARE_CHUNKS,
                highest_weight=sql.Literal(highest_weight()),
                space=sql.Literal(str(TERM_SPACE)),
            )
            .as_bytes()
        )


def _legs(asked: AskedScope) -> tuple[LiteralString, LiteralString, LiteralString]:
    """What is counted in, where chunks with the words are, and what has to stand before."""
    if asked.named is not None and asked.documents is not None:
        within = _OF_DOCUMENTS.replace("{documents}", asked.named)
        return within, _BY_DOCUMENTS.replace("{documents}", asked.documents), ""
    within, mark = (_EVERYTHING, "") if asked.scope.collection is None else (_COLLECTION, _AND_MARK)
    if asked.filter is None:
        return within, _BY_TERMS.replace("{and_mark}", mark), ""
    matches = asked.filter.matches("l.document_id")
    by_rarest: LiteralString = _BY_RAREST.replace("{and_mark}", mark).replace("{matches}", matches)
    matching: LiteralString = _BY_FILTER.replace("{and_mark}", mark).replace("{matches}", matches)
    matching = matching.replace("{waiting_matches}", asked.filter.matches("w.document_id"))
    return within, matching.replace("{few}", _FEW), by_rarest.replace("{few}", _FEW)
