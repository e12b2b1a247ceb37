"""The words of chunks: staged with them, live by a row in `published`, counted for their collection.

Whoever publishes, deletes or encodes holds the document's row; see the migration for how counting works.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from citewell.lexical import TERM_SPACE, term_weights
from citewell.model import EmbeddedChunk, RevisionId
from citewell.ports import LexicalEncoder
from citewell_adapters.pgvector.database import Connection

__all__ = ["delete_terms", "discard_terms", "encode_revision", "fold_counts", "publish_terms", "stage_terms"]

#: How many chunks of a long document are analysed at once.
_AT_ONCE: Final = 256
#: How many terms' counts are folded at once: some 20 ms.
_FOLDED_AT_ONCE: Final = 2_000

# published_pkey
_COUNT: Final = "SELECT citewell_count_terms(%(revision_id)s, 1)"
_UNCOUNT: Final = "SELECT citewell_count_terms(%(revision_id)s, -1)"

# revisions_pkey, documents_pkey, lexical_pkey
_STAGE: Final = """
INSERT INTO lexical (revision_id, chunk_index, terms, weights)
SELECT %(revision_id)s, %(index)s, array_prepend(-d.collection_id, %(terms)s::int[]), %(weights)s::sparsevec
FROM revisions AS r JOIN documents AS d ON d.id = r.document_id
WHERE r.id = %(revision_id)s
ON CONFLICT (revision_id, chunk_index) DO UPDATE SET terms = excluded.terms, weights = excluded.weights
"""
_UNSTAGE: Final = "DELETE FROM lexical WHERE revision_id = %(revision_id)s AND chunk_index = ANY(%(indexes)s)"

# published_collection_id_document_id_key
_UNCOUNT_FORMER: Final = """
SELECT citewell_count_terms(revision_id, -1) FROM published
WHERE collection_id = %(collection_id)s AND document_id = %(document_id)s
"""
# published_collection_id_document_id_key, lexical_pkey
_DELETE_FORMER: Final = """
DELETE FROM lexical AS l USING published AS p
WHERE p.collection_id = %(collection_id)s AND p.document_id = %(document_id)s
    AND l.revision_id = p.revision_id AND p.revision_id <> %(revision_id)s
"""
# lexical_pkey, staged_vectors_pkey
_PRUNE: Final = """
DELETE FROM lexical AS l WHERE l.revision_id = %(revision_id)s AND NOT EXISTS (
    SELECT FROM staged_vectors AS s
    WHERE s.revision_id = l.revision_id AND s.space_id = %(space_id)s AND s.chunk_index = l.chunk_index
)
"""
# published_collection_id_document_id_key, lexical_pkey, staged_vectors_pkey
_PUBLISH: Final = """
INSERT INTO published (revision_id, collection_id, document_id, encoded, counted)
SELECT %(revision_id)s, %(collection_id)s, %(document_id)s,
    (SELECT count(*) FROM lexical WHERE revision_id = %(revision_id)s) = (
        SELECT count(*) FROM staged_vectors WHERE revision_id = %(revision_id)s AND space_id = %(space_id)s
    ), false
ON CONFLICT (collection_id, document_id) DO UPDATE
SET revision_id = excluded.revision_id, encoded = excluded.encoded, counted = false
"""

# lexical_pkey, published_pkey
_DISCARD: Final = """
DELETE FROM lexical WHERE revision_id = %(revision_id)s
    AND NOT EXISTS (SELECT FROM published WHERE revision_id = %(revision_id)s)
