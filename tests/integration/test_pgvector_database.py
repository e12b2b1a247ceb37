"""The pool comes back by itself, and says StoreUnavailable while the database is away."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from pathlib import Path

import psycopg
import pytest
import pytest_asyncio
from tests.conftest import MigratedDatabase

from citewell.errors import StoreUnavailable
from citewell_adapters.pgvector import PgDatabase
from citewell_entrypoints.supervisor.postgres import PostgresServer


async def number(database: PgDatabase) -> int:
    """One statement on a connection of its own."""
    async with database.connection() as connection:
        row = await (await connection.execute("SELECT 1")).fetchone()
    assert row is not None
    return int(row[0])


async def answers(database: PgDatabase, *, within_seconds: float) -> bool:
    """Whether a call succeeds before the time is over; those before it may say StoreUnavailable."""
    end = time.monotonic() + within_seconds
    while time.monotonic() < end:
        try:
            return await number(database) == 1
        except StoreUnavailable:
            await asyncio.sleep(0.1)
    return False


async def until_away(database: PgDatabase) -> None:
    """The server's processes take a moment to notice that the first of them is gone."""
    with suppress(StoreUnavailable):
        while True:
            await number(database)


@pytest.fixture
def server() -> Iterator[PostgresServer]:
    """A server of the test's own, to be killed."""
    with tempfile.TemporaryDirectory(prefix="citewell-test-") as name:
        server = PostgresServer(Path(name), fast=True)
        server.start()
        yield server
        server.stop()


@pytest_asyncio.fixture(loop_scope="session")
async def database(migrated_database: MigratedDatabase) -> AsyncIterator[PgDatabase]:
    async with PgDatabase(await migrated_database(), min_size=3, max_size=3) as database:
        yield database


async def test_after_a_restart_the_next_call_works(server: PostgresServer) -> None:
    """An orderly restart goes unnoticed by whoever calls when it is over."""
    async with PgDatabase(server.url, min_size=8, max_size=8) as database:
        await asyncio.gather(*(number(database) for _ in range(16)))
        server.stop()
        server.start()
        for _ in range(16):
            assert await number(database) == 1


async def test_a_killed_server_is_away_until_it_is_back(server: PostgresServer) -> None:
    """StoreUnavailable while it is away, within the connect timeout; then calls work again by themselves."""
    async with PgDatabase(server.url, min_size=3, max_size=4, connect_timeout_seconds=2) as database:
        await asyncio.gather(*(number(database) for _ in range(8)))
        os.kill(_pid(server), signal.SIGKILL)
        await until_away(database)
        for _ in range(2):
            began = time.monotonic()
            with pytest.raises(StoreUnavailable):
                await number(database)
            assert time.monotonic() - began < 10
        server.start()
        assert await answers(database, within_seconds=20)
        assert await asyncio.gather(*(number(database) for _ in range(8))) == [1] * 8


async def test_a_statement_that_is_cut_off_says_unavailable(server: PostgresServer) -> None:
    """Whoever waits for an answer when the server dies is told so."""
    async with PgDatabase(server.url) as database:

        async def sleep() -> None:
            async with database.connection() as connection:
                await connection.execute("SELECT pg_sleep(60)")

        sleeping = asyncio.create_task(sleep())
        await asyncio.sleep(0.3)
        server.stop()
        with pytest.raises(StoreUnavailable):
            await sleeping
        server.start()
        assert await answers(database, within_seconds=20)


def _pid(server: PostgresServer) -> int:
    [file] = server.log.path.parent.parent.rglob("postmaster.pid")
    return int(file.read_text().splitlines()[0])


async def test_a_database_that_is_not_there_cannot_be_opened(tmp_path: Path) -> None:
    """StoreUnavailable says why."""
    database = PgDatabase(f"postgresql://postgres@/nothing?host={tmp_path}", connect_timeout_seconds=2)
    with pytest.raises(StoreUnavailable, match="connection"):
        await database.__aenter__()


