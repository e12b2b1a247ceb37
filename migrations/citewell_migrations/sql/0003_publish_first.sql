-- Publish first, index later: a live revision's vectors may wait in staged_vectors for their place in the index.
--
-- Only the publisher, the deleter and the indexer of a document touch this table and vectors_<space>, and each
-- locks the document's row before: the first two for themselves, the indexer shared, so against both.

-- Live revisions with vectors that are not in the index yet; searches read those exactly.
-- chunk_count: how many of them still wait. No foreign key to revisions: a publication counts what the former
-- revision had here, also when that revision is gone already.
CREATE TABLE unindexed (
    revision_id   bigint NOT NULL,
    space_id      int NOT NULL REFERENCES embedding_spaces,
    collection_id int NOT NULL,
    document_id   uuid NOT NULL,
    chunk_count   int NOT NULL CHECK (chunk_count >= 0),
    PRIMARY KEY (revision_id, space_id),
    UNIQUE (space_id, collection_id, document_id),
    FOREIGN KEY (collection_id, document_id) REFERENCES documents (collection_id, id) ON DELETE CASCADE
) WITH (fillfactor = 50);

-- Chunks are counted where they are published and deleted: moving them into the index changes nothing visible.
DO $$
DECLARE
    vectors text;
BEGIN
    FOR vectors IN SELECT format('vectors_%s', id) FROM embedding_spaces LOOP
        EXECUTE format('DROP TRIGGER inserted ON %I', vectors);
        EXECUTE format('DROP TRIGGER deleted ON %I', vectors);
    END LOOP;
END
$$;

DROP FUNCTION citewell_vectors_changed();

-- Makes the table of a space's indexed vectors, vectors_<space>.
-- Every key carries the collection, so that the table can be partitioned by it.
CREATE OR REPLACE FUNCTION citewell_create_vectors(space_id int, dimensions int) RETURNS void
LANGUAGE plpgsql AS $$
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
END
$$;
