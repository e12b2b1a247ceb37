"""A hundred thousand chunks, made by PostgreSQL itself in seconds, and what it reads of them in a call."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final

import psycopg
from tests.pgstores import PgStores, open_pg_stores

from citewell.lexical import TERM_SPACE
from citewell.model import EmbeddingSpace

__all__ = ["CHUNKS", "SPACE", "Read", "make_large_corpus", "reads"]

SPACE: Final = EmbeddingSpace("generated", 16)
CHUNKS: Final = 100_000

# Documents of 20 chunks on 4 pages: 3,200 in `large`, 1,400 in `middle`, 80 in `small`, 20 in each of the 16
# others. One job in a hundred is queued, one has failed. The n-th revision is the n-th document's. Chunks
# have no boxes of their own, so reading one reads its pages.
_DOCUMENTS: Final = """
INSERT INTO collections (name) VALUES ('large'), ('middle'), ('small');
INSERT INTO collections (name) SELECT 'other-' || n FROM generate_series(1, 16) AS n;

CREATE TEMPORARY TABLE made AS
SELECT n::bigint, gen_random_uuid() AS id,
    CASE WHEN n <= 3200 THEN 1 WHEN n <= 4600 THEN 2 WHEN n <= 4680 THEN 3 ELSE 4 + (n - 4681) / 20 END
        AS collection_id,
    jsonb_build_object('year', 1990 + n % 35, 'language', (ARRAY['en', 'de', 'fr'])[1 + n % 3],
        'tags', jsonb_build_array('tag ' || n % 50, 'tag ' || n % 7)) AS metadata
FROM generate_series(1, 5000) AS n;

INSERT INTO documents (id, collection_id, name, metadata, live_revision_id)
SELECT id, collection_id, 'document ' || n, metadata, n FROM made ORDER BY n;
INSERT INTO revisions (document_id, sha256, size_bytes, media_type, name, metadata, page_count, chunk_count)
SELECT id, sha256(n::text::bytea), 9000, 'text/plain', 'document ' || n, metadata, 4, 20 FROM made ORDER BY n;
INSERT INTO jobs (id, document_id, revision_id, status, claimable_at, announced_at)
SELECT gen_random_uuid(), id, n,
    CASE WHEN n % 100 = 0 THEN 'queued' WHEN n % 100 = 1 THEN 'failed' ELSE 'ready' END,
    now() - interval '1 hour', now() - interval '1 hour'
FROM made;
INSERT INTO pages (revision_id, start_offset, end_offset, number, text, lines, headings)
SELECT n, p * 500, (p + 1) * 500, p + 1, repeat('Words. ', 71) || 'end', '', '[]'
FROM made CROSS JOIN generate_series(0, 3) AS p;
INSERT INTO chunks (revision_id, chunk_index, span_start, span_end, first_page, last_page, token_count,
    heading_path, text)
SELECT n, c, c * 100, (c + 1) * 100, 1 + c / 5, 1 + c / 5, 20, '{}', 'chunk ' || c || ' of ' || n
FROM made CROSS JOIN generate_series(0, 19) AS c;
UPDATE collections AS c SET chunk_count = 20 * (SELECT count(*) FROM made WHERE collection_id = c.id);
"""

# Unit vectors do not matter to the cosine. The WHERE has each chunk draw numbers of its own.
_VECTORS: Final = """
INSERT INTO vectors_1 (collection_id, document_id, revision_id, chunk_index, embedding)
SELECT collection_id, id, n, c, (
    SELECT array_agg(random() - 0.5) FROM generate_series(1, 16) WHERE n + c >= 0
)::halfvec(16)
FROM made CROSS JOIN generate_series(0, 19) AS c
"""

# Some 27 terms of 30,000 in each chunk, as frequent as their ranks say (Zipf): the first ones are in most
# chunks. Ten chunks each have the same words.
_WORDS: Final = """
CREATE TEMPORARY TABLE texts AS
SELECT number, array_agg(term ORDER BY term) AS terms,
    (
        chr(123) || string_agg(term + 1 || ':' || weight, ',' ORDER BY term) || chr(125) || '/{space}'
    )::sparsevec AS weights