async def test_an_address_that_answers_nothing_times_out() -> None:
    """StoreUnavailable after the connect timeout at most."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        url = f"postgresql://user@127.0.0.1:{port}/nothing"
        began = time.monotonic()
        with pytest.raises(StoreUnavailable):
            await PgDatabase(url, connect_timeout_seconds=2).__aenter__()
    assert time.monotonic() - began < 10


async def test_a_secret_in_the_address_stays_out_of_messages(postgres_url: str) -> None:
    """Neither the error nor the object tells the password."""
    database = PgDatabase("postgresql://user:geheim@127.0.0.1:1/nothing", connect_timeout_seconds=2)
    with pytest.raises(StoreUnavailable) as raised:
        await database.__aenter__()
    assert "geheim" not in str(raised.value)
    assert "geheim" not in repr(database)


async def test_an_unopened_database_says_so() -> None:
    """A defect of the caller is not StoreUnavailable."""
    with pytest.raises(RuntimeError, match="not open"):
        await number(PgDatabase("postgresql://nowhere"))


async def test_a_database_can_be_opened_again(migrated_database: MigratedDatabase) -> None:
    """Each opening makes a new pool."""
    database = PgDatabase(await migrated_database())
    for _ in range(2):
        async with database:
            assert await number(database) == 1


async def test_terminated_connections_are_replaced_unnoticed(database: PgDatabase, postgres_url: str) -> None:
    """No call is given a connection that the server has closed meanwhile."""
    await asyncio.gather(*(number(database) for _ in range(6)))
    async with await psycopg.AsyncConnection.connect(postgres_url, autocommit=True) as superuser:
        await superuser.execute(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE application_name = 'citewell'"
        )
    assert [await number(database) for _ in range(6)] == [1] * 6


async def test_a_pool_that_stays_exhausted_says_unavailable(migrated_database: MigratedDatabase) -> None:
    """Waiting for a connection ends with the connect timeout."""
    async with (
        PgDatabase(await migrated_database(), max_size=1, connect_timeout_seconds=2) as database,
        database.connection(),
    ):
        with pytest.raises(StoreUnavailable):
            await number(database)


async def test_the_spare_connection_waits_for_no_work(migrated_database: MigratedDatabase) -> None:
    """It answers while all of the pool is at work, and is replaced when the server closed it."""
    async with (
        PgDatabase(await migrated_database(), max_size=1, connect_timeout_seconds=2) as database,
        database.connection() as at_work,
    ):
        async with database.spare_connection() as spare:
            pid = spare.info.backend_pid
            assert pid != at_work.info.backend_pid
        await at_work.execute("SELECT pg_terminate_backend(%s, 5000)", [pid])
        async with database.spare_connection() as spare:
            assert await (await spare.execute("SELECT 1")).fetchone() == (1,)


async def test_a_statement_that_takes_too_long_says_unavailable(migrated_database: MigratedDatabase) -> None:
    """`statement_timeout_seconds` bounds each statement."""
    async with PgDatabase(await migrated_database(), statement_timeout_seconds=0.2) as database:

        async def sleep() -> None:
            async with database.connection() as connection:
                await connection.execute("SELECT pg_sleep(60)")

        with pytest.raises(StoreUnavailable):
            await sleep()
        assert await number(database) == 1


async def test_a_defect_in_a_statement_passes_as_it_is(database: PgDatabase) -> None:
    """What no later try would mend is not StoreUnavailable."""
    with pytest.raises(psycopg.errors.UndefinedTable):
        async with database.connection() as connection:
            await connection.execute("SELECT * FROM nothing")


async def test_two_that_wait_for_each_other_are_told_apart(database: PgDatabase) -> None:
    """A deadlock passes: one of the two is told StoreUnavailable, the other goes on."""
    async with database.connection() as connection:
        await connection.execute("INSERT INTO collections (name) VALUES ('one'), ('two')")
    both = asyncio.Barrier(2)

    async def update(*names: str) -> None:
        async with database.transaction() as connection:
            await connection.execute("UPDATE collections SET version = 1 WHERE name = %s", [names[0]])
            await both.wait()
            await connection.execute("UPDATE collections SET version = 1 WHERE name = %s", [names[1]])

    outcomes = await asyncio.gather(update("one", "two"), update("two", "one"), return_exceptions=True)
    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["NoneType", "StoreUnavailable"]


async def test_nothing_of_a_unit_of_work_is_seen_outside_before_its_end(database: PgDatabase) -> None:
    """Everything takes effect together at its end."""
    written, seen = asyncio.Event(), asyncio.Event()

    async def count() -> int:
        async with database.connection() as connection:
            row = await (await connection.execute("SELECT count(*) FROM collections")).fetchone()
        return int(row[0]) if row else 0

    async def look() -> int:
        await written.wait()
        try:
            return await count()
        finally:
            seen.set()

    outside = asyncio.create_task(look())
    async with database.unit_of_work():
        async with database.connection() as connection:
            await connection.execute("INSERT INTO collections (name) VALUES ('new')")
        assert await count() == 1
        written.set()
        await seen.wait()
    assert await outside == 0
    assert await count() == 1


async def test_a_cancelled_unit_of_work_leaves_nothing(database: PgDatabase) -> None:
    """Or not at all: and its connection is of use again."""
    began = asyncio.Event()

    async def work() -> None:
        async with database.unit_of_work(), database.connection() as connection:
            await connection.execute("INSERT INTO collections (name) VALUES ('new')")
            began.set()
            await connection.execute("SELECT pg_sleep(60)")

    task = asyncio.create_task(work())
    await began.wait()
    await asyncio.sleep(0.1)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    async with database.connection() as connection:
        cursor = await connection.execute("SELECT count(*) FROM collections")
        assert await cursor.fetchone() == (0,)
    assert await asyncio.gather(*(number(database) for _ in range(6))) == [1] * 6
