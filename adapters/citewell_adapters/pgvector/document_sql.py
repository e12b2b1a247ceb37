"""The statements of the document store."""

from __future__ import annotations

from typing import Final, LiteralString

from citewell_adapters.pgvector.states import IN_RETRY

__all__ = [
    "ADD_REVISION",
    "CREATE",
    "CREATE_COLLECTION",
    "CREATE_JOB",
    "DELETE",
    "DROP_REVISION",
    "EVENTS",
    "EXISTS",
    "FIND_COLLECTION",
    "FIND_KEY",
    "GET",
    "HASHES",
    "HOLDER_BY_BYTES",
    "HOLDER_BY_ID",
    "LISTS",
    "LIVE",
    "LOCK_FOR_DELETE",
    "PRUNE_EVENTS",
    "PRUNE_KEYS",
    "REMEMBER_KEY",
    "RENAMED",
    "RENAME_LIVE",
    "RENAME_REVISION",
    "REPLACE_JOB",
    "RETRY_JOB",
    "UNLOCK_REVISION",
]

#: A document with its newest revision, which is the one that its job is for.
_DOCUMENTS: Final = """
SELECT d.id, r.name, c.name, r.media_type, r.size_bytes, encode(r.sha256, 'hex'), r.metadata,
       j.status, j.stage, j.pages_done, j.pages_total, j.chunks_done, j.chunks_total,
       j.attempts, j.error_code, j.error_message, r.page_count, r.chunk_count,
       d.created_at, greatest(d.updated_at, j.updated_at), d.live_revision_id, r.unreadable_pages, r.id
FROM documents AS d
JOIN collections AS c ON c.id = d.collection_id
JOIN jobs AS j ON j.document_id = d.id
JOIN revisions AS r ON r.id = j.revision_id
"""

# documents_pkey
GET: Final = f"{_DOCUMENTS} WHERE d.id = %(document_id)s"

# documents_pkey, jobs_document_id_key, revisions_pkey
LIVE: Final = """
SELECT j.status, r.id, encode(r.sha256, 'hex'), encode(coalesce(r.unlocked_sha256, r.sha256), 'hex'),
       r.media_type
FROM documents AS d
JOIN jobs AS j ON j.document_id = d.id
LEFT JOIN revisions AS r ON r.id = d.live_revision_id
WHERE d.id = %(document_id)s
"""

# revisions_sha256. The lock keeps a delete away until the submission is over.
HOLDER_BY_BYTES: Final = f"""{_DOCUMENTS}
WHERE r.sha256 = %(sha256)s AND c.name = %(collection)s
ORDER BY d.id LIMIT 1
FOR KEY SHARE OF d
"""

# documents_pkey. Two replacements of one document follow each other; publications wait for them.
HOLDER_BY_ID: Final = f"{_DOCUMENTS} WHERE d.id = %(document_id)s FOR NO KEY UPDATE OF d"

_IN_COLLECTION: Final = "d.collection_id = (SELECT id FROM collections WHERE name = %(collection)s)"
_IN_STATUS: Final = "j.status = %(status)s"
_PAGE: Final = "d.id > %(after)s ORDER BY d.id LIMIT %(limit)s"

#: By (collection given, status given): documents_pkey, documents_collection_id_id_key, jobs_by_status.
LISTS: Final[dict[tuple[bool, bool], LiteralString]] = {
    (False, False): f"{_DOCUMENTS} WHERE {_PAGE}",
    (True, False): f"{_DOCUMENTS} WHERE {_IN_COLLECTION} AND {_PAGE}",
    (False, True): f"{_DOCUMENTS} WHERE {_IN_STATUS} AND j.document_id = d.id AND {_PAGE}",
    (True, True): f"{_DOCUMENTS} WHERE {_IN_COLLECTION} AND {_IN_STATUS} AND {_PAGE}",
}

# collections_name_key
FIND_COLLECTION: Final = "SELECT id FROM collections WHERE name = %(name)s"
CREATE_COLLECTION: Final = "INSERT INTO collections (name) VALUES (%(name)s) ON CONFLICT DO NOTHING"