FROM (
    SELECT number, term, max(weight) AS weight
    FROM (
        SELECT draw % 10000 AS number, exp(random() * ln(30000))::int AS term,
            0.5 + draw % 97 / 97.0 AS weight
        FROM generate_series(1, 280000) AS draw
    ) AS drawn
    GROUP BY number, term
) AS once
GROUP BY number;

INSERT INTO lexical (collection_id, document_id, revision_id, chunk_index, terms, weights)
SELECT collection_id, id, n, c, array_prepend(-collection_id, terms), weights
FROM made CROSS JOIN generate_series(0, 19) AS c JOIN texts ON number = (n * 20 + c) % 10000
"""

#: Has the server tell the plan of whatever it has run, within functions and cascades too.
_EXPLAINED: Final = {
    "session_preload_libraries": "auto_explain",
    "auto_explain.log_min_duration": "0",
    "auto_explain.log_analyze": "on",
    "auto_explain.log_timing": "off",
    "auto_explain.log_format": "json",
    "auto_explain.log_level": "notice",
    "auto_explain.log_nested_statements": "on",
}


async def make_large_corpus(url: str) -> None:
    """Fills a migrated database: the indexes over vectors and terms come last, as that is quicker."""
    async with open_pg_stores(url, space=SPACE):
        pass
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as connection:
        async with connection.transaction():
            await connection.execute("SELECT setseed(0.5)")
            # Workers would share more memory than a container has for that.
            await connection.execute("SET LOCAL max_parallel_maintenance_workers = 0")
            await connection.execute("SET LOCAL maintenance_work_mem = '192MB'")
            await connection.execute(_DOCUMENTS)
            for index, options, statement in (
                # What a poorer graph finds does not matter here, and it is built five times as fast.
                ("vectors_1_hnsw", "WITH (m = 8, ef_construction = 16)", _VECTORS),
                ("lexical_terms", "", _WORDS.replace("{space}", str(TERM_SPACE))),
            ):
                cursor = await connection.execute("SELECT pg_get_indexdef(%s::regclass)", [index])
                [definition] = await cursor.fetchone() or [""]
                await connection.execute(f"DROP INDEX {index}".encode())
                await connection.execute(statement.encode())
                if options:
                    definition = definition.split(" WITH ")[0]
                await connection.execute(f"{definition} {options}".encode())
        await connection.execute("VACUUM ANALYZE")
        for name, value in _EXPLAINED.items():
            statement = f"ALTER DATABASE {connection.info.dbname} SET {name} = '{value}'"
            await connection.execute(statement.encode())


@dataclass(frozen=True, slots=True)
class Read:
    """One scan that was run. rows: that it looked at; index: None for a table that is read whole."""

    table: str
    index: str | None
    rows: int


async def reads(stores: PgStores, call: Callable[[], Awaitable[object]], *, times: int) -> list[Read]:
    """What PostgreSQL read in all statements of a call that is made so often, and taken back."""
    plans: list[dict[str, Any]] = []

    def heard(diagnostic: psycopg.errors.Diagnostic) -> None:
        said = diagnostic.message_primary or ""
        if "plan:" in said:
            plans.append(json.loads(said.partition("plan:")[2])["Plan"])

    for _ in range(times):
        async with stores.unit_of_work(), stores.database.connection() as connection:
            connection.add_notice_handler(heard)
            try:
                async with connection.transaction(force_rollback=True):
                    await call()
            finally:
                connection.remove_notice_handler(heard)
    return [read for plan in plans for read in _scans(plan)]


def _scans(node: dict[str, Any], *, table: str = "") -> Iterator[Read]:
    loops = node.get("Actual Loops", 0)
    if not loops:
        return
    table = node.get("Relation Name", table)
    kind = node["Node Type"]
    if kind == "Seq Scan" or "Index Name" in node:
        removed = node.get("Rows Removed by Filter", 0) + node.get("Rows Removed by Index Recheck", 0)
        yield Read(table, node.get("Index Name"), round((node["Actual Rows"] + removed) * loops))
    for child in node.get("Plans", ()):
        yield from _scans(child, table=table)
