"""The words of chunks: staged with them, live from the publication on, moved into the index behind it.

Whoever publishes, deletes, encodes or moves holds the document's row; see the migration for how words are
counted.
"""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from citewell.chunking import in_context
from citewell.lexical import TERM_SPACE, term_weights
from citewell.model import EmbeddedChunk, RevisionId
from citewell.ports import LexicalEncoder
from citewell_adapters.pgvector.copying import copy_rows, pack_row
from citewell_adapters.pgvector.database import Connection
from citewell_adapters.pgvector.packing import pack_bigint, pack_int, pack_ints
from citewell_adapters.pgvector.versions import FOUND_ANEW

__all__ = [
    "delete_terms",
    "discard_terms",
    "encode_some",
    "fold_changes",
    "index_terms",
    "index_terms_of",
    "publish_terms",
    "stage_terms",
]

#: How many chunks of a long document are analysed at once.
_AT_ONCE: Final = 256
#: How many changes of counts are added at once: some 20 ms.
_FOLDED_AT_ONCE: Final = 5_000
#: So many documents take part in one batch at most: each is locked, small as it may be.
_DOCUMENTS: Final = 32

_STAGED_TABLE: Final = "staged_terms (revision_id, chunk_index, terms, weights)"
# staged_terms_pkey
_UNSTAGE: Final = """
DELETE FROM staged_terms WHERE revision_id = %(revision_id)s AND chunk_index = ANY(%(indexes)s::int[])
"""

# unindexed_words_collection_id_document_id_key, staged_terms_pkey, lexical_pkey, staged_vectors_pkey
_PUBLISH: Final = """
WITH waiting AS (
    DELETE FROM staged_terms AS s USING unindexed_words AS u
    WHERE u.collection_id = %(collection_id)s AND u.document_id = %(document_id)s
        AND s.revision_id = u.revision_id AND s.revision_id <> %(revision_id)s
), indexed AS (
    DELETE FROM lexical WHERE collection_id = %(collection_id)s AND document_id = %(document_id)s
)
INSERT INTO unindexed_words AS u (revision_id, collection_id, document_id, waiting, lacking)
SELECT %(revision_id)s, %(collection_id)s, %(document_id)s, terms.chunks, terms.chunks < vectors.chunks
FROM (
    SELECT count(*) AS chunks FROM staged_terms WHERE revision_id = %(revision_id)s
) AS terms, (
    SELECT count(*) AS chunks FROM staged_vectors
    WHERE revision_id = %(revision_id)s AND space_id = %(space_id)s
) AS vectors
ON CONFLICT (collection_id, document_id) DO UPDATE
SET revision_id = excluded.revision_id, waiting = excluded.waiting, lacking = excluded.lacking
"""
# staged_terms_pkey, staged_vectors_pkey: what an earlier staging of the revision had more of. OFFSET 0: as a
# join, a planner that takes the tables for empty, as they mostly are, would compare all rows with all.
_PRUNE: Final = """
DELETE FROM staged_terms AS t WHERE t.revision_id = %(revision_id)s AND NOT EXISTS (
    SELECT FROM staged_vectors AS s
    WHERE s.revision_id = t.revision_id AND s.space_id = %(space_id)s AND s.chunk_index = t.chunk_index
    OFFSET 0
)
"""

# unindexed_words_pkey, staged_terms_pkey. What waits for its place in the index is live, not staged.
_DISCARD: Final = """
DELETE FROM staged_terms WHERE revision_id = %(revision_id)s
    AND NOT EXISTS (SELECT FROM unindexed_words WHERE revision_id = %(revision_id)s)
"""

# unindexed_words_collection_id_document_id_key, lexical_pkey; revisions_document_id_id_key, staged_terms_pkey
_DELETE: Final = """
WITH listed AS (
    DELETE FROM unindexed_words WHERE collection_id = %(collection_id)s AND document_id = %(document_id)s
), indexed AS (
    DELETE FROM lexical WHERE collection_id = %(collection_id)s AND document_id = %(document_id)s
)
DELETE FROM staged_terms AS s USING revisions AS r
WHERE r.document_id = %(document_id)s AND s.revision_id = r.id
"""