CREATE: Final = """
INSERT INTO documents (id, collection_id, name, metadata)
VALUES (%(document_id)s, %(collection_id)s, %(name)s, %(metadata)s::jsonb)
"""
ADD_REVISION: Final = """
INSERT INTO revisions (document_id, sha256, size_bytes, media_type, name, metadata, unlocked_sha256)
VALUES (%(document_id)s, %(sha256)s, %(size_bytes)s, %(media_type)s, %(name)s, %(metadata)s::jsonb,
    %(unlocked_sha256)s)
RETURNING id
"""
CREATE_JOB: Final = """
INSERT INTO jobs (id, document_id, revision_id, status, request_id)
VALUES (%(job_id)s, %(document_id)s, %(revision_id)s, 'queued', %(request_id)s)
"""

# A new id, so that nobody's lease or announcement of the former job counts.
_QUEUED_ANEW: Final = """
id = %(job_id)s, status = 'queued', stage = NULL, attempts = 0, fence = 0, strikes = 0,
claimable_at = now(), announced_at = now(), progressed_at = now(),
pages_done = 0, pages_total = NULL, chunks_done = 0, chunks_total = NULL,
error_code = NULL, error_message = NULL, request_id = %(request_id)s, updated_at = clock_timestamp()
"""

# jobs_document_id_key
REPLACE_JOB: Final = f"""
UPDATE jobs SET revision_id = %(revision_id)s, {_QUEUED_ANEW} WHERE document_id = %(document_id)s
"""  # noqa: S608 - made of constants
RETRY_JOB: Final = f"""
UPDATE jobs SET {_QUEUED_ANEW} WHERE document_id = %(document_id)s AND status IN {IN_RETRY}
"""  # noqa: S608 - made of constants

# revisions_pkey
RENAME_REVISION: Final = """
UPDATE revisions SET name = %(name)s, metadata = %(metadata)s::jsonb WHERE id = %(revision_id)s
"""
UNLOCK_REVISION: Final = """
UPDATE revisions SET unlocked_sha256 = %(unlocked_sha256)s WHERE id = %(revision_id)s
"""
DROP_REVISION: Final = "DELETE FROM revisions WHERE id = %(revision_id)s"

# documents_pkey. What searches say of the document, if it is the renamed revision that they find.
RENAME_LIVE: Final = """
UPDATE documents SET name = %(name)s, metadata = %(metadata)s::jsonb, updated_at = clock_timestamp(),
    version = nextval('citewell_versions')
WHERE id = %(document_id)s AND coalesce(live_revision_id, %(revision_id)s) = %(revision_id)s
"""

# collections_pkey, documents_pkey. Late, as the row is everybody's.
RENAMED: Final = """
UPDATE collections SET version = version + 1
WHERE id = (SELECT collection_id FROM documents WHERE id = %(document_id)s)
"""

# idempotency_keys_pkey
FIND_KEY: Final = """
SELECT encode(fingerprint, 'hex'), document_id FROM idempotency_keys WHERE key = %(key)s
"""
REMEMBER_KEY: Final = """
INSERT INTO idempotency_keys (key, fingerprint, document_id)
VALUES (%(key)s, %(fingerprint)s, %(document_id)s)
"""

# documents_pkey
EXISTS: Final = "SELECT 1 FROM documents WHERE id = %(document_id)s"
LOCK_FOR_DELETE: Final = "SELECT 1 FROM documents WHERE id = %(document_id)s FOR UPDATE"
DELETE: Final = "DELETE FROM documents WHERE id = %(document_id)s"

# revisions_document_id_id_key
HASHES: Final = """
SELECT encode(sha256, 'hex') AS sha256 FROM revisions WHERE document_id = %(document_id)s
UNION
SELECT encode(unlocked_sha256, 'hex') FROM revisions
WHERE document_id = %(document_id)s AND unlocked_sha256 IS NOT NULL
ORDER BY sha256
"""

# document_events_document_id
EVENTS: Final = """
SELECT id, status, stage, pages_done, pages_total, chunks_done, chunks_total, attempts, error_code,
    error_message, at
FROM document_events WHERE document_id = %(document_id)s AND id > %(after)s
ORDER BY id LIMIT %(limit)s
"""

# idempotency_keys_created_at
PRUNE_KEYS: Final = """
DELETE FROM idempotency_keys WHERE created_at < now() - make_interval(secs => %(seconds)s)
"""

# document_events_at, document_events_document_id
PRUNE_EVENTS: Final = """
DELETE FROM document_events AS old
WHERE at < now() - make_interval(secs => %(seconds)s) AND EXISTS (
    SELECT FROM document_events AS newer WHERE newer.document_id = old.document_id AND newer.id > old.id
)
"""
