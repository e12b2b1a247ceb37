"""Where the processor is short, queries go before ingestion."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from citewell import niceness
from citewell_entrypoints.niceness import be_nice
from citewell_entrypoints.supervisor.postgres import PostgresServer

_PROGRAM = """
import os, subprocess, sys
from citewell_entrypoints.niceness import be_nice
from tests.integration.test_worker_niceness import session_niceness
be_nice(int(sys.argv[1]))
child = subprocess.run([sys.executable, "-c", "import os; print(os.nice(0))"], capture_output=True, text=True)
print(os.nice(0), child.stdout.strip(), session_niceness())
"""

_OF_DATABASE = """
import asyncio, os, sys
from citewell_adapters.pgvector import PgDatabase
from tests.integration.test_worker_niceness import niceness_of

async def main():
    os.nice(int(sys.argv[1]))
    async with PgDatabase(sys.argv[2]) as database, database.connection() as connection:
        (process,) = await (await connection.execute("SELECT pg_backend_pid()")).fetchone()
        print(*niceness_of(process))

asyncio.run(main())
"""
_OF_READER = """
import asyncio, os, pathlib, sys
from citewell_adapters.parsing import ChildParser
from tests.integration.test_worker_niceness import niceness_of

async def main():
    os.nice(int(sys.argv[1]))
    reader = "tests.integration.planted_readers:pages"
    async with ChildParser(reader=reader, detect=lambda head, *, name: None) as parser:
        async for page in parser.parse(pathlib.Path(sys.argv[2]), media_type="text/x-planted"):
            print(*niceness_of(int(page.text.split()[0])))

asyncio.run(main())
"""


def niceness_of(process: int) -> tuple[int, str]:
    """Of a process, and of its session."""
    return os.getpriority(os.PRIO_PROCESS, process), session_niceness(process)


def session_niceness(process: int | str = "self") -> str:
    """How nice a session is, or "none" where the kernel does not share the processor among sessions."""
    autogroup = Path(f"/proc/{process}/autogroup")
    try:
        words = autogroup.read_text().split()
    except OSError:
        words = []
    # Sandboxes that know nothing of sessions may show an empty file.
    return words[-1] if words else "none"


@pytest.mark.parametrize("own_session", [True, False])
def test_a_worker_is_nicer_than_what_started_it(own_session: bool) -> None:
    """So are its children, and its session where that is its own; another's session stays as it is."""
    _, _, untouched = after_being_nice(0, own_session=own_session)
    ours, child, session = after_being_nice(10, own_session=own_session)
    assert int(ours) > os.nice(0)
    assert child == ours
    assert session == ("10" if own_session and untouched != "none" else untouched)


def test_a_niceness_of_0_changes_nothing() -> None:
    """For machines where nothing else is to go first."""
    ours, child, session = after_being_nice(0, own_session=True)
    assert int(ours) == int(child) == os.nice(0)
    assert session in {"0", "none"}


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells whose process is behind a socket")
def test_the_databases_processes_are_as_nice_as_who_they_work_for() -> None:
    """Else the database's share of an ingestion would take as much of the processor as a query."""
    with tempfile.TemporaryDirectory(prefix="citewell-test-") as folder:
        server = PostgresServer(Path(folder), fast=True)
        server.start()
        try:
            usual, usual_session = niceness_after(_OF_DATABASE, "0", server.url)
            nice, session = niceness_after(_OF_DATABASE, "5", server.url)
        finally:
            server.stop()
    assert int(nice) == min(19, int(usual) + 5)
    assert session == (nice if usual_session != "none" else "none")


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux shares the processor among sessions")
def test_a_reader_of_files_is_as_nice_as_its_worker(tmp_path: Path) -> None:
    """It is a session of its own, which begins with as much of the processor as any other."""
    file = tmp_path / "file"
    file.write_text("1")
    usual, usual_session = niceness_after(_OF_READER, "0", str(file))
    nice, session = niceness_after(_OF_READER, "5", str(file))
    assert int(nice) == min(19, int(usual) + 5)
    assert session == (nice if usual_session != "none" else "none")


def niceness_after(program: str, *arguments: str) -> list[str]:
    """What the program prints."""
    command = [sys.executable, "-c", program, *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()


def after_being_nice(niceness: int, *, own_session: bool) -> list[str]:
    """How nice a process, a child of its and its session are then."""
    reply = subprocess.run(
        [sys.executable, "-c", _PROGRAM, str(niceness)],
        capture_output=True,
        text=True,
        check=True,
        start_new_session=own_session,
    )
    return reply.stdout.split()


def test_a_kernel_that_refuses_stops_no_worker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Some show the file and refuse what is written there."""
    nice: list[int] = []
    monkeypatch.setattr(os, "nice", nice.append)
    monkeypatch.setattr(os, "getsid", lambda _pid: os.getpid())
    monkeypatch.setattr(niceness, "_PROCESSES", tmp_path / "none")
    be_nice(10)
    assert nice


def test_a_kernel_that_is_asked_too_often_is_asked_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two workers that start together are both nice."""
    written: list[str] = []

    def write_text(_path: Path, text: str) -> None:
        written.append(text)
        if len(written) == 1:
            raise BlockingIOError

    monkeypatch.setattr(os, "nice", lambda _by: 0)
    monkeypatch.setattr(os, "getsid", lambda _pid: os.getpid())
    monkeypatch.setattr(niceness, "_PAUSE", 0.0)
    monkeypatch.setattr(Path, "write_text", write_text)
    be_nice(10)
    assert written == ["10", "10"]
