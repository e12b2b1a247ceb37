"""A connection in libpq's pipeline mode.

The next statements are at the server before the rows of the first are read, so that neither side waits for
the other to wake up, which costs as much as a small statement itself. Each statement is a transaction of its
own: one that fails takes no other with it.
"""

from __future__ import annotations

import asyncio
import re
from collections import OrderedDict, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import psycopg
from psycopg import pq
from psycopg.adapt import PyFormat, Transformer
from psycopg.errors import error_from_result

if TYPE_CHECKING:
    from psycopg.pq.abc import PGconn, PGresult

__all__ = ["Asked", "Lane", "Rows", "Statement", "look_for_end"]

Rows = list[tuple[Any, ...]]

#: A connection remembers the plans of so many statements.
_MAX_PREPARED: Final = 100

_PARAMETER: Final = re.compile(rb"%(?:\((\w+)\)s|%)")

#: A query, and the types of its parameters.
_PlanKey = tuple[bytes, tuple[int, ...]]


@dataclass(frozen=True, slots=True)
class Statement:
    """With $1, $2 … for its parameters, and their names in that order."""

    query: bytes
    names: tuple[str, ...]
    formats: tuple[PyFormat, ...]

    @classmethod
    def of(cls, query: str | bytes) -> Statement:
        """Of one that has `%(name)s` for them."""
        names: list[str] = []

        def numbered(found: re.Match[bytes]) -> bytes:
            if found[1] is None:
                return b"%"
            name = found[1].decode()
            if name not in names:
                names.append(name)
            return b"$%d" % (names.index(name) + 1)

        text = query.encode() if isinstance(query, str) else query
        made = _PARAMETER.sub(numbered, text)
        return cls(made, tuple(names), (PyFormat.BINARY,) * len(names))


@dataclass(eq=False, slots=True)
class Asked:
    """A statement with its parameters, and who waits for its rows. since: the loop's time.

    plan: that of the connection which it was handed to. commands: how many go before it, to have that plan.
    """

    statement: Statement
    parameters: Mapping[str, object]
    rows: asyncio.Future[Rows]
    since: float
    plan: _Plan | None = None
    commands: int = 0

    def fail(self, error: Exception) -> None:
        """Tell who still waits."""
        if not self.rows.done():
            self.rows.set_exception(error)


@dataclass(eq=False, slots=True)
class _Plan:
    """A prepared statement. error: why there is none, for those that were sent before that was known."""

    name: bytes
    key: _PlanKey
    error: psycopg.Error | None = None


def look_for_end(connection: PGconn) -> None:
    """Raises OperationalError if the server has closed the idle connection, without asking it anything.

    Read twice: before the end of the stream there may be the server's parting words.
    """
    connection.consume_input()
    connection.consume_input()


