-- Where chunks stand on their pages.

-- boxes: of the chunk's lines, 12 bytes each, big-endian: page (uint32), left, top, right, bottom (uint16, in
-- 20,000ths of the page). NULL where the chunk was stored before this column was there: whoever reads such a
-- chunk reads its pages' lines as well.
ALTER TABLE chunks ADD COLUMN boxes bytea;

-- The lines of the pages that share a character with the span, a record for each page: number, start_offset,
-- length of the lines in bytes (int32, big-endian), then the lines as in `pages`. Pages do not overlap, so none
-- before the one that the span begins in has a part in it: pages_pkey, from that one on.
CREATE FUNCTION citewell_lines(revision bigint, first_character int, past_last_character int) RETURNS bytea
LANGUAGE sql STABLE AS $$
    SELECT coalesce(string_agg(
        int4send(p.number) || int4send(p.start_offset) || int4send(octet_length(p.lines)) || p.lines, ''::bytea
        ORDER BY p.start_offset
    ), ''::bytea)
    FROM pages AS p
    WHERE p.revision_id = revision
        AND p.start_offset < past_last_character AND p.end_offset > first_character
        AND p.end_offset > p.start_offset
        AND p.start_offset >= coalesce((
            SELECT max(start_offset) FROM pages
            WHERE revision_id = revision AND start_offset <= first_character
        ), 0)
$$;
