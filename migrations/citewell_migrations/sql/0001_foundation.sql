-- Collections, documents and their ingestion; texts; vectors. Needs PostgreSQL 15 and pgvector 0.8 or newer.
--
-- Everything a document has hangs on its row by ON DELETE CASCADE, so that deleting it leaves nothing. Whoever
-- locks several rows locks the document first, then its job, then vectors; triggers lock the collection last.

-- version: changes with everything that a search in the collection could see; caches key on it.
-- chunk_count: live chunks; decides whether a search reads them all or goes through the index.
CREATE TABLE collections (
    id          int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name        text NOT NULL UNIQUE,
    version     bigint NOT NULL DEFAULT 0,
    chunk_count bigint NOT NULL DEFAULT 0
) WITH (fillfactor = 50);

-- live_revision_id has no foreign key: revisions refer to documents already.
CREATE TABLE documents (
    id               uuid PRIMARY KEY,
    collection_id    int NOT NULL REFERENCES collections,
    name             text NOT NULL,
    metadata         jsonb NOT NULL CHECK (jsonb_typeof(metadata) = 'object'),
    live_revision_id bigint,
    created_at       timestamptz NOT NULL DEFAULT now(),
    updated_at       timestamptz NOT NULL DEFAULT now(),
    UNIQUE (collection_id, id)
);

CREATE TABLE revisions (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    document_id uuid NOT NULL REFERENCES documents ON DELETE CASCADE,
    sha256      bytea NOT NULL CHECK (octet_length(sha256) = 32),
    size_bytes  bigint NOT NULL,
    media_type  text NOT NULL,
    page_count  int,
    chunk_count int,
    created_at  timestamptz NOT NULL DEFAULT now(),
    UNIQUE (document_id, id)
);

-- Not unique: two documents may hold the same bytes.
CREATE INDEX revisions_sha256 ON revisions (sha256);

-- A document has one job, for its newest revision; a new try takes the place of the former one.
-- fence: grows with every claim. claimable_at: when queued, not to be claimed before; when processing, the
-- end of the lease.
CREATE TABLE jobs (
    id            uuid PRIMARY KEY,
    document_id   uuid NOT NULL UNIQUE,
    revision_id   bigint NOT NULL,
    status        text NOT NULL CHECK (status IN ('queued', 'processing', 'ready', 'failed', 'cancelled')),
    stage         text CHECK (stage IN ('parsing', 'chunking', 'embedding', 'publishing')),
    attempts      int NOT NULL DEFAULT 0,
    fence         bigint NOT NULL DEFAULT 0,
    claimable_at  timestamptz NOT NULL DEFAULT now(),
    pages_done    int NOT NULL DEFAULT 0,
    pages_total   int,
    chunks_done   int NOT NULL DEFAULT 0,
    chunks_total  int,
    error_code    text,
    error_message text,
    request_id    text NOT NULL DEFAULT '',
    created_at    timestamptz NOT NULL DEFAULT now(),
    updated_at    timestamptz NOT NULL DEFAULT now(),
    FOREIGN KEY (document_id, revision_id) REFERENCES revisions (document_id, id) ON DELETE CASCADE
);

CREATE INDEX jobs_waiting ON jobs (claimable_at) WHERE status IN ('queued', 'processing');
CREATE INDEX jobs_by_status ON jobs (status, document_id);

-- The text of a revision is that of its pages in the order of their offsets (characters).
-- lines: 24 bytes each, big-endian: start, end (uint32), left, top, right, bottom (float32).
-- headings: [[start, level, title], ...].
CREATE TABLE pages (
    revision_id  bigint NOT NULL REFERENCES revisions ON DELETE CASCADE,
    start_offset int NOT NULL,
    end_offset   int NOT NULL,
    number       int NOT NULL,
    text         text NOT NULL,
    lines        bytea NOT NULL,
    headings     jsonb NOT NULL,
    PRIMARY KEY (revision_id, start_offset)
);

-- The chunks of a revision, written once, before it is live: they are found through vectors alone.
CREATE TABLE chunks (
    revision_id  bigint NOT NULL REFERENCES revisions ON DELETE CASCADE,
    chunk_index  int NOT NULL,
    span_start   int NOT NULL,
    span_end     int NOT NULL,
    first_page   int NOT NULL,
    last_page    int NOT NULL,
    token_count  int NOT NULL,
    heading_path text[] NOT NULL,
    text         text NOT NULL,
    PRIMARY KEY (revision_id, chunk_index)
);

CREATE TABLE embedding_spaces (
    id         int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    model      text NOT NULL,
    dimensions int NOT NULL CHECK (dimensions BETWEEN 1 AND 4000),
    active     boolean NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (model, dimensions)
);

CREATE UNIQUE INDEX embedding_spaces_active ON embedding_spaces (active) WHERE active;

-- Vectors that wait for their revision's publication. STORAGE PLAIN keeps them in the row, out of TOAST.
CREATE TABLE staged_vectors (
    revision_id bigint NOT NULL REFERENCES revisions ON DELETE CASCADE,
    space_id    int NOT NULL REFERENCES embedding_spaces,
    chunk_index int NOT NULL,
    embedding   halfvec NOT NULL,
    PRIMARY KEY (revision_id, space_id, chunk_index)
);

ALTER TABLE staged_vectors ALTER COLUMN embedding SET STORAGE PLAIN;

-- Counts live chunks and marks the change, whatever statement or cascade caused it.
CREATE FUNCTION citewell_vectors_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE collections
    SET version = version + 1,
        chunk_count = chunk_count + CASE TG_OP WHEN 'INSERT' THEN total ELSE -total END
    FROM (SELECT collection_id, count(*) AS total FROM changed GROUP BY collection_id) AS totals
    WHERE id = collection_id;
    RETURN NULL;
END
$$;

-- Makes the table of a space's live vectors, vectors_<space>.
-- Every key carries the collection, so that the table can be partitioned by it.
CREATE FUNCTION citewell_create_vectors(space_id int, dimensions int) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    vectors text := format('vectors_%s', space_id);
BEGIN
    EXECUTE format(
        'CREATE TABLE %1$I (
            collection_id int NOT NULL,
            document_id   uuid NOT NULL,
            revision_id   bigint NOT NULL,
            chunk_index   int NOT NULL,
            embedding     halfvec(%2$s) NOT NULL,
            PRIMARY KEY (collection_id, document_id, chunk_index),
            FOREIGN KEY (collection_id, document_id) REFERENCES documents (collection_id, id)
                ON DELETE CASCADE
        )', vectors, dimensions);
    EXECUTE format('ALTER TABLE %I ALTER COLUMN embedding SET STORAGE PLAIN', vectors);
    EXECUTE format(
        'CREATE INDEX %I ON %I USING hnsw (embedding halfvec_cosine_ops)', vectors || '_hnsw', vectors);
    EXECUTE format(
        'CREATE TRIGGER inserted AFTER INSERT ON %I REFERENCING NEW TABLE AS changed
         FOR EACH STATEMENT EXECUTE FUNCTION citewell_vectors_changed()', vectors);
    EXECUTE format(
        'CREATE TRIGGER deleted AFTER DELETE ON %I REFERENCING OLD TABLE AS changed
         FOR EACH STATEMENT EXECUTE FUNCTION citewell_vectors_changed()', vectors);
END
$$;
