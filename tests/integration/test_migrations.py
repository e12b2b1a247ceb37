"""Migrations are applied once, in order, by one process at a time, and refused where the history differs."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import psycopg
import pytest
import pytest_asyncio
from psycopg import sql
from tests.conftest import NewDatabase

import citewell_migrations
from citewell_migrations import (
    ChangedMigration,
    ExtensionUnavailable,
    InvalidMigration,
    Migration,
    MigrationsBusy,
    MissingMigration,
    OutOfOrderMigration,
    UnsupportedServer,
    carried_migrations,
    read_migrations,
    schema_at_head,
)

Connection = psycopg.Connection[Any]

_FIRST = Migration(1, "first", "CREATE TABLE one (id int PRIMARY KEY);\nCREATE TABLE two (id int);\n")
_SECOND = Migration(2, "second", "INSERT INTO one SELECT generate_series(1, 3);\n")


@pytest_asyncio.fixture(loop_scope="session")
async def url(new_database: NewDatabase) -> str:
    """An empty database."""
    return await new_database()


@contextmanager
def connected(url: str) -> Iterator[Connection]:
    with psycopg.connect(url, autocommit=True) as connection:
        yield connection


def tables(connection: Connection) -> set[str]:
    rows = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()
    return {name for (name,) in rows} - {"citewell_migrations"}


def applied(connection: Connection) -> list[int]:
    rows = connection.execute("SELECT number FROM citewell_migrations ORDER BY number").fetchall()
    return [number for (number,) in rows]


def test_a_fresh_database_is_brought_to_the_head_once(url: str) -> None:
    """What is applied is recorded with its name, checksum and time, and not applied again."""
    with connected(url) as connection:
        carried = list(carried_migrations())
        assert list(citewell_migrations.pending(connection)) == carried
        assert tables(connection) == set()
        assert list(citewell_migrations.apply(connection)) == carried
        assert {"collections", "documents", "revisions", "jobs", "pages", "chunks"} <= tables(connection)
        states = citewell_migrations.status(connection)
        assert [state.migration for state in states] == carried
        assert all(state.applied_at is not None for state in states)
        assert list(citewell_migrations.apply(connection)) == []
        recorded = connection.execute("SELECT number, name, sha256 FROM citewell_migrations").fetchall()
        assert recorded == [(each.number, each.name, each.sha256) for each in carried]


def test_the_state_of_an_empty_database_can_be_asked(url: str) -> None:
    """Asking changes nothing."""
    with connected(url) as connection:
        assert [state.applied_at for state in citewell_migrations.status(connection)] == [
            None for _ in carried_migrations()
        ]
        exists = connection.execute("SELECT to_regclass('citewell_migrations')").fetchone()
        assert exists == (None,)


async def test_the_schema_is_at_head_once_everything_is_applied(url: str) -> None:
    """False for an empty database and for one with another migration in its place; more of them are fine."""
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as asynchronous:
        assert not await schema_at_head(asynchronous)
        with connected(url) as connection:
            citewell_migrations.apply(connection)
            assert await schema_at_head(asynchronous)
            connection.execute(
                "INSERT INTO citewell_migrations (number, name, sha256) VALUES (9999, 'a_newer_one', '')"
            )
            assert await schema_at_head(asynchronous)
            connection.execute("UPDATE citewell_migrations SET sha256 = '' WHERE number = 1")
            assert not await schema_at_head(asynchronous)


def test_only_new_migrations_are_applied(url: str) -> None:
    """Forward only, in order."""
    with connected(url) as connection:
        assert citewell_migrations.apply(connection, migrations=[_FIRST]) == [_FIRST]
        assert citewell_migrations.apply(connection, migrations=[_FIRST, _SECOND]) == [_SECOND]
        assert connection.execute("SELECT count(*) FROM one").fetchone() == (3,)
        assert applied(connection) == [1, 2]


def test_a_changed_migration_is_refused(url: str) -> None:
    """Nothing is applied, and the message names the file."""
    with connected(url) as connection:
        citewell_migrations.apply(connection, migrations=[_FIRST])
        changed = Migration(1, "first", _FIRST.sql + "-- a comment\n")
        with pytest.raises(ChangedMigration, match="0001_first"):
            citewell_migrations.apply(connection, migrations=[changed, _SECOND])
        assert applied(connection) == [1]


def test_a_database_of_a_newer_release_is_refused(url: str) -> None:
    """A recorded migration that has no file is missing here."""
    with connected(url) as connection:
        citewell_migrations.apply(connection, migrations=[_FIRST, _SECOND])
        with pytest.raises(MissingMigration, match="0002_second"):
            citewell_migrations.status(connection, migrations=[_FIRST])


def test_a_migration_that_comes_too_late_is_refused(url: str) -> None:
    """A file may not get in before one that is applied."""
    late = Migration(3, "late", "SELECT 1")
    with connected(url) as connection:
        citewell_migrations.apply(connection, migrations=[_FIRST, late])
        with pytest.raises(OutOfOrderMigration, match="0002_second"):
            citewell_migrations.apply(connection, migrations=[_FIRST, _SECOND, late])
        assert applied(connection) == [1, 3]


def test_a_failing_migration_leaves_nothing_behind(url: str) -> None:
    """Those before it stay applied, and a mended one is applied the next time."""
    broken = Migration(2, "broken", "CREATE TABLE three (id int); SELECT 1 / 0;")
    with connected(url) as connection:
        with pytest.raises(psycopg.errors.DivisionByZero):
            citewell_migrations.apply(connection, migrations=[_FIRST, broken])
        assert tables(connection) == {"one", "two"}
        assert citewell_migrations.apply(connection, migrations=[_FIRST, _SECOND]) == [_SECOND]


def test_an_index_is_built_without_a_transaction_where_a_file_asks_for_it(url: str) -> None:
    """`-- citewell: no-transaction` in the first line."""
    concurrently = Migration(
        2, "index", "-- citewell: no-transaction\nCREATE INDEX CONCURRENTLY one_again ON one (id);\n"
    )
    assert not concurrently.in_transaction
    with connected(url) as connection:
        citewell_migrations.apply(connection, migrations=[_FIRST, concurrently])
        assert connection.execute("SELECT to_regclass('one_again') IS NOT NULL").fetchone() == (True,)
        assert applied(connection) == [1, 2]


def test_a_connection_that_does_not_commit_is_refused(url: str) -> None:
    """The connection must be in autocommit mode."""
    with psycopg.connect(url) as connection, pytest.raises(ValueError, match="autocommit"):
        citewell_migrations.apply(connection)


def test_waiting_for_another_process_ends(url: str) -> None:
    """Raises MigrationsBusy; the lock of a connection that is gone is free."""
    slow = Migration(1, "slow", "SELECT pg_sleep(60)")
    program = [sys.executable, "-c", _APPLY, url, slow.sql]
    with connected(url) as connection, subprocess.Popen(program) as other:
        try:
            while not _locks(connection):
                assert other.poll() is None
            with pytest.raises(MigrationsBusy):
                citewell_migrations.apply(connection, wait_seconds=0.3)
        finally:
            other.kill()
        other.wait()
        connection.execute("SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory'")
        assert citewell_migrations.apply(connection, migrations=[_FIRST]) == [_FIRST]


def test_two_processes_at_once_apply_each_migration_once(url: str) -> None:
    """An advisory lock lets one at a time do so; a wait for it does not hold up an index."""
    files = [
        "CREATE TABLE one (id int); SELECT pg_sleep(0.5);",
        "-- citewell: no-transaction\nCREATE INDEX CONCURRENTLY one_id ON one (id);",
        "INSERT INTO one VALUES (1);",
    ]
    processes = [
        subprocess.Popen(
            [sys.executable, "-W", "error", "-c", _APPLY, url, *files],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    results = [process.communicate(timeout=60) for process in processes]
    assert [process.returncode for process in processes] == [0, 0], results
    assert sorted(out.strip() for out, _ in results) == ["", "1 2 3"]
    with connected(url) as connection:
        assert applied(connection) == [1, 2, 3]
        assert connection.execute("SELECT count(*) FROM one").fetchone() == (1,)


#: Applies the files given as arguments to the database given first, and prints the numbers.
_APPLY = """
import sys
import psycopg
from citewell_migrations import Migration, apply
migrations = [Migration(n, "file", sql) for n, sql in enumerate(sys.argv[2:], start=1)]
with psycopg.connect(sys.argv[1], autocommit=True) as connection:
    print(*(m.number for m in apply(connection, migrations=migrations)))
