-- Several embedding spaces side by side: the active one is in vectors_<space>, others in inactive_vectors_<space>.
--
-- Making another one active renames both tables, so that a statement of a process that does not know of it yet
-- fails instead of searching what nobody serves any more. Whoever changes vectors holds the row of their space
-- (FOR KEY SHARE); whoever makes another one active locks the rows of both for itself, and then the tables.

-- How the vectors are made: the settings that name the embedder, without secrets. backend is NULL where no process
-- has noted it yet.
ALTER TABLE embedding_spaces
    ADD COLUMN backend text CHECK (backend IN ('local', 'mock', 'openai')),
    ADD COLUMN backend_model text;

-- An inactive space holds vectors of live chunks alone, none of those that wait for the index. Whatever takes the
-- place of a live revision takes its vectors out of the inactive spaces in the same transaction.
CREATE FUNCTION citewell_forget_inactive() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    space int;
BEGIN
    FOR space IN SELECT id FROM embedding_spaces WHERE NOT active ORDER BY id FOR KEY SHARE LOOP
        EXECUTE format(
            'DELETE FROM %I WHERE collection_id = $1 AND document_id = $2', 'inactive_vectors_' || space)
        USING OLD.collection_id, OLD.id;
    END LOOP;
    RETURN NULL;
END
$$;

CREATE TRIGGER forgotten AFTER UPDATE OF live_revision_id ON documents
    FOR EACH ROW EXECUTE FUNCTION citewell_forget_inactive();
