"""Fixtures of several test modules: running engines, and empty databases on them."""

from __future__ import annotations

import os
import signal
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Final, Protocol
from urllib.parse import urlsplit
from uuid import uuid4

import psycopg
import pytest
import pytest_asyncio
from psycopg import sql
from tests.engines import running_postgres, running_valkey, stopped_cluster

import citewell_migrations

#: The files that take longest, which several processes therefore begin with: the longest one first.
_LONGEST: Final = (
    "tests/chaos/test_short_campaign.py",
    "tests/e2e/test_real_documents.py",
    "tests/e2e/test_serve.py",
    "tests/integration/test_engines_supervised.py",
    "tests/integration/test_degradation_matrix.py",
    "tests/integration/test_plans_at_scale.py",
    "tests/integration/test_pdf_corpus.py",
    "tests/contract/test_parsers.py",
    "tests/contract/test_lifecycle.py",
    "tests/integration/test_pgvector_search.py",
)
_MOST_PROCESSES: Final = 4


def pytest_configure() -> None:
    """A shell has its background jobs ignore SIGINT, and so would all that tests start and then interrupt."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """For `-n auto`: one more than there are cores, as some tests wait; none for tests of a single file."""
    files = {argument.partition("::")[0] for argument in config.args}
    if len(files) == 1 and all(Path(file).is_file() for file in files):
        return 0
    return min((os.cpu_count() or 1) + 1, _MOST_PROCESSES)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Where several processes share the tests, none of them is to begin a long file when the others end."""
    if hasattr(config, "workerinput"):
        rank = {file: number for number, file in enumerate(_LONGEST)}
        items.sort(key=lambda item: rank.get(item.nodeid.partition("::")[0], len(rank)))


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


@pytest.fixture(scope="session")
def cluster_files() -> Iterator[Path]:
    """A data directory of a stopped PostgreSQL, for `copy_cluster`."""
    with stopped_cluster() as folder:
        yield folder


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
        return _at(postgres_url, name)

    yield make
    async with await psycopg.AsyncConnection.connect(postgres_url, autocommit=True) as connection:
        for identifier in made:
            # A test that failed may have left connections open.
            await connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(identifier))


class MigratedDatabase(Protocol):
    """Makes databases with the schema at head that are dropped when the test is over."""

    async def __call__(self) -> str:
        """The URL of a new database that holds the tables and nothing else."""
        ...


@pytest.fixture(scope="session")
def migrated_template(postgres_url: str) -> Iterator[str]:
    """The name of a database with the schema at head, for `CREATE DATABASE ... TEMPLATE`; nobody uses it."""
    name = f"template_{uuid4().hex}"
    with psycopg.connect(postgres_url, autocommit=True) as server:
        server.execute(sql.SQL("CREATE DATABASE {} TEMPLATE template0").format(sql.Identifier(name)))
        with psycopg.connect(_at(postgres_url, name), autocommit=True) as connection:
            citewell_migrations.apply(connection)
        yield name
        server.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


@pytest.fixture
def migrated_database(new_database: NewDatabase, migrated_template: str) -> MigratedDatabase:
    """Makes migrated databases for one test: `url = await migrated_database()`."""

    async def make() -> str:
        return await new_database(template=migrated_template)

    return make


def _at(url: str, database: str) -> str:
    """The same server, another database."""
    return urlsplit(url)._replace(path=f"/{database}").geturl()