"""


def _locks(connection: Connection) -> int:
    row = connection.execute(
        "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND granted"
    ).fetchone()
    return int(row[0]) if row else 0


def test_files_are_ordered_by_number(tmp_path: Path) -> None:
    """`0001_name.sql` files; others are not looked at."""
    for name in ("0002_b.sql", "0010_c.sql", "0001_a.sql", "README.md"):
        (tmp_path / name).write_text("SELECT 1")
    assert [str(each) for each in read_migrations(tmp_path)] == ["0001_a", "0002_b", "0010_c"]


@pytest.mark.parametrize("names", [["1_a.sql"], ["0001-a.sql"], ["0001_A.sql"], ["0001_a.sql", "0001_b.sql"]])
def test_files_that_have_no_order_are_refused(tmp_path: Path, names: list[str]) -> None:
    """InvalidMigration for names that cannot be ordered, and for two of one number."""
    for name in names:
        (tmp_path / name).write_text("SELECT 1")
    with pytest.raises(InvalidMigration):
        read_migrations(tmp_path)


def test_line_ends_do_not_change_a_checksum(tmp_path: Path) -> None:
    """A checkout on another system may turn them."""
    for folder, text in (("unix", b"SELECT 1;\n"), ("windows", b"SELECT 1;\r\n")):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "0001_a.sql").write_bytes(text)
    [unix], [windows] = read_migrations(tmp_path / "unix"), read_migrations(tmp_path / "windows")
    assert unix.sha256 == windows.sha256


@contextmanager
def role(connection: Connection, url: str) -> Iterator[str]:
    """The URL for an ordinary user of the same database, who may make tables in it."""
    name, password = f"user_{uuid4().hex}", uuid4().hex
    names = {"name": sql.Identifier(name), "password": password}
    connection.execute(sql.SQL("CREATE ROLE {name} LOGIN PASSWORD {password}").format(**names))
    connection.execute(sql.SQL("GRANT CREATE, USAGE ON SCHEMA public TO {name}").format(**names))
    parts = urlsplit(url)
    try:
        host = parts.netloc.rpartition("@")[2]
        yield parts._replace(netloc=f"{name}:{password}@{host}").geturl()
    finally:
        connection.execute(sql.SQL("DROP OWNED BY {name}").format(**names))
        connection.execute(sql.SQL("DROP ROLE {name}").format(**names))


def test_a_user_who_may_not_create_the_extension_is_told_what_to_do(url: str) -> None:
    """ExtensionUnavailable says what a superuser has to run; after that the user needs none."""
    with connected(url) as superuser, role(superuser, url) as user_url, connected(user_url) as user:
        with pytest.raises(ExtensionUnavailable, match="CREATE EXTENSION vector"):
            citewell_migrations.apply(user)
        superuser.execute("CREATE EXTENSION vector")
        assert list(citewell_migrations.apply(user)) == list(carried_migrations())


def test_an_old_pgvector_is_refused(url: str) -> None:
    """ExtensionUnavailable names the version and the way out."""
    with connected(url) as connection:
        connection.execute("CREATE EXTENSION vector")
        connection.execute("UPDATE pg_extension SET extversion = '0.7.4' WHERE extname = 'vector'")
        with pytest.raises(ExtensionUnavailable, match=r"0\.7\.4.*ALTER EXTENSION vector UPDATE"):
            citewell_migrations.apply(connection)


def test_a_database_that_cannot_hold_every_text_is_refused(postgres_url: str) -> None:
    """UnsupportedServer names the encoding."""
    name = f"test_{os.getpid()}_ascii"
    with connected(postgres_url) as server:
        statement = "CREATE DATABASE {} TEMPLATE template0 ENCODING 'SQL_ASCII' LOCALE 'C'"
        server.execute(sql.SQL(statement).format(sql.Identifier(name)))
        try:
            with (
                connected(urlsplit(postgres_url)._replace(path=f"/{name}").geturl()) as connection,
                pytest.raises(UnsupportedServer, match="SQL_ASCII"),
            ):
                citewell_migrations.apply(connection)
        finally:
            server.execute(sql.SQL("DROP DATABASE {}").format(sql.Identifier(name)))