"""

# published_collection_id_document_id_key; revisions_document_id_id_key, lexical_pkey
_UNPUBLISH: Final = """
DELETE FROM published WHERE collection_id = %(collection_id)s AND document_id = %(document_id)s
"""
_DELETE: Final = """
DELETE FROM lexical AS l USING revisions AS r WHERE r.document_id = %(document_id)s AND l.revision_id = r.id
"""

# published_unencoded, documents_pkey. What another process is at is not waited for.
_UNENCODED: Final = """
SELECT p.revision_id FROM published AS p JOIN documents AS d ON d.id = p.document_id
WHERE NOT p.encoded
ORDER BY p.revision_id LIMIT 1
FOR NO KEY UPDATE OF d SKIP LOCKED
"""
# chunks_pkey
_TEXTS: Final = """
SELECT chunk_index, text FROM chunks
WHERE revision_id = %(revision_id)s AND chunk_index > %(after)s
ORDER BY chunk_index LIMIT %(limit)s
"""
_ENCODED: Final = "UPDATE published SET encoded = true WHERE revision_id = %(revision_id)s"

# term_counts_unfolded, term_counts_term. One at a time, and nobody waits for it.
_FOLD: Final = """
WITH alone AS MATERIALIZED (
    SELECT pg_try_advisory_xact_lock(hashtext('citewell term counts')) AS mine
), crowded AS MATERIALIZED (
    SELECT DISTINCT collection_id, term FROM (
        SELECT collection_id, term FROM term_counts
        WHERE NOT folded AND (SELECT mine FROM alone)
        LIMIT %(limit)s
    ) AS few
), gone AS (
    DELETE FROM term_counts AS t USING crowded AS c
    WHERE t.term = c.term AND t.collection_id = c.collection_id
    RETURNING t.collection_id, t.term, t.chunks
)
INSERT INTO term_counts (collection_id, term, chunks, folded)
SELECT collection_id, term, sum(chunks), true FROM gone
GROUP BY collection_id, term HAVING sum(chunks) <> 0
"""


async def stage_terms(
    connection: Connection, revision_id: RevisionId, chunks: Sequence[EmbeddedChunk]
) -> None:
    """Keep the chunks' terms in the place of those they had. The revision's document is to be locked."""
    await connection.execute(_UNCOUNT, {"revision_id": revision_id})
    analysed = [(each.chunk.index, each.terms) for each in chunks if each.terms is not None]
    others = [each.chunk.index for each in chunks if each.terms is None]
    if others:
        await connection.execute(_UNSTAGE, {"revision_id": revision_id, "indexes": others})
    await _insert(connection, revision_id, analysed)


async def publish_terms(connection: Connection, parameters: Mapping[str, object]) -> None:
    """Make the revision's terms those of its document. Before its vectors leave staged_vectors."""
    for statement in (_UNCOUNT_FORMER, _DELETE_FORMER, _PRUNE, _PUBLISH, _COUNT):
        await connection.execute(statement, parameters)


async def discard_terms(connection: Connection, revision_id: RevisionId) -> None:
    """Forget the terms of a revision that is not live; those of a live one count again."""
    await connection.execute(_DISCARD, {"revision_id": revision_id})
    await connection.execute(_COUNT, {"revision_id": revision_id})


async def delete_terms(connection: Connection, parameters: Mapping[str, object]) -> None:
    """Forget the terms of all revisions of a document, and what they counted."""
    for statement in (_UNCOUNT_FORMER, _UNPUBLISH, _DELETE):
        await connection.execute(statement, parameters)


async def encode_revision(connection: Connection, encoder: LexicalEncoder) -> int:
    """Give one live revision the terms that it lacks; how many chunks it has. Holds its document."""
    row = await (await connection.execute(_UNENCODED)).fetchone()
    if row is None:
        return 0
    revision_id, after, total = RevisionId(row[0]), -1, 0
    await connection.execute(_UNCOUNT, {"revision_id": revision_id})
    while True:
        page = {"revision_id": revision_id, "after": after, "limit": _AT_ONCE}
        texts = await (await connection.execute(_TEXTS, page)).fetchall()
        if not texts:
            break
        encoded = await asyncio.to_thread(lambda texts: [(i, encoder.passage(t)) for i, t in texts], texts)
        await _insert(connection, revision_id, encoded)
        after, total = texts[-1][0], total + len(texts)
    await connection.execute(_ENCODED, {"revision_id": revision_id})
    await connection.execute(_COUNT, {"revision_id": revision_id})
    return total


async def fold_counts(connection: Connection) -> None:
    """Put the counts of some terms, left by publications and deletes in rows of their own, into one."""
    await connection.execute(_FOLD, {"limit": _FOLDED_AT_ONCE})


async def _insert(
    connection: Connection, revision_id: RevisionId, terms: Iterable[tuple[int, Mapping[int, int]]]
) -> None:
    parameters = [
        {
            "revision_id": revision_id,
            "index": index,
            "terms": sorted(counts),
            "weights": _sparse(term_weights(counts)),
        }
        for index, counts in terms
    ]
    if parameters:
        await connection.cursor().executemany(_STAGE, parameters)


def _sparse(weights: Mapping[int, float]) -> str:
    """As sparsevec reads it; its elements count from 1."""
    elements = ",".join(f"{term + 1}:{weight:.7g}" for term, weight in sorted(weights.items()))
    return f"{{{elements}}}/{TERM_SPACE}"
