-- Lexical search: the words of each chunk with their BM25 weights, and in how many chunks each word is.
--
-- As vectors do, words wait beside the index when their revision is published, and workers move them into it:
-- putting a chunk's words into GIN takes longer than all else that ingestion does to it. Whoever publishes,
-- deletes or moves words locks the document's row before.

-- The words of chunks that are not in the index yet, live or staged. A chunk's row is missing if it has not been
-- analysed. terms: its term ids. weights: at term + 1, counted from 1.
CREATE TABLE staged_terms (
    revision_id bigint NOT NULL REFERENCES revisions ON DELETE CASCADE,
    chunk_index int NOT NULL,
    terms       int[] NOT NULL,
    weights     sparsevec NOT NULL,
    PRIMARY KEY (revision_id, chunk_index)
);

-- Live revisions whose words are not all in the index. waiting: how many chunks have theirs in staged_terms;
-- searches read those. lacking: whether chunks have not been analysed; workers do it.
CREATE TABLE unindexed_words (
    revision_id   bigint PRIMARY KEY,
    collection_id int NOT NULL,
    document_id   uuid NOT NULL,
    waiting       int NOT NULL CHECK (waiting >= 0),
    lacking       boolean NOT NULL,
    UNIQUE (collection_id, document_id),
    FOREIGN KEY (collection_id, document_id) REFERENCES documents (collection_id, id) ON DELETE CASCADE
) WITH (fillfactor = 50);

CREATE INDEX unindexed_words_waiting ON unindexed_words (revision_id) WHERE waiting > 0;
CREATE INDEX unindexed_words_lacking ON unindexed_words (revision_id) WHERE lacking;

-- The words of live chunks. terms: as in staged_terms, and the negative id of the collection, by which one index
-- serves each collection as if it were alone.
CREATE TABLE lexical (
    collection_id int NOT NULL,
    document_id   uuid NOT NULL,
    revision_id   bigint NOT NULL,
    chunk_index   int NOT NULL,
    terms         int[] NOT NULL,
    weights       sparsevec(1000000000) NOT NULL,
    PRIMARY KEY (collection_id, document_id, chunk_index),
    FOREIGN KEY (collection_id, document_id) REFERENCES documents (collection_id, id) ON DELETE CASCADE
);

-- No list of new rows, which each search would have to read.
CREATE INDEX lexical_terms ON lexical USING gin (terms) WITH (fastupdate = off);

-- In how many chunks of `lexical` a term is, by collection. No foreign key: nobody waits for a collection.
CREATE TABLE term_counts (
    term          int NOT NULL,
    collection_id int NOT NULL,
    chunks        bigint NOT NULL,
    PRIMARY KEY (term, collection_id)
) WITH (fillfactor = 70);

-- Changes of term_counts by those who found another at it; the next one adds them. Empty most of the time.
CREATE TABLE term_changes (
    term          int NOT NULL,
    collection_id int NOT NULL,
    chunks        bigint NOT NULL
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000);

-- Counts what is inserted into `lexical` and deleted from it, whatever statement or cascade does it. One at a
-- time changes term_counts, until the end of its transaction; nobody waits for it.
CREATE FUNCTION citewell_count_terms() RETURNS trigger LANGUAGE plpgsql
SET enable_hashjoin = off SET enable_mergejoin = off AS $$
DECLARE
    sign int := CASE TG_OP WHEN 'INSERT' THEN 1 ELSE -1 END;
BEGIN
    IF pg_try_advisory_xact_lock(hashtext('citewell term counts')) THEN
        MERGE INTO term_counts AS c
        USING (
            SELECT term, collection_id, sign * count(*) AS chunks
            FROM changed CROSS JOIN LATERAL unnest(terms) AS term
            WHERE term >= 0 GROUP BY term, collection_id
        ) AS n ON c.term = n.term AND c.collection_id = n.collection_id
        WHEN MATCHED AND c.chunks + n.chunks = 0 THEN DELETE
        WHEN MATCHED THEN UPDATE SET chunks = c.chunks + n.chunks
        WHEN NOT MATCHED THEN INSERT VALUES (n.term, n.collection_id, n.chunks);
    ELSE
        INSERT INTO term_changes (term, collection_id, chunks)
        SELECT term, collection_id, sign * count(*)
        FROM changed CROSS JOIN LATERAL unnest(terms) AS term
        WHERE term >= 0 GROUP BY term, collection_id;
    END IF;
    RETURN NULL;
END
$$;

CREATE TRIGGER added AFTER INSERT ON lexical REFERENCING NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION citewell_count_terms();
CREATE TRIGGER removed AFTER DELETE ON lexical REFERENCING OLD TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION citewell_count_terms();

-- Adds up to `at_most` changes to term_counts, if nobody else is at it.
CREATE FUNCTION citewell_fold_term_changes(at_most int) RETURNS void LANGUAGE plpgsql
SET enable_hashjoin = off SET enable_mergejoin = off AS $$
BEGIN
    IF EXISTS (SELECT FROM term_changes) AND pg_try_advisory_xact_lock(hashtext('citewell term counts')) THEN
        WITH gone AS (
            DELETE FROM term_changes WHERE ctid = ANY(ARRAY(SELECT ctid FROM term_changes LIMIT at_most))
            RETURNING term, collection_id, chunks
        )
        MERGE INTO term_counts AS c
        USING (
            SELECT term, collection_id, sum(chunks) AS chunks FROM gone
            GROUP BY term, collection_id HAVING sum(chunks) <> 0
        ) AS n ON c.term = n.term AND c.collection_id = n.collection_id
        WHEN MATCHED AND c.chunks + n.chunks = 0 THEN DELETE
        WHEN MATCHED THEN UPDATE SET chunks = c.chunks + n.chunks
        WHEN NOT MATCHED THEN INSERT VALUES (n.term, n.collection_id, n.chunks);
    END IF;
END
$$;

-- What is live already has no words yet; workers add them, and until then it is found by its vectors.
DO $$
DECLARE
    vectors text;
BEGIN
    FOR vectors IN SELECT format('vectors_%s', id) FROM embedding_spaces WHERE active LOOP
        EXECUTE format(
            'INSERT INTO unindexed_words (revision_id, collection_id, document_id, waiting, lacking)
             SELECT DISTINCT revision_id, collection_id, document_id, 0, true FROM %I', vectors);
    END LOOP;
    INSERT INTO unindexed_words (revision_id, collection_id, document_id, waiting, lacking)
    SELECT u.revision_id, u.collection_id, u.document_id, 0, true
    FROM unindexed AS u JOIN embedding_spaces AS s ON s.id = u.space_id AND s.active
    ON CONFLICT DO NOTHING;
END
$$;
