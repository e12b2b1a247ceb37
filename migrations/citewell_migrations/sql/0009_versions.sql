-- When results that were kept are over.
--
-- collections.version grows with each visible change, in its transaction and as its last statement: whoever
-- publishes holds this row of everybody's no longer than its commit takes. For questions that name documents each
-- document has a version too: any number that it never had, from one sequence, as a document may be deleted and
-- come back under its id. Numbers are compared for equality alone, so it does not matter in which order they commit.
-- An embedding space has another one each time it becomes active.

CREATE SEQUENCE citewell_versions;

-- In two steps: documents that are there all begin with 0, and the table is not rewritten.
ALTER TABLE documents ADD COLUMN version bigint NOT NULL DEFAULT 0;
ALTER TABLE documents ALTER COLUMN version SET DEFAULT nextval('citewell_versions');

ALTER TABLE embedding_spaces ADD COLUMN version bigint NOT NULL DEFAULT nextval('citewell_versions');
