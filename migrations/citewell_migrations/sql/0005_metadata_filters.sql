-- Filters over metadata: each value of each document in a narrow row, under a B-tree for each type.

-- One of number, string and truth is set. string: its first 257 characters, which tell how it compares with any
-- of up to 256. The collation is that of the code points.
CREATE TABLE document_values (
    collection_id int NOT NULL,
    document_id   uuid NOT NULL,
    key           text COLLATE "C" NOT NULL,
    number        numeric,
    string        text COLLATE "C",
    truth         boolean,
    FOREIGN KEY (collection_id, document_id) REFERENCES documents (collection_id, id) ON DELETE CASCADE
);

-- Whether a document has a value, and which documents have it: both without a look into the table.
CREATE INDEX document_values_document ON document_values (document_id, key) INCLUDE (number, string, truth);
CREATE INDEX document_values_number ON document_values (collection_id, key, number, document_id)
    WHERE number IS NOT NULL;
CREATE INDEX document_values_string ON document_values (collection_id, key, string, document_id)
    WHERE string IS NOT NULL;
CREATE INDEX document_values_truth ON document_values (collection_id, key, truth, document_id)
    WHERE truth IS NOT NULL;

-- The values as citewell.filtering.stored_values gives them: objects lead to longer keys, arrays to several
-- values of one. Keys and numbers that are too long for an index are left out: no filter can ask for them.
CREATE FUNCTION citewell_values(metadata jsonb)
RETURNS TABLE (key text, number numeric, string text, truth boolean) LANGUAGE sql IMMUTABLE AS $$
    WITH RECURSIVE walk (key, value, kind) AS (
        SELECT e.key, e.value, jsonb_typeof(e.value) FROM jsonb_each(metadata) AS e
        UNION ALL
        SELECT e.key, e.value, jsonb_typeof(e.value)
        FROM walk AS w CROSS JOIN LATERAL (
            SELECT w.key || '.' || o.key AS key, o.value
            FROM jsonb_each(CASE w.kind WHEN 'object' THEN w.value ELSE '{}' END) AS o
            UNION ALL
            SELECT w.key, a.value
            FROM jsonb_array_elements(CASE w.kind WHEN 'array' THEN w.value ELSE '[]' END) AS a (value)
        ) AS e
        WHERE w.kind IN ('object', 'array')
    ), scalars AS (
        SELECT w.key,
            CASE w.kind WHEN 'number' THEN w.value::numeric END AS number,
            CASE w.kind WHEN 'string' THEN left(w.value #>> '{}', 257) END AS string,
            CASE w.kind WHEN 'boolean' THEN w.value::boolean END AS truth
        FROM walk AS w
        WHERE w.kind IN ('number', 'string', 'boolean') AND length(w.key) <= 256
    )
    SELECT DISTINCT s.key, s.number, s.string, s.truth FROM scalars AS s
    WHERE s.number IS NULL OR (abs(s.number) < 1e400 AND scale(s.number) <= 400)
$$;

CREATE FUNCTION citewell_metadata_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' THEN
        DELETE FROM document_values WHERE document_id = NEW.id;
    END IF;
    INSERT INTO document_values (collection_id, document_id, key, number, string, truth)
    SELECT NEW.collection_id, NEW.id, v.key, v.number, v.string, v.truth
    FROM citewell_values(NEW.metadata) AS v;
    RETURN NULL;
END
$$;

CREATE TRIGGER metadata_created AFTER INSERT ON documents
    FOR EACH ROW WHEN (NEW.metadata <> '{}')
    EXECUTE FUNCTION citewell_metadata_changed();

CREATE TRIGGER metadata_changed AFTER UPDATE OF metadata ON documents
    FOR EACH ROW WHEN (OLD.metadata IS DISTINCT FROM NEW.metadata)
    EXECUTE FUNCTION citewell_metadata_changed();

INSERT INTO document_values (collection_id, document_id, key, number, string, truth)
SELECT d.collection_id, d.id, v.key, v.number, v.string, v.truth
FROM documents AS d CROSS JOIN LATERAL citewell_values(d.metadata) AS v;
