"""The PostgreSQL and the Valkey that tests talk to: from packages, or from containers where asked for."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

from citewell_entrypoints.supervisor.leftovers import command_of, is_alive
from citewell_entrypoints.supervisor.postgres import PostgresServer
from citewell_entrypoints.supervisor.valkey import ValkeyServer

__all__ = [
    "copy_cluster",
    "processes_on",
    "running_postgres",
    "running_valkey",
    "stopped_cluster",
    "wait_until_nothing_runs_on",
]

_POSTGRES_IMAGE = "pgvector/pgvector:pg18"
_VALKEY_IMAGE = "valkey/valkey:9"


@contextmanager
def running_postgres() -> Iterator[str]:
    """A PostgreSQL with pgvector for as long as the context; gives the URL of a database of its superuser."""
    if _containers():
        from testcontainers.community.postgres import PostgresContainer

        container = PostgresContainer(_POSTGRES_IMAGE, driver=None)
        with container.with_command("postgres -c fsync=off -c full_page_writes=off"):
            yield container.get_connection_url()
        return
    with _temporary_folder() as folder:
        server = PostgresServer(folder, fast=True)
        server.start()
        try:
            yield server.url
        finally:
            server.stop()


@contextmanager
def running_valkey() -> Iterator[str]:
    """A Valkey for as long as the context; gives its URL as Redis clients take it."""
    if _containers():
        from testcontainers.community.valkey import ValkeyContainer

        with ValkeyContainer(_VALKEY_IMAGE) as container:
            yield f"redis://{container.get_host()}:{container.get_exposed_port()}/0"
        return
    with _temporary_folder() as folder:
        server = ValkeyServer(folder)
        server.start()
        try:
            yield server.url
        finally:
            server.stop()


@contextmanager
def stopped_cluster() -> Iterator[Path]:
    """A data directory with the files of a stopped PostgreSQL that holds a table of one row, to be copied."""
    with _temporary_folder() as folder:
        server = PostgresServer(folder, fast=True)
        server.start()
        with psycopg.connect(server.url) as connection:
            connection.execute("CREATE TABLE kept AS SELECT 1 AS number")
        server.stop()
        yield folder


def copy_cluster(source: Path, *, to: Path) -> None:
    """Copy such files into another data directory: quicker than making new ones."""
    shutil.copytree(source / "postgres", to / "postgres")
    owner = (source / "postgres").stat()
    for path in (to / "postgres", *(to / "postgres").rglob("*")):
        os.chown(path, owner.st_uid, owner.st_gid)


def processes_on(data_directory: Path) -> list[int]:
    """The ids of the processes that name the directory in their command line, or, on Linux, work in it."""
    if sys.platform == "linux":
        pids = [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()]
    else:
        listing = subprocess.run(["/bin/ps", "-axo", "pid="], capture_output=True, text=True, check=True)
        pids = [int(pid) for pid in listing.stdout.split()]
    others = [pid for pid in pids if pid != os.getpid()]
    return [pid for pid in others if str(data_directory) in _traces(pid) and is_alive(pid)]


def _traces(pid: int) -> str:
    try:
        return f"{Path(f'/proc/{pid}/cwd').readlink()} {command_of(pid)}"
    except OSError:
        return command_of(pid)


def wait_until_nothing_runs_on(data_directory: Path, *, seconds: float = 20.0) -> None:
    """Return once `processes_on` is empty; an AssertionError if it is not in time."""
    deadline = time.monotonic() + seconds
    while left := processes_on(data_directory):
        assert time.monotonic() < deadline, f"still running: {left}"
        time.sleep(0.05)


def _containers() -> bool:
    wanted = os.environ.get("CITEWELL_TEST_ENGINES", "packages")
    if wanted not in {"packages", "containers"}:
        raise ValueError(f"CITEWELL_TEST_ENGINES is {wanted!r}: use 'packages' or 'containers'")
    return wanted == "containers"


@contextmanager
def _temporary_folder() -> Iterator[Path]:
    # Not pytest's tmp_path: its long paths would move the sockets elsewhere.
    with tempfile.TemporaryDirectory(prefix="citewell-test-") as name:
        yield Path(name)
