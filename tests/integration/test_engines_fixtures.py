"""The engines that the test session runs on are what the adapters need."""

from __future__ import annotations

import psycopg
from redis import Redis
from tests.conftest import NewDatabase


async def test_a_new_database_is_empty_and_can_hold_vectors(new_database: NewDatabase) -> None:
    """Each call gives another database, without tables, on a server that has pgvector 0.8 or later."""
    first, second = await new_database(), await new_database()
    assert first != second
    async with await psycopg.AsyncConnection.connect(first, autocommit=True) as connection:
        await connection.execute("CREATE EXTENSION vector")
        await connection.execute("CREATE TABLE only_here (embedding halfvec(3))")
        found = await connection.execute("SELECT extversion FROM pg_extension WHERE extname = 'vector'")
        row = await found.fetchone()
        assert row is not None
        assert tuple(map(int, row[0].split("."))) >= (0, 8)
    async with await psycopg.AsyncConnection.connect(second) as connection:
        found = await connection.execute("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'")
        assert await found.fetchone() == (0,)


async def test_a_new_database_can_be_a_copy(new_database: NewDatabase) -> None:
    """A database made from a template holds what the template holds."""
    template = await new_database()
    async with await psycopg.AsyncConnection.connect(template, autocommit=True) as connection:
        await connection.execute("CREATE TABLE copied AS SELECT 7 AS number")
    copy = await new_database(template=template.partition("?")[0].rpartition("/")[2])
    async with await psycopg.AsyncConnection.connect(copy) as connection:
        found = await connection.execute("SELECT number FROM copied")
        assert await found.fetchone() == (7,)


def test_valkey_answers_a_redis_client(valkey_url: str) -> None:
    """The URL is one that redis-py takes as it is."""
    with Redis.from_url(valkey_url) as client:
        assert client.ping()
