"""The API: built first; then listens, opens what it needs, serves until it is told to stop."""

from __future__ import annotations

import errno
import gc
import logging
import os
import signal
import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from shutil import rmtree
from tempfile import mkdtemp
from typing import TYPE_CHECKING, Final

import uvicorn
import uvloop
from uuid_utils import reseed_rng

from citewell_adapters.local.cores import usable_cores
from citewell_entrypoints.cli.failures import Failed
from citewell_entrypoints.cli.prefork import in_processes
from citewell_entrypoints.cli.protocol import WholeReplyProtocol
from citewell_entrypoints.container import HttpContainer
from citewell_entrypoints.http import create_app
from citewell_entrypoints.http.siblings import Siblings
from citewell_entrypoints.http.streams import OpenStreams
from citewell_entrypoints.lifespan import build_resources
from citewell_entrypoints.settings import Settings

if TYPE_CHECKING:
    from litestar import Litestar

__all__ = ["ApiServer"]

_BACKLOG: Final = 2048
#: Of the processes that are started unasked: each takes some 100 MB, and PostgreSQL wants cores too.
_MOST_PROCESSES: Final = 4

_log = logging.getLogger(__name__)


class ApiServer:
    """The API, of one process or several. It is loaded here, while the engines may still be starting.

    Once it is told to stop, requests in work have `stop_seconds`.
    """

    def __init__(self, settings: Settings, *, stop_seconds: int) -> None:
        self._settings = settings
        self._stop_seconds = stop_seconds
        self._count = settings.api_processes or min(usable_cores(), _MOST_PROCESSES)
        self._siblings: Siblings | None = None
        self._server = self._built()

    def run(self) -> None:
        """Serve until SIGINT or SIGTERM.

        Raises Failed if it cannot listen, CitewellError and SettingsError if what the API needs cannot be
        opened.
        """
        # It tells each step of its life; ours is one line.
        logging.getLogger("uvicorn.error").setLevel(logging.WARNING)
        listening = _listening(self._settings.host, self._settings.port, self._count)
        sockets = listening[0] if self._count == 1 else self._as_one_of_several(listening)
        try:
            uvloop.run(_serve(self._server, sockets))
        except BaseExceptionGroup as group:
            raise _only(group) from group

    def _built(self) -> _Server:
        streams = OpenStreams()
        container = HttpContainer(settings=self._settings)
        build_resources(container)
        app = create_app(container, streams=streams, siblings=self._siblings)
        config = uvicorn.Config(
            app,
            loop="none",
            http=WholeReplyProtocol,
            ws="none",
            # Entered by us: what it raises is told as it is, not as a traceback of the server's.
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            # Nothing here reads them.
            proxy_headers=False,
            # Longer than common proxies keep an idle connection, so that they close first.
            timeout_keep_alive=75,
            timeout_graceful_shutdown=self._stop_seconds,
        )
        # What it imports in the end.
        config.load()
        return _Server(config, app=app, streams=streams)

    def _as_one_of_several(self, sockets: Sequence[list[socket.socket]]) -> list[socket.socket]:
        """The sockets of this process, which is a new one from here on."""
        # Elsewhere its path may be too long for a socket.
        folder, parent = Path(mkdtemp(prefix="citewell-")), os.getpid()
        try:
            number = in_processes(self._count)
        finally:
            if os.getpid() == parent:
                rmtree(folder, ignore_errors=True)
        for others in (*sockets[:number], *sockets[number + 1 :]):
            for each in others:
                each.close()
        self._siblings = Siblings(folder, number=number)
        # What is by chance must differ: ids of documents, and the names of what is built.
        reseed_rng()
        self._server = self._built()
        return sockets[number]


async def _serve(server: _Server, sockets: list[socket.socket]) -> None:
    async with server.app.lifespan():
        # What is there now stays for good: to look through it now and then would stop all requests for about
        # 45 ms each time.
        gc.collect()
        gc.freeze()
        gc.enable()
        _log.info("the API is ready")
        await server.serve(sockets=sockets)


def _only(error: BaseException) -> BaseException:
    """What went wrong, where the framework's task group wrapped one error."""
    while isinstance(error, BaseExceptionGroup) and len(error.exceptions) == 1:
        error = error.exceptions[0]
    return error


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config, *, app: Litestar, streams: OpenStreams) -> None:
        super().__init__(config)
        self.app = app
        self._streams = streams

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Streams that wait for something to happen are not waited for."""
        self._streams.end()
        await super().shutdown(sockets)

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Stop on a signal, and do not raise it again after: a stop that was asked for is a success."""
        numbers = (signal.SIGINT, signal.SIGTERM)
        before = {number: signal.signal(number, self.handle_exit) for number in numbers}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


def _listening(host: str, port: int, processes: int) -> list[list[socket.socket]]:
    """For each process sockets that listen on every address of the host. Raises Failed if one is taken.

    Among the sockets of one address the system shares out the connections.
    """
    sockets: list[list[socket.socket]] = [[] for _ in range(processes)]
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        for family, place in {(family, place) for family, _, _, _, place in found}:
            if processes > 1:
                # Sharing a port is silent: whether somebody has it already shows only who does not share.
                socket.create_server(place[:2], family=family).close()
            for own in sockets:
                own.append(
                    socket.create_server(place[:2], family=family, backlog=_BACKLOG, reuse_port=processes > 1)
                )
    except OSError as error:
        for opened in chain.from_iterable(sockets):
            opened.close()
        raise Failed(_refusal(host, port, error)) from error
    return sockets


def _refusal(host: str, port: int, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"port {port} on {host} is in use: stop what listens there, or choose another with APP_PORT"
    if error.errno == errno.EACCES:
        return f"port {port} is kept for the system: choose one above 1023 with APP_PORT"
    # Errors of names have numbers of their own.
    reason = os.strerror(error.errno) if error.errno and error.errno > 0 else error.strerror
    return f"cannot listen on {host}: {reason}; choose an address of this machine with APP_HOST"