# unindexed_words_waiting, documents_pkey. The oldest first; what another process is at is not waited for.
_LOCK: Final = """
SELECT u.revision_id, u.waiting FROM unindexed_words AS u JOIN documents AS d ON d.id = u.document_id
WHERE u.waiting > 0
ORDER BY u.revision_id LIMIT %(documents)s
FOR SHARE OF d SKIP LOCKED FOR UPDATE OF u SKIP LOCKED
"""
# unindexed_words_pkey, documents_pkey
_LOCK_REVISION: Final = """
SELECT u.waiting FROM unindexed_words AS u JOIN documents AS d ON d.id = u.document_id
WHERE u.revision_id = %(revision_id)s
FOR SHARE OF d FOR UPDATE OF u
"""
# staged_terms_pkey, unindexed_words_pkey. One statement for all, so that their words are counted once.
_MOVE: Final = """
WITH batch AS (
    SELECT t.revision_id, t.chunk_index
    FROM unnest(%(revision_ids)s::bigint[]) AS r (revision_id) CROSS JOIN LATERAL (
        SELECT s.revision_id, s.chunk_index FROM staged_terms AS s WHERE s.revision_id = r.revision_id
        ORDER BY s.chunk_index LIMIT %(limit)s
    ) AS t
    ORDER BY t.revision_id, t.chunk_index LIMIT %(limit)s
), moved AS (
    DELETE FROM staged_terms AS s USING batch AS b
    WHERE s.revision_id = b.revision_id AND s.chunk_index = b.chunk_index
    RETURNING s.revision_id, s.chunk_index, s.terms, s.weights
), added AS (
    INSERT INTO lexical (collection_id, document_id, revision_id, chunk_index, terms, weights)
    SELECT u.collection_id, u.document_id, m.revision_id, m.chunk_index,
        array_prepend(-u.collection_id, m.terms), m.weights
    FROM moved AS m JOIN unindexed_words AS u ON u.revision_id = m.revision_id
)
UPDATE unindexed_words AS u SET waiting = u.waiting - m.chunks
FROM (SELECT revision_id, count(*) AS chunks FROM moved GROUP BY revision_id) AS m
WHERE u.revision_id = m.revision_id
RETURNING m.chunks
"""
_DONE: Final = """
DELETE FROM unindexed_words
WHERE revision_id = ANY(%(revision_ids)s::bigint[]) AND waiting = 0 AND NOT lacking
"""

# unindexed_words_lacking, documents_pkey. What another process is at is not waited for.
_LACKING: Final = """
SELECT u.revision_id, u.collection_id, u.document_id
FROM unindexed_words AS u JOIN documents AS d ON d.id = u.document_id
WHERE u.lacking
ORDER BY u.revision_id LIMIT 1
FOR NO KEY UPDATE OF d SKIP LOCKED FOR UPDATE OF u SKIP LOCKED
"""
# chunks_pkey, revisions_pkey, lexical_pkey, staged_terms_pkey. OFFSET 0: as in _PRUNE.
_TEXTS: Final = """
SELECT t.chunk_index, r.name, t.heading_path, t.text
FROM chunks AS t JOIN revisions AS r ON r.id = t.revision_id
WHERE t.revision_id = %(revision_id)s AND NOT EXISTS (
    SELECT FROM lexical AS l
    WHERE l.collection_id = %(collection_id)s AND l.document_id = %(document_id)s
        AND l.chunk_index = t.chunk_index
    OFFSET 0
) AND NOT EXISTS (
    SELECT FROM staged_terms AS s WHERE s.revision_id = t.revision_id AND s.chunk_index = t.chunk_index
    OFFSET 0
)
ORDER BY t.chunk_index LIMIT %(limit)s
"""
# unindexed_words_pkey
_ENCODED: Final = """
UPDATE unindexed_words SET waiting = waiting + %(chunks)s, lacking = NOT %(all)s
WHERE revision_id = %(revision_id)s
"""

_FOLD: Final = "SELECT citewell_fold_term_changes(%(limit)s)"


