"""The measurements that `make bench` and `make bench-scale` are made of, with little data."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from bench._client import load
from bench._openloop import http_request
from bench._pgbench import find_pgbench, per_second, statements_of
from bench.scale import measure, steps_to

from citewell_entrypoints.supervisor.postgres import PostgresServer


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    with tempfile.TemporaryDirectory(prefix="citewell-test-") as name:
        server = PostgresServer(Path(name), fast=True)
        server.start()
        try:
            yield server
        finally:
            server.stop()


def test_pgbench_repeats_what_a_request_sent(server: PostgresServer) -> None:
    """The statements of the request, not those of others; PostgreSQL takes them with their parameters."""
    others = iter(range(10))
    with psycopg.connect(server.url, autocommit=True) as connection:

        def ask() -> None:
            connection.execute("SELECT length(%s::text) + %s::int", ["it's", 1])
            connection.execute(f"SELECT {next(others)} WHERE %s".encode(), [True])

        [statement] = statements_of(server.url, server.log.path, ask)
    assert statement.query == "SELECT length($1::text) + $2::int"
    assert statement.parameters == {1: "it's", 2: "1"}
    pgbench = find_pgbench()
    assert pgbench is not None
    settings = {"enable_seqscan": "off", "application_name": "with a space"}
    assert per_second(pgbench, server.url, [statement], settings=settings, clients=2, seconds=1) > 1
    with psycopg.connect(server.url) as connection:
        assert connection.execute("SHOW log_statement").fetchone() == ("none",)


def test_pgbench_that_fails_ends_the_measurement(server: PostgresServer) -> None:
    """With what it said."""
    pgbench = find_pgbench()
    assert pgbench is not None
    with psycopg.connect(server.url, autocommit=True) as connection:
        asked = statements_of(server.url, server.log.path, lambda: connection.execute("SELECT %s::int", [3]))
        settings = {"search_path": "nowhere", "no_such_setting": "1"}
    with pytest.raises(SystemExit, match="no_such_setting"):
        per_second(pgbench, server.url, asked, settings=settings, clients=1, seconds=1)


async def test_the_load_generator_counts_what_is_answered() -> None:
    """And ends the measurement where a reply is none that was wanted."""
    answered = 0

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal answered
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                answered += 1
                status = b"404 Not Found" if b"/missing" in head else b"200 OK"
                writer.write(b"HTTP/1.1 " + status + b"\r\nContent-Length: 2\r\n\r\nok")
        except asyncio.IncompleteReadError:
            writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as listening:
        port = listening.sockets[0].getsockname()[1]
        used = iter((1.0, 1.5))
        found = await asyncio.to_thread(
            load,
            port,
            http_request("GET", "/there", None),
            clients=3,
            seconds=0.3,
            cpu_seconds=lambda: next(used),
        )
        assert found.requests == answered > 3
        assert 0 < found.p50 <= found.p95 <= found.p99
        assert found.client_cpu > 0
        assert found.cpu == pytest.approx(500 / answered)
        with pytest.raises(SystemExit):
            await asyncio.to_thread(load, port, http_request("GET", "/missing", None), clients=1, seconds=0.1)


async def test_a_step_of_the_scale_finds_what_is_there() -> None:
    """More chunks than are searched exactly, so through the index."""
    [step] = await measure(3_000, questions=10, dimensions=16)
    assert step.chunks == 3_000
    assert step.recall > 0.9
    assert min(step.loaded, step.build, step.table, step.index, step.inserts, step.p50) > 0


def test_the_steps_are_powers_of_ten_and_the_whole() -> None:
    """Each larger than the one before."""
    assert steps_to(1_000_000) == [10_000, 100_000, 1_000_000]
    assert steps_to(250_100) == [10_000, 100_000, 250_500]
    assert steps_to(10) == [2_000]
