-- What ingestion needs to lose nothing: how far it is, what it told, and which bytes may be orphans.

-- The name and the metadata of a document change with its revision, at the same moment.
-- unlocked_sha256: the copy to read where the upload itself is encrypted.
ALTER TABLE revisions
    ADD COLUMN name text,
    ADD COLUMN metadata jsonb CHECK (jsonb_typeof(metadata) = 'object'),
    ADD COLUMN unlocked_sha256 bytea CHECK (octet_length(unlocked_sha256) = 32),
    ADD COLUMN unreadable_pages int[] NOT NULL DEFAULT '{}';

UPDATE revisions AS r SET name = d.name, metadata = d.metadata FROM documents AS d WHERE d.id = r.document_id;

ALTER TABLE revisions ALTER COLUMN name SET NOT NULL, ALTER COLUMN metadata SET NOT NULL;

CREATE INDEX revisions_unlocked_sha256 ON revisions (unlocked_sha256) WHERE unlocked_sha256 IS NOT NULL;

-- strikes: how often it was claimed since its last progress and not given back in order.
-- announced_at: when a worker was last told of it. progressed_at: when pages_done or chunks_done last grew.
ALTER TABLE jobs
    ADD COLUMN strikes int NOT NULL DEFAULT 0,
    ADD COLUMN announced_at timestamptz NOT NULL DEFAULT now(),
    ADD COLUMN progressed_at timestamptz NOT NULL DEFAULT now();

-- Why the page could not be read; empty if it could.
ALTER TABLE pages ADD COLUMN problem text NOT NULL DEFAULT '';

-- Bytes that nobody may use any more: to be looked at, and deleted or not, from due_at on.
CREATE TABLE content_suspects (
    sha256 bytea PRIMARY KEY CHECK (octet_length(sha256) = 32),
    due_at timestamptz NOT NULL
);

CREATE INDEX content_suspects_due_at ON content_suspects (due_at);

-- Whatever deletes a revision leaves a note about its bytes. A note that is there already may belong to an
-- upload that is under way, and stays as it is.
CREATE FUNCTION citewell_revision_deleted() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO content_suspects (sha256, due_at)
    SELECT sha256, now() FROM unnest(ARRAY[OLD.sha256, OLD.unlocked_sha256]) AS sha256
    WHERE sha256 IS NOT NULL
    ON CONFLICT DO NOTHING;
    RETURN NULL;
END
$$;

CREATE TRIGGER deleted AFTER DELETE ON revisions
    FOR EACH ROW EXECUTE FUNCTION citewell_revision_deleted();

-- fingerprint: of the request that came with the key first.
CREATE TABLE idempotency_keys (
    key         text PRIMARY KEY,
    fingerprint bytea NOT NULL CHECK (octet_length(fingerprint) = 32),
    document_id uuid NOT NULL REFERENCES documents ON DELETE CASCADE,
    created_at  timestamptz NOT NULL DEFAULT now()
);

CREATE INDEX idempotency_keys_document_id ON idempotency_keys (document_id);
CREATE INDEX idempotency_keys_created_at ON idempotency_keys (created_at);

-- What a document was from some moment on, for those who follow it.
CREATE TABLE document_events (
    id            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    document_id   uuid NOT NULL REFERENCES documents ON DELETE CASCADE,
    status        text NOT NULL,
    stage         text,
    attempts      int NOT NULL,
    pages_done    int NOT NULL,
    pages_total   int,
    chunks_done   int NOT NULL,
    chunks_total  int,
    error_code    text,
    error_message text,
    at            timestamptz NOT NULL
);

CREATE INDEX document_events_document_id ON document_events (document_id, id);
CREATE INDEX document_events_at ON document_events (at);

-- The row of the job is locked by whoever changes it, so a document's events are numbered in their order.
CREATE FUNCTION citewell_job_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO document_events (document_id, status, stage, attempts, pages_done, pages_total, chunks_done,
        chunks_total, error_code, error_message, at)
    VALUES (NEW.document_id, NEW.status, NEW.stage, NEW.attempts, NEW.pages_done, NEW.pages_total,
        NEW.chunks_done, NEW.chunks_total, NEW.error_code, NEW.error_message, clock_timestamp());
    RETURN NULL;
END
$$;

CREATE TRIGGER created AFTER INSERT ON jobs
    FOR EACH ROW EXECUTE FUNCTION citewell_job_changed();

CREATE TRIGGER changed AFTER UPDATE ON jobs
    FOR EACH ROW
    WHEN ((OLD.status, OLD.stage, OLD.attempts, OLD.pages_done, OLD.pages_total, OLD.chunks_done,
            OLD.chunks_total) IS DISTINCT FROM (NEW.status, NEW.stage, NEW.attempts, NEW.pages_done,
            NEW.pages_total, NEW.chunks_done, NEW.chunks_total))
    EXECUTE FUNCTION citewell_job_changed();

-- The documents that are there get the event of their present state.
INSERT INTO document_events (document_id, status, stage, attempts, pages_done, pages_total, chunks_done,
    chunks_total, error_code, error_message, at)
SELECT document_id, status, stage, attempts, pages_done, pages_total, chunks_done, chunks_total, error_code,
    error_message, updated_at
FROM jobs ORDER BY updated_at;
