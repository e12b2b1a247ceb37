"""Fixtures of several test modules: running engines, and empty databases on them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Protocol
from urllib.parse import urlsplit
from uuid import uuid4

import psycopg
import pytest
import pytest_asyncio
from psycopg import sql
from tests.engines import running_postgres, running_valkey


class NewDatabase(Protocol):
    """Makes databases that are dropped when the test is over."""

    async def __call__(self, *, template: str = "template0") -> str:
        """The URL of a new database: empty, or a copy of the database `template`, which nobody may use."""
        ...


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """The URL of a PostgreSQL with pgvector, as its superuser; its own database stays untouched."""
    with running_postgres() as url:
        yield url


@pytest.fixture(scope="session")
def valkey_url() -> Iterator[str]:
    """The URL of a Valkey for the whole session: use keys or databases of your own."""
    with running_valkey() as url:
        yield url


@pytest_asyncio.fixture(loop_scope="session")
async def new_database(postgres_url: str) -> AsyncIterator[NewDatabase]:
    """Makes fresh databases for one test: `url = await new_database()`."""
    made: list[sql.Identifier] = []

    async def make(*, template: str = "template0") -> str:
        name = f"test_{uuid4().hex}"
        statement = sql.SQL("CREATE DATABASE {} TEMPLATE {}")
        async with await psycopg.AsyncConnection.connect(postgres_url, autocommit=True) as connection:
            await connection.execute(statement.format(sql.Identifier(name), sql.Identifier(template)))
        made.append(sql.Identifier(name))
        return urlsplit(postgres_url)._replace(path=f"/{name}").geturl()

    yield make
    async with await psycopg.AsyncConnection.connect(postgres_url, autocommit=True) as connection:
        for identifier in made:
            # A test that failed may have left connections open.
            await connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(identifier))
