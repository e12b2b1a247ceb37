"""Which documents a filter lets through, as far as they are few: tables that come first in a search's WITH.

    searched        the collections that are searched
    source_<n>      from each source of the filter, one document more than may be read, at most
    chosen          the source with the fewest documents, if one was read to its end
    filtered        the documents of it that match
    filtered_size   how many indexed chunks they have, by the average of some of them

So the estimate costs no more than reading some thousand entries of an index, however many documents match. If
it is small, the search reads `filtered`; else it walks the vectors' index and asks of each document on the
way whether it matches. If it walked in vain, `all_matching` gives every document, however many they are.
"""

from __future__ import annotations

from typing import Final, LiteralString

from citewell_adapters.pgvector.filters import CompiledFilter

__all__ = ["SAMPLE", "SIZE_OF_FILTERED", "all_matching", "filtered_tables"]

# collections_name_key, collections_pkey
_COLLECTION: Final = "SELECT id FROM collections WHERE name = %(collection)s"
_COLLECTIONS: Final = "SELECT id FROM collections"

# The indexes of document_values by value. OFFSET 0 keeps PostgreSQL from another order of joining.
_ALL_OF_SOURCE: Final = """
    SELECT c.id AS collection_id, x.document_id
    FROM searched AS c CROSS JOIN LATERAL ({source} OFFSET 0) AS x
"""
# documents_collection_id_id_key
_ALL_DOCUMENTS: Final = """
    SELECT c.id AS collection_id, x.document_id
    FROM searched AS c CROSS JOIN LATERAL (
        SELECT d.id AS document_id FROM documents AS d WHERE d.collection_id = c.id OFFSET 0
    ) AS x
"""

_ALL_MATCHING: Final = "SELECT DISTINCT x.collection_id, x.document_id FROM ({from}) AS x WHERE {matches}"

_SOURCE: Final = "source_{n} AS MATERIALIZED ({all} LIMIT {max_read} + 1), "

# vectors_<space>_pkey. In the order of the key, as they are looked up by it.
_PARTS: Final = """
searched AS MATERIALIZED (
    {searched}
), {sources}chosen AS MATERIALIZED (
    SELECT n FROM (VALUES {counts}) AS s (n, documents)
    WHERE documents <= {max_read}
    ORDER BY documents, n LIMIT 1
), filtered AS MATERIALIZED (
    SELECT DISTINCT x.collection_id, x.document_id FROM ({all}) AS x WHERE {matches}
    ORDER BY x.collection_id, x.document_id
), filtered_size AS MATERIALIZED (
    SELECT EXISTS (SELECT FROM chosen) AS known,
        (SELECT count(*) FROM filtered) * coalesce(avg(chunks), 0) AS chunks
    FROM (
        SELECT (
            SELECT count(*) FROM {vectors} AS v
            WHERE v.collection_id = m.collection_id AND v.document_id = m.document_id
        ) AS chunks
        FROM (
            SELECT * FROM (SELECT *, row_number() OVER () AS place FROM filtered) AS numbered
            WHERE place %% greatest((SELECT count(*) FROM filtered) / {sample}, 1) = 0
        ) AS m
    ) AS counted
), whole AS MATERIALIZED (
    {size}
), """

#: large: whether the search goes through the vectors' index. known: whether `filtered` has all that match.
SIZE_OF_FILTERED: Final = """
    SELECT m.known, w.large AND NOT (m.known AND m.chunks <= {max_matching}) AS large,
        CASE WHEN m.known THEN m.chunks::bigint END AS matched,
        (SELECT id FROM searched WHERE %(collection)s::text IS NOT NULL) AS id
    FROM whole AS w, filtered_size AS m
"""

#: Of so many of the matching documents the chunks are counted.
SAMPLE: Final = 50


def filtered_tables(condition: CompiledFilter, *, size: LiteralString, in_collection: bool) -> LiteralString:
    """The tables, with a comma at the end. size: tells whether all that is searched is `large`."""
    sources, counts, branches, in_others = "", "", "", ""
    for number, source in zip(_NUMBERS, condition.sources, strict=False):
        query = _ALL_OF_SOURCE.replace("{source}", source.query)
        sources += _SOURCE.replace("{n}", number).replace("{all}", query)
        counts += ("" if not counts else ", ") + _COUNT.replace("{n}", number)
        branches += ("" if not branches else " UNION ALL ") + _OF_CHOSEN.replace("{n}", number)
        in_others += _IN_OTHER.replace("{n}", number)
    statement = _PARTS.replace("{searched}", _COLLECTION if in_collection else _COLLECTIONS)
    statement = statement.replace("{size}", size).replace("{sources}", sources)
    statement = statement.replace("{counts}", counts or _NO_COUNT).replace("{all}", branches or _NO_DOCUMENT)
    checked = _checked(condition) if len(condition.sources) < 2 else in_others + _checked(condition)
    return statement.replace("{matches}", checked)


def all_matching(condition: CompiledFilter) -> LiteralString:
    """Every document that matches: collection_id, document_id."""
    every = _ALL_DOCUMENTS
    if condition.sources:
        every = _ALL_OF_SOURCE.replace("{source}", condition.sources[0].query)
    return _ALL_MATCHING.replace("{from}", every).replace("{matches}", _checked(condition))


def _checked(condition: CompiledFilter) -> LiteralString:
    """Whether a document of a source matches, as far as the source does not say so already."""
    if condition.sources and condition.sources[0].exact:
        return "true"
    return condition.matches("x.document_id")


_NUMBERS: Final[tuple[LiteralString, ...]] = ("0", "1", "2", "3")
_COUNT: Final = "({n}, (SELECT count(*) FROM source_{n}))"
_OF_CHOSEN: Final = "SELECT * FROM source_{n} WHERE (SELECT n FROM chosen) = {n}"
# Saves the question of those that another source, read to its end, does not have.
_IN_OTHER: Final = """
    ((SELECT n FROM chosen) = {n} OR (SELECT count(*) FROM source_{n}) > {max_read}
        OR x.document_id IN (SELECT document_id FROM source_{n})) AND
"""
_NO_COUNT: Final = "(0, NULL::bigint)"
_NO_DOCUMENT: Final = "SELECT NULL::int AS collection_id, NULL::uuid AS document_id WHERE false"
