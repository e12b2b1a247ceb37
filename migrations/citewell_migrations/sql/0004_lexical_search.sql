-- Lexical search: the words of each chunk with their BM25 weights, and in how many chunks each word is.
--
-- A chunk's words are in the index from its staging on; a row in published makes them live, so publishing costs
-- nothing by the chunk. Whoever changes published locks the document's row before.

-- The live revision of each document. encoded: whether all of its chunks have their words in lexical; where not,
-- a worker adds them. counted: whether term_counts holds them.
CREATE TABLE published (
    revision_id   bigint PRIMARY KEY,
    collection_id int NOT NULL,
    document_id   uuid NOT NULL,
    encoded       boolean NOT NULL,
    counted       boolean NOT NULL,
    UNIQUE (collection_id, document_id),
    FOREIGN KEY (collection_id, document_id) REFERENCES documents (collection_id, id) ON DELETE CASCADE
);

CREATE INDEX published_unencoded ON published (revision_id) WHERE NOT encoded;

-- terms: the chunk's term ids, and the negative id of its collection, by which one index serves each collection
-- as if it were alone. weights: at term + 1, counted from 1.
CREATE TABLE lexical (
    revision_id bigint NOT NULL REFERENCES revisions ON DELETE CASCADE,
    chunk_index int NOT NULL,
    terms       int[] NOT NULL,
    weights     sparsevec(1000000000) NOT NULL,
    PRIMARY KEY (revision_id, chunk_index)
);

-- New rows wait in a list that each search reads: a short one.
CREATE INDEX lexical_terms ON lexical USING gin (terms) WITH (gin_pending_list_limit = 512);

-- In how many live chunks of a collection a term is: the sum of its rows. Publications and deletes only add rows,
-- so they never wait for each other; a worker folds them into one. No foreign key: nobody waits for a collection.
CREATE TABLE term_counts (
    collection_id int NOT NULL,
    term          int NOT NULL,
    chunks        bigint NOT NULL,
    folded        boolean NOT NULL DEFAULT false
);

CREATE INDEX term_counts_term ON term_counts (term, collection_id) INCLUDE (chunks);
CREATE INDEX term_counts_unfolded ON term_counts (collection_id, term) WHERE NOT folded;

CREATE FUNCTION citewell_add_terms(collection int, revision bigint, sign int) RETURNS void LANGUAGE sql AS $$
    INSERT INTO term_counts (collection_id, term, chunks)
    SELECT collection, term, sign * count(*)
    FROM lexical AS l CROSS JOIN LATERAL unnest(l.terms) AS term
    WHERE l.revision_id = revision AND term >= 0
    GROUP BY term
$$;

-- Adds a live revision's words to the counts (sign 1) or takes them away (-1), unless that was done already.
CREATE FUNCTION citewell_count_terms(revision bigint, sign int) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    collection int;
BEGIN
    UPDATE published SET counted = NOT counted
    WHERE revision_id = revision AND counted = (sign < 0)
    RETURNING collection_id INTO collection;
    IF FOUND THEN
        PERFORM citewell_add_terms(collection, revision, sign);
    END IF;
END
$$;

-- Whatever deletes a revision, or the row that makes it live, takes its words out of the counts. Of a cascade
-- from the document either may come first: that depends on the order in which the foreign keys were made.
CREATE FUNCTION citewell_uncount_revision() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM citewell_count_terms(OLD.id, -1);
    RETURN OLD;
END
$$;

CREATE TRIGGER uncounted BEFORE DELETE ON revisions
    FOR EACH ROW EXECUTE FUNCTION citewell_uncount_revision();

CREATE FUNCTION citewell_uncount_published() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM citewell_add_terms(OLD.collection_id, OLD.revision_id, -1);
    RETURN OLD;
END
$$;

CREATE TRIGGER uncounted BEFORE DELETE ON published
    FOR EACH ROW WHEN (OLD.counted) EXECUTE FUNCTION citewell_uncount_published();

-- What is live already has no words yet; workers add them, and until then it is found by its vectors.
DO $$
DECLARE
    vectors text;
BEGIN
    FOR vectors IN SELECT format('vectors_%s', id) FROM embedding_spaces WHERE active LOOP
        EXECUTE format(
            'INSERT INTO published (revision_id, collection_id, document_id, encoded, counted)
             SELECT DISTINCT revision_id, collection_id, document_id, false, false FROM %I', vectors);
    END LOOP;
    INSERT INTO published (revision_id, collection_id, document_id, encoded, counted)
    SELECT u.revision_id, u.collection_id, u.document_id, false, false
    FROM unindexed AS u JOIN embedding_spaces AS s ON s.id = u.space_id AND s.active
    ON CONFLICT DO NOTHING;
END
$$;
