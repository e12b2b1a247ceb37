"""Which documents a filter lets through, as far as they are few: tables that come first in a search's WITH.

    searched         the collections that are searched
    source_<n>       from each source of the filter, one document more than may be read, at most
    chosen           the source with the fewest documents
    matching         the documents of it that match; none if each source has too many
    matching_chunks  how many indexed chunks they have, counted up to one more than may be read

So the estimate costs no more than reading some thousand entries of an index, however many documents match. If
it is small, the search reads `matching`; else it walks the vectors' index and asks of each document on the way
whether it matches. If it walked in vain, `all_matching` gives every document, however many they are.
"""

from __future__ import annotations

from typing import Final, LiteralString

from citewell_adapters.pgvector.filters import CompiledFilter

__all__ = ["SIZE_OF_MATCHING", "all_matching", "matching_parts"]

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

_SOURCE: Final = "source_{n} AS MATERIALIZED ({all} LIMIT {max_matching} + 1), "

# vectors_<space>_pkey
_PARTS: Final = """
searched AS MATERIALIZED (
    {searched}
), {sources}chosen AS MATERIALIZED (
    SELECT n FROM (VALUES {counts}) AS s (n, documents)
    WHERE documents <= {max_matching}
    ORDER BY documents, n LIMIT 1
), matching AS MATERIALIZED (
    SELECT DISTINCT x.collection_id, x.document_id FROM ({all}) AS x WHERE {matches}
), matching_chunks AS MATERIALIZED (
    SELECT count(*) AS chunks FROM (
        SELECT FROM matching AS m CROSS JOIN LATERAL (
            SELECT FROM {vectors} AS v
            WHERE v.collection_id = m.collection_id AND v.document_id = m.document_id
            OFFSET 0
        ) AS v
        LIMIT {max_matching} + 1
    ) AS counted
), whole AS MATERIALIZED (
    {size}
), """

#: large: whether the search goes through the vectors' index. known: whether `matching` has all that match.
SIZE_OF_MATCHING: Final = """
    SELECT s.*, w.large AND NOT (s.known AND s.chunks <= {max_matching}) AS large,
        CASE WHEN s.known AND s.chunks <= {max_matching} THEN s.chunks END AS matched,
        (SELECT id FROM searched WHERE %(collection)s::text IS NOT NULL) AS id
    FROM whole AS w CROSS JOIN (
        SELECT EXISTS (SELECT FROM chosen) AS known, (SELECT chunks FROM matching_chunks) AS chunks
    ) AS s
"""


def matching_parts(condition: CompiledFilter, *, size: LiteralString, in_collection: bool) -> LiteralString:
    """The tables, with a comma at the end. size: tells whether all that is searched is `large`."""
    sources, counts, branches = "", "", ""
    for number, source in zip(_NUMBERS, condition.sources, strict=False):
        query = _ALL_OF_SOURCE.replace("{source}", source.query)
        sources += _SOURCE.replace("{n}", number).replace("{all}", query)
        count = f"({number}, (SELECT count(*) FROM source_{number}))"  # noqa: S608 - made of constants
        branch = f"SELECT * FROM source_{number} WHERE (SELECT n FROM chosen) = {number}"  # noqa: S608
        counts = f"{counts}, {count}" if counts else count
        branches = f"{branches} UNION ALL {branch}" if branches else branch
    statement = _PARTS.replace("{searched}", _COLLECTION if in_collection else _COLLECTIONS)
    statement = statement.replace("{size}", size).replace("{sources}", sources)
    statement = statement.replace("{counts}", counts or _NO_COUNT).replace("{all}", branches or _NO_DOCUMENT)
    return statement.replace("{matches}", _checked(condition))


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
_NO_COUNT: Final = "(0, NULL::bigint)"
_NO_DOCUMENT: Final = "SELECT NULL::int AS collection_id, NULL::uuid AS document_id WHERE false"