async def stage_terms(
    connection: Connection, revision_id: RevisionId, chunks: Sequence[EmbeddedChunk]
) -> None:
    """Keep the chunks' terms in the place of those they had."""
    indexes = [each.chunk.index for each in chunks]
    await connection.execute(_UNSTAGE, {"revision_id": revision_id, "indexes": indexes})
    analysed = ((each.chunk.index, each.terms) for each in chunks if each.terms is not None)
    await _stage(connection, revision_id, analysed)


async def publish_terms(connection: Connection, parameters: Mapping[str, object]) -> None:
    """Make the revision's terms those of its document. Before its vectors leave staged_vectors."""
    await connection.execute(_PRUNE, parameters)
    await connection.execute(_PUBLISH, parameters)


async def discard_terms(connection: Connection, revision_id: RevisionId) -> None:
    """Forget the terms of a revision that is not live."""
    await connection.execute(_DISCARD, {"revision_id": revision_id})


async def delete_terms(connection: Connection, parameters: Mapping[str, object]) -> None:
    """Forget the terms of all revisions of a document."""
    await connection.execute(_DELETE, parameters)


async def index_terms(connection: Connection, *, limit: int) -> int:
    """Move the terms of up to `limit` chunks of any documents into the index; how many chunks.

    To be called in a transaction of its own: it holds the documents until its end.
    """
    cursor = await connection.execute(_LOCK, {"documents": _DOCUMENTS})
    return await _move(connection, [row[0] for row in await cursor.fetchall()], limit=limit)


async def index_terms_of(connection: Connection, revision_id: RevisionId) -> None:
    """Move all terms of the revision that wait, after waiting for whoever is at them."""
    row = await (await connection.execute(_LOCK_REVISION, {"revision_id": revision_id})).fetchone()
    if row is not None and row[0]:
        await _move(connection, [revision_id], limit=row[0])


async def encode_some(connection: Connection, encoder: LexicalEncoder) -> int:
    """Give chunks of one live revision the terms that they lack; how many chunks. Holds its document."""
    row = await (await connection.execute(_LACKING)).fetchone()
    if row is None:
        return 0
    revision_id = RevisionId(row[0])
    parameters = {"revision_id": revision_id, "collection_id": row[1], "document_id": row[2]}
    cursor = await connection.execute(_TEXTS, {**parameters, "limit": _AT_ONCE})
    texts = [
        (index, in_context(text, name=name, heading_path=heading_path))
        for index, name, heading_path, text in await cursor.fetchall()
    ]
    encoded = await asyncio.to_thread(lambda: [(index, encoder.passage(text)) for index, text in texts])
    await _stage(connection, revision_id, encoded)
    done = {**parameters, "chunks": len(texts), "all": len(texts) < _AT_ONCE}
    await connection.execute(_ENCODED, done)
    await connection.execute(_DONE, {"revision_ids": [revision_id]})
    if texts:
        await connection.execute(FOUND_ANEW, {**parameters, "change": 0})
    return len(texts)


async def fold_changes(connection: Connection) -> None:
    """Add to the counts what others left."""
    await connection.execute(_FOLD, {"limit": _FOLDED_AT_ONCE})


async def _move(connection: Connection, revision_ids: Sequence[Any], *, limit: int) -> int:
    if not revision_ids:
        return 0
    parameters = {"revision_ids": list(revision_ids), "limit": limit}
    moved = await (await connection.execute(_MOVE, parameters)).fetchall()
    await connection.execute(_DONE, parameters)
    return sum(row[0] for row in moved)


async def _stage(
    connection: Connection, revision_id: RevisionId, terms: Iterable[tuple[int, Mapping[int, int]]]
) -> None:
    rows = (
        pack_row(
            pack_bigint(revision_id),
            pack_int(index),
            pack_ints(ordered),
            _pack_sparse(ordered, term_weights(counts)),
        )
        for index, counts in terms
        for ordered in (sorted(counts),)
    )
    await copy_rows(connection, _STAGED_TABLE, rows)


def _pack_sparse(ordered: Sequence[int], weights: Mapping[int, float]) -> bytes:
    """As sparsevec: dimensions, the count, four bytes that are not used, the terms, their weights."""
    count = len(ordered)
    return struct.pack(
        f">iii{count}i{count}f", TERM_SPACE, count, 0, *ordered, *(weights[term] for term in ordered)
    )