class Lane:
    """Statements one behind the other over one connection.

    on_room: called when it can take more; on_end: when it is lost. began_at: since when, in the loop's time,
    the oldest statement runs. A server that has not answered it after `answering_seconds` is hung up on.
    """

    def __init__(
        self,
        connection: psycopg.AsyncConnection[Any],
        *,
        answering_seconds: float,
        on_room: Callable[[Lane], None],
        on_end: Callable[[Lane], None],
    ) -> None:
        self._connection = connection
        self._pgconn = connection.pgconn
        self._answering_seconds = answering_seconds
        self._on_room = on_room
        self._on_end = on_end
        self._loop = asyncio.get_running_loop()
        self._transformer = Transformer(connection)
        self._asked: deque[Asked] = deque()
        self._plans: OrderedDict[_PlanKey, _Plan] = OrderedDict()
        self._count = 0
        self._result: PGresult | None = None
        self._error: psycopg.Error | None = None
        self._commands = 0
        self.began_at = 0.0
        self._watch: asyncio.TimerHandle | None = None
        self.is_open = True
        self._pgconn.enter_pipeline_mode()
        self._socket = self._pgconn.socket
        self._loop.add_reader(self._socket, self._read)

    @property
    def busy(self) -> int:
        """How many statements have not come back."""
        return len(self._asked)

    def is_alive(self) -> bool:
        """Whether the server has not closed the idle connection, without asking it anything."""
        try:
            look_for_end(self._pgconn)
        except psycopg.OperationalError as error:
            self.end(error)
        return self.is_open

    def send(self, asked: Asked) -> None:
        """Hand it to the server, behind those that are there."""
        statement, transformer = asked.statement, self._transformer
        try:
            values = [asked.parameters[name] for name in statement.names]
            packed = transformer.dump_sequence(values, statement.formats)
        except Exception as error:  # noqa: BLE001 - it is raised to who asks
            asked.fail(error)
            return
        if not self._asked:
            self.began_at = self._loop.time()
        self._asked.append(asked)
        if self._watch is None:
            self._watch = self._loop.call_later(self._answering_seconds, self._look)
        try:
            plan = self._plan(asked, (statement.query, transformer.types or ()))
            self._pgconn.send_query_prepared(plan.name, packed, transformer.formats, pq.Format.BINARY)
            self._pgconn.pipeline_sync()
            self._flush()
        except Exception as error:  # noqa: BLE001 - it is raised to who asks
            # How much of it the server has nobody knows.
            self.end(error)

    def _plan(self, asked: Asked, key: _PlanKey) -> _Plan:
        """That of the statement, which is prepared on the way if it is not yet."""
        plan = asked.plan = self._plans.get(key)
        if plan is not None:
            self._plans.move_to_end(key)
            return plan
        if len(self._plans) == _MAX_PREPARED:
            self._pgconn.send_close_prepared(self._plans.popitem(last=False)[1].name)
            asked.commands += 1
        self._count += 1
        plan = asked.plan = self._plans[key] = _Plan(b"citewell_%d" % self._count, key)
        self._pgconn.send_prepare(plan.name, *key)
        asked.commands += 1
        return plan

    def _flush(self) -> None:
        if self._pgconn.flush():
            self._loop.add_writer(self._socket, self._write)

    def _write(self) -> None:
        try:
            if self._pgconn.flush():
                return
        except psycopg.OperationalError as error:
            self.end(error)
        else:
            self._loop.remove_writer(self._socket)

    def _read(self) -> None:
        """Whatever the server has sent: rows or an error for each statement, and then the end of it."""
        pgconn = self._pgconn
        try:
            pgconn.consume_input()
            while self._asked and not pgconn.is_busy():
                result = pgconn.get_result()
                if result is None:
                    # After each command; of a lost connection for ever.
                    if pgconn.status == pq.ConnStatus.BAD:
                        break
                elif result.status == pq.ExecStatus.PIPELINE_SYNC:
                    self._finish()
                elif result.status == pq.ExecStatus.TUPLES_OK:
                    self._result = result
                elif result.status == pq.ExecStatus.COMMAND_OK:
                    self._commands += 1
                elif result.status == pq.ExecStatus.FATAL_ERROR:
                    self._error = error_from_result(result)
        except psycopg.OperationalError as error:
            self.end(error)
            return
        if pgconn.status == pq.ConnStatus.BAD:
            self.end(psycopg.OperationalError(pgconn.get_error_message()))
        else:
            self._on_room(self)

    def _finish(self) -> None:
        """The oldest statement has come back."""
        self.began_at = self._loop.time()
        asked, result, error = self._asked.popleft(), self._result, self._error
        if error is not None and asked.plan is not None:
            error = self._meant(error, asked, asked.plan)
        self._result, self._error, self._commands = None, None, 0
        if asked.rows.done():
            return
        if error is not None or result is None:
            asked.rows.set_exception(error or psycopg.InternalError("a statement without rows"))
            return
        try:
            self._transformer.set_pgresult(result)
            asked.rows.set_result(self._transformer.load_rows(0, result.ntuples, tuple))
        except psycopg.Error as unreadable:
            asked.rows.set_exception(unreadable)

    def _meant(self, error: psycopg.Error, asked: Asked, plan: _Plan) -> psycopg.Error:
        """What went wrong first, where others then had no plan to go by."""
        if self._commands < asked.commands:
            plan.error = error
            if self._plans.get(plan.key) is plan:
                del self._plans[plan.key]
        return plan.error or error

    def _look(self) -> None:
        """Hang up if the oldest statement takes too long, or look again."""
        self._watch = None
        if not self._asked:
            return
        left = self.began_at + self._answering_seconds - self._loop.time()
        if left > 0:
            self._watch = self._loop.call_later(left, self._look)
        else:
            self.end(psycopg.OperationalError("the server does not answer"))

    def end(self, error: Exception) -> None:
        """Close the connection; who still waits gets the error."""
        if not self.is_open:
            return
        self.is_open = False
        self._loop.remove_reader(self._socket)
        self._loop.remove_writer(self._socket)
        if self._watch is not None:
            self._watch.cancel()
        # It may have said why before it hung up.
        error = self._error or error
        self._pgconn.finish()
        while self._asked:
            self._asked.popleft().fail(error)
        self._on_end(self)
