"""The connection pool, and the unit of work over it."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from contextvars import ContextVar
from types import TracebackType
from typing import Any, Final, LiteralString, Self

import psycopg
from psycopg import sql
from psycopg_pool import AsyncConnectionPool

from citewell_adapters.pgvector.arrays import ARRAY_DUMPERS
from citewell_adapters.pgvector.failures import translated
from citewell_adapters.pgvector.halfvec import HalfVector, HalfVectorBinaryDumper
from citewell_adapters.pgvector.lane import look_for_end
from citewell_adapters.pgvector.lanes import Lanes
from citewell_adapters.pgvector.niceness import share_niceness

__all__ = ["Connection", "PgDatabase"]

Connection = psycopg.AsyncConnection[tuple[Any, ...]]

#: A process that hangs inside a unit of work must not hold its locks for ever.
_IDLE_IN_TRANSACTION_SECONDS: Final = 600.0

_NOT_OPEN: Final = "the database is not open: use `async with database:`"

_LEAST_POOL: Final = 2

#: Less than readiness waits for a part.
_SPARE_SECONDS: Final = 1.5

#: Of 100,000 vectors in 1,000 clusters HNSW, as we build it, finds 98.5 % at 200, 99.5 % at 400: missing are
#: questions that end in another cluster than their answers.
SEARCH_EF: Final = 200

#: Every statement has its index, and no estimate is to talk PostgreSQL into reading a whole table instead: it
#: guesses that a small collection holds as much of the table as any other.
#: No parallel workers: PostgreSQL would start them for branches of a search that then are not taken.
#: Plans are made once: they hang on no value, and to plan a search takes longer than to run it.
#: HNSW in relaxed order, as what it finds is sorted again anyway.
_SESSION: Final = sql.SQL(
    """
    SET timezone = 'UTC';
    SET statement_timeout = {statement_timeout};
    SET idle_in_transaction_session_timeout = {idle_timeout};
    SET enable_seqscan = off;
    SET max_parallel_workers_per_gather = 0;
    SET jit = off;
    SET plan_cache_mode = force_generic_plan;
    SET hnsw.ef_search = {search_ef};
    SET hnsw.iterative_scan = relaxed_order
    """
)


class PgDatabase:
    """Connections to one PostgreSQL database.

    max_size: how many at most, besides the spare one. Half of them are shared by all who `fetch`; the others,
    two at least, are a pool for whole pieces of work.

    Whatever is called while the database is away raises StoreUnavailable after `connect_timeout_seconds` at
    most; once it is back, so are the connections. `statement_timeout_seconds` bounds each statement but
    those that publish. Where somebody waits for what he asked, a server that has not even said so after
    `silence_seconds` more is hung up on. search_ef: how many of the nearest HNSW keeps in view, from 1 to
    1,000: the more, the more it finds, and the longer it takes. cores: of the server, as far as one knows. On
    the same machine the server's processes give way to others as ours does.
    """

    def __init__(
        self,
        url: str,
        *,
        min_size: int = 1,
        max_size: int = 10,
        connect_timeout_seconds: int = 5,
        statement_timeout_seconds: float = 30.0,
        silence_seconds: float = 2.0,
        application_name: str = "citewell",
        search_ef: int = SEARCH_EF,
        cores: int = 2,
    ) -> None:
        self._url = url
        self._lane_count = max(1, max_size // 2)
        # Whoever keeps others out needs one for that, and one to work with.
        self._max_size = max(min(max_size, _LEAST_POOL), max_size - self._lane_count)
        self._min_size = min(min_size, self._max_size)
        self._connect_timeout_seconds = connect_timeout_seconds
        self._statement_timeout_seconds = statement_timeout_seconds
        self._answering_seconds = statement_timeout_seconds + silence_seconds
        self._application_name = application_name
        self._search_ef = search_ef
        self._cores = cores
        self._pool: AsyncConnectionPool[Connection] | None = None
        self._spare: AsyncConnectionPool[Connection] | None = None
        self._lanes: Lanes | None = None
        self._current: ContextVar[Connection | None] = ContextVar("citewell_pg_unit_of_work", default=None)

    async def __aenter__(self) -> Self:
        with translated():
            # The pool would only say that it waited in vain; a single connection says why.
            probe = await psycopg.AsyncConnection.connect(self._url, **self._connect_options())
            await probe.close()
        self._pool = self._new_pool(min_size=self._min_size, max_size=self._max_size)
        self._spare = self._new_pool(min_size=0, max_size=1)
        await self._pool.open()
        await self._spare.open()
        self._lanes = Lanes(
            self._connected,
            most=self._lane_count,
            cores=self._cores,
            patience_seconds=self._connect_timeout_seconds,
            answering_seconds=self._answering_seconds,
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        pools, lanes = (self._spare, self._pool), self._lanes
        self._spare = self._pool = self._lanes = None
        if lanes is not None:
            await lanes.close()
        for pool in pools:
            if pool is not None:
                await pool.close()

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[Connection]:
        """The connection of the running unit of work, or one of its own that commits each statement."""
        current = self._current.get()
        with translated():
            if current is not None:
                yield current
            else:
                async with self._opened(self._pool).connection() as connection:
                    yield connection

    async def fetch(
        self, query: LiteralString | bytes, parameters: Mapping[str, object]
    ) -> list[tuple[Any, ...]]:
        """The rows of one prepared statement, values in binary, over the connection that `connection` gives.

        For what is asked most: outside of a unit of work it goes over connections that others share. Somebody
        waits for it, so that a server that has fallen silent is not waited for; one who no longer does does
        not end the statement.
        """
        if self._lanes is None:
            raise RuntimeError(_NOT_OPEN)
        with translated():
            if (current := self._current.get()) is not None:
                return await self._rows(current, query, parameters)
            return await self._lanes.fetch(query, parameters)

    async def _rows(
        self, connection: Connection, query: LiteralString | bytes, parameters: Mapping[str, object]
    ) -> list[tuple[Any, ...]]:
        watch = _watch(connection, seconds=self._answering_seconds)
        try:
            cursor = await connection.execute(query, parameters, prepare=True, binary=True)
            return await cursor.fetchall()
        finally:
            watch.cancel()

    @asynccontextmanager
    async def spare_connection(self) -> AsyncIterator[Connection]:
        """One beside the pool's, to look whether the database answers: it waits for no work.

        It is lost after a second and a half, so that a silent server is not waited for.
        """
        with translated():
            async with self._opened(self._spare).connection() as connection:
                watch = _watch(connection, seconds=_SPARE_SECONDS)
                try:
                    yield connection
                finally:
                    watch.cancel()

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Connection]:
        """A connection whose statements take effect together, and with the unit of work if one runs."""
        async with self.connection() as connection:
            if self.in_unit_of_work:
                yield connection
            else:
                async with connection.transaction():
                    yield connection

    @asynccontextmanager
    async def unit_of_work(self) -> AsyncIterator[None]:
        """The UnitOfWork port. Tasks started inside must end inside: they share its connection."""
        if self.in_unit_of_work:
            raise RuntimeError("units of work do not nest")
        with translated():
            async with self._opened(self._pool).connection() as connection, connection.transaction():
                token = self._current.set(connection)
                try:
                    yield
                finally:
                    self._current.reset(token)

    @property
    def search_ef(self) -> int:
        """How many of the nearest HNSW keeps in view, where a statement does not set it."""
        return self._search_ef

    @property
    def in_unit_of_work(self) -> bool:
        """Whether the caller is inside `unit_of_work`."""
        return self._current.get() is not None

    @staticmethod
    def _opened(pool: AsyncConnectionPool[Connection] | None) -> AsyncConnectionPool[Connection]:
        if pool is None:
            raise RuntimeError(_NOT_OPEN)
        return pool

    def _new_pool(self, *, min_size: int, max_size: int) -> AsyncConnectionPool[Connection]:
        return AsyncConnectionPool(
            self._url,
            kwargs=self._connect_options(),
            min_size=min_size,
            max_size=max_size,
            open=False,
            configure=self._configure,
            check=self._check,
            timeout=self._connect_timeout_seconds,
            # No longer, so that a call after a long outage begins anew instead of waiting out a backoff.
            reconnect_timeout=self._connect_timeout_seconds,
            name=self._application_name,
        )

    def _connect_options(self) -> dict[str, Any]:
        return {
            "autocommit": True,
            "application_name": self._application_name,
            "client_encoding": "UTF8",
            "connect_timeout": self._connect_timeout_seconds,
            # A host that vanished without a word is noticed, idle or while a statement waits for it.
            "keepalives_idle": 30,
            "keepalives_interval": 10,
            "keepalives_count": 3,
            "tcp_user_timeout": 60_000,
        }

    async def _connected(self) -> Connection:
        connection = await psycopg.AsyncConnection.connect(self._url, **self._connect_options())
        try:
            await self._configure(connection)
        except BaseException:
            await connection.close()
            raise
        return connection

    async def _configure(self, connection: Connection) -> None:
        await share_niceness(connection)
        connection.adapters.register_dumper(HalfVector, HalfVectorBinaryDumper)
        for kind, dumper in ARRAY_DUMPERS:
            connection.adapters.register_dumper(kind, dumper)
        await connection.execute(
            _SESSION.format(
                search_ef=self._search_ef,
                statement_timeout=round(self._statement_timeout_seconds * 1000),
                idle_timeout=round(_IDLE_IN_TRANSACTION_SECONDS * 1000),
            )
        )

    async def _check(self, connection: Connection) -> None:
        """Raises if the server has closed the connection, without asking it anything."""
        try:
            look_for_end(connection.pgconn)
        except psycopg.OperationalError:
            # One lost connection means that the server has restarted, so the others are lost too.
            await self._opened(self._pool).drain()
            raise


def _watch(connection: Connection, *, seconds: float) -> asyncio.TimerHandle:
    """Hangs up if it takes longer, until it is cancelled.

    A cancelled statement would first ask the silent server to end it, and wait ten seconds for that.
    """
    return asyncio.get_running_loop().call_later(seconds, _hang_up, connection)


def _hang_up(connection: Connection) -> None:
    """Who waits for the server learns that the connection is lost."""
    if not connection.closed:
        with socket.socket(fileno=os.dup(connection.fileno())) as duplicate, suppress(OSError):
            duplicate.shutdown(socket.SHUT_RDWR)
