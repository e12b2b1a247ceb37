"""What is fetched goes over connections that others share: nobody gets another's rows, error or wait."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator
from contextlib import suppress

import psycopg
import pytest
import pytest_asyncio
from tests.conftest import MigratedDatabase
from tests.faulty_proxy import POSTGRES_ERRORS, Fault, FaultyProxy

from citewell.errors import StoreUnavailable
from citewell_adapters.pgvector import PgDatabase

_OWN = "SELECT %(value)s::int, pg_backend_pid()"
_SLEEP = "SELECT pg_sleep(%(seconds)s::float8)"
#: Of a database with ten connections.
_SHARED = 5


@pytest_asyncio.fixture(loop_scope="session")
async def database(migrated_database: MigratedDatabase) -> AsyncIterator[PgDatabase]:
    async with PgDatabase(await migrated_database(), max_size=10) as database:
        yield database


async def test_many_at_once_get_their_own_rows_over_few_connections(database: PgDatabase) -> None:
    """Whatever the order in which they are sent and come back."""
    fetched = await asyncio.gather(*(database.fetch(_OWN, {"value": number}) for number in range(500)))
    assert [value for [(value, _)] in fetched] == list(range(500))
    assert len({pid for [(_, pid)] in fetched}) <= _SHARED


async def test_one_that_fails_takes_no_other_with_it(database: PgDatabase) -> None:
    """Those before and behind it on the same connection have their rows."""
    asked = [database.fetch("SELECT 12 / %(value)s::int", {"value": number % 4}) for number in range(100)]
    fetched = await asyncio.gather(*asked, return_exceptions=True)
    for number, found in enumerate(fetched):
        if number % 4:
            assert found == [(12 // (number % 4),)]
        else:
            assert isinstance(found, psycopg.errors.DivisionByZero)


async def test_one_that_cannot_be_prepared_fails_each_time(database: PgDatabase) -> None:
    """And with what is wrong with it, also where the next ones were sent before that was known."""
    query = "SELECT * FROM nothing WHERE id = %(id)s::int"
    for _ in range(2):
        asked = [database.fetch(query, {"id": number}) for number in range(20)]
        for outcome in await asyncio.gather(*asked, return_exceptions=True):
            assert isinstance(outcome, psycopg.errors.UndefinedTable)
    assert (await database.fetch(_OWN, {"value": 7}))[0][0] == 7


async def test_a_value_that_cannot_be_sent_fails_alone(database: PgDatabase) -> None:
    """Before the server has seen anything of it."""
    asked = [database.fetch("SELECT %(text)s::text", {"text": text}) for text in ("one", "t\0wo", "three")]
    one, two, three = await asyncio.gather(*asked, return_exceptions=True)
    assert (one, three) == ([("one",)], [("three",)])
    assert isinstance(two, psycopg.DataError)


async def test_rows_that_cannot_be_read_fail_alone(database: PgDatabase) -> None:
    """Python has no such time."""
    queries = [b"SELECT 1", b"SELECT 'infinity'::timestamptz", b"SELECT 3"]
    fetched = await asyncio.gather(*(database.fetch(query, {}) for query in queries), return_exceptions=True)
    assert (fetched[0], fetched[2]) == ([(1,)], [(3,)])
    assert isinstance(fetched[1], psycopg.DataError)


async def test_who_comes_later_does_not_wait_behind_a_slow_one(database: PgDatabase) -> None:
    """It goes over another connection."""
    slow = [asyncio.ensure_future(database.fetch(_SLEEP, {"seconds": 2.0})) for _ in range(_SHARED - 1)]
    await asyncio.sleep(0.1)
    began = time.monotonic()
    await asyncio.gather(*(database.fetch(_OWN, {"value": number}) for number in range(20)))
    assert time.monotonic() - began < 1
    await asyncio.gather(*slow)


async def test_who_finds_no_room_is_told_in_time(migrated_database: MigratedDatabase) -> None:
    """After as long as one waits for a connection."""
    async with PgDatabase(await migrated_database(), max_size=2, connect_timeout_seconds=1) as database:
        slow = asyncio.ensure_future(database.fetch(_SLEEP, {"seconds": 3.0}))
        await asyncio.sleep(0.1)
        began = time.monotonic()
        with pytest.raises(StoreUnavailable, match="busy"):
            await database.fetch(_OWN, {"value": 1})
        assert 0.9 < time.monotonic() - began < 2.5
        await slow


async def test_who_no_longer_waits_takes_nobody_with_him(database: PgDatabase) -> None:
    """Rows that nobody waits for go nowhere."""
    tasks = [asyncio.ensure_future(database.fetch(_OWN, {"value": number})) for number in range(40)]
    await asyncio.sleep(0)
    for task in tasks[::2]:
        task.cancel()
    fetched = await asyncio.gather(*tasks, return_exceptions=True)
    assert [found[0][0] for found in fetched[1::2] if isinstance(found, list)] == list(range(1, 40, 2))


async def test_plans_of_the_last_statements_alone_are_kept(database: PgDatabase) -> None:
    """However many different ones there are, each works, and the server does not hold them all."""
    for number in [*range(150), *range(150)]:
        assert await database.fetch(f"SELECT %(value)s::int + {number}".encode(), {"value": 1}) == [
            (number + 1,)
        ]
    [(prepared,)] = await database.fetch("SELECT count(*) FROM pg_prepared_statements", {})
    assert 50 <= prepared <= 100


async def test_values_and_rows_larger_than_any_buffer_pass(database: PgDatabase) -> None:
    """Both ways at once."""
    texts = [str(number) * 3_000_000 for number in range(4)]
    asked = [database.fetch("SELECT %(text)s::text", {"text": text}) for text in texts]
    assert [text for [(text,)] in await asyncio.gather(*asked)] == texts


async def test_a_percent_sign_and_a_name_said_twice_mean_what_they_say(database: PgDatabase) -> None:
    """As psycopg has it."""
    query = "SELECT 5 %% 3, %(value)s::int, %(value)s::int + %(more)s::int"
    assert await database.fetch(query, {"value": 1, "more": 2}) == [(2, 1, 3)]


async def test_a_lost_connection_is_told_to_all_who_wait_and_replaced(database: PgDatabase) -> None:
    """With what the server says when it ends it; the next who comes notices nothing."""
    slow = [asyncio.ensure_future(database.fetch(_SLEEP, {"seconds": 30.0})) for _ in range(3)]
    await asyncio.sleep(0.2)
    async with database.connection() as other:
        await other.execute(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity "
            "WHERE query LIKE '%pg_sleep%' AND pid <> pg_backend_pid()"
        )
    for outcome in await asyncio.gather(*slow, return_exceptions=True):
        assert isinstance(outcome, StoreUnavailable)
    assert (await database.fetch(_OWN, {"value": 3}))[0][0] == 3


async def test_connections_that_were_closed_while_idle_are_replaced_unnoticed(database: PgDatabase) -> None:
    """Even where the loop had no time to notice."""
    await asyncio.gather(*(database.fetch(_SLEEP, {"seconds": 0.1}) for _ in range(8)))
    async with database.connection() as other:
        await other.execute(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity "
            "WHERE application_name = 'citewell' AND datname = current_database() AND pid <> pg_backend_pid()"
        )
    assert [(await database.fetch(_OWN, {"value": 3}))[0][0] for _ in range(8)] == [3] * 8


async def test_a_silent_server_is_hung_up_on(migrated_database: MigratedDatabase) -> None:
    """Whoever waits is told so, and the next has another connection."""
    url = await migrated_database()
    async with PgDatabase(url, statement_timeout_seconds=0.5, silence_seconds=0.5) as database:
        [(_, pid)] = await database.fetch(_OWN, {"value": 1})
        os.kill(pid, signal.SIGSTOP)
        try:
            began = time.monotonic()
            with pytest.raises(StoreUnavailable, match="does not answer"):
                await database.fetch(_OWN, {"value": 2})
            assert 0.9 < time.monotonic() - began < 5
            assert (await database.fetch(_OWN, {"value": 3}))[0][0] == 3
        finally:
            os.kill(pid, signal.SIGCONT)


async def test_a_server_that_trickles_is_hung_up_on(migrated_database: MigratedDatabase) -> None:
    """However often it says a little: a byte each twentieth of a second would take a minute."""
    async with (
        FaultyProxy(await migrated_database(), errors=POSTGRES_ERRORS) as proxy,
        PgDatabase(proxy.url, statement_timeout_seconds=0.5, silence_seconds=0.5) as database,
    ):
        await database.fetch(_OWN, {"value": 1})
        began = time.monotonic()
        async with proxy.suffering(Fault.TRICKLING):
            with pytest.raises(StoreUnavailable, match="does not answer"):
                await database.fetch("SELECT repeat('x', 1000)", {})
        assert 0.9 < time.monotonic() - began < 5


async def test_who_waits_when_it_is_closed_is_told(migrated_database: MigratedDatabase) -> None:
    """No future is left without an end."""
    async with PgDatabase(await migrated_database()) as database:
        waiting = [asyncio.ensure_future(database.fetch(_SLEEP, {"seconds": 30.0})) for _ in range(30)]
        await asyncio.sleep(0.2)
    async with asyncio.timeout(5):
        for one in waiting:
            with pytest.raises(StoreUnavailable, match="closed"):
                await one


async def test_a_fetch_in_a_unit_of_work_sees_what_it_did(database: PgDatabase) -> None:
    """Others do not, before its end."""
    query = "SELECT count(*) FROM collections WHERE name = %(name)s"
    outside: list[tuple[int]] = []
    with suppress(LookupError):
        async with database.unit_of_work():
            async with database.connection() as connection:
                await connection.execute("INSERT INTO collections (name) VALUES ('new')")
            assert await database.fetch(query, {"name": "new"}) == [(1,)]
            async with database.spare_connection() as spare:
                outside = await (await spare.execute(query.replace("%(name)s", "'new'").encode())).fetchall()
            raise LookupError
    assert outside == [(0,)]
    assert await database.fetch(query, {"name": "new"}) == [(0,)]
