"""`citewell api` and `citewell worker` as processes of their own."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.conftest import NewDatabase
from tests.e2e.serving import free_port

from citewell_entrypoints.client import Address, Api, ClientError

CLI = (sys.executable, "-m", "citewell_entrypoints.cli")


def environment(folder: Path, **settings: str) -> dict[str, str]:
    """That of a process whose settings are these alone."""
    others = {name: value for name, value in os.environ.items() if not name.startswith("APP_")}
    own = {"APP_EMBEDDINGS_BACKEND": "mock", "APP_DATA_DIR": str(folder), "APP_WORKER_NICENESS": "0"}
    return {**others, **own, **settings}


def run(command: str, folder: Path, **settings: str) -> subprocess.CompletedProcess[str]:
    """The command, run to its end."""
    return subprocess.run(
        [*CLI, command],
        env=environment(folder, **settings),
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


@contextmanager
def running(command: str, folder: Path, **settings: str) -> Iterator[subprocess.Popen[str]]:
    """The command as a process, killed at the end if it still runs."""
    process = subprocess.Popen(
        [*CLI, command],
        env=environment(folder, **settings),
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


async def migrated(new_database: NewDatabase, folder: Path) -> str:
    """The URL of a database with the schema."""
    url = await new_database()
    assert run("migrate", folder, APP_DATABASE_URL=url).returncode == 0
    return url


@pytest.mark.parametrize("command", ["api", "worker"])
async def test_without_the_schema_nothing_starts(
    new_database: NewDatabase, valkey_url: str, tmp_path: Path, command: str
) -> None:
    """One line that says what to run."""
    url = await new_database()
    port = str(free_port())
    done = run(command, tmp_path, APP_DATABASE_URL=url, APP_REDIS_URL=valkey_url, APP_PORT=port)
    assert done.returncode == 1
    assert done.stderr.splitlines() == [
        "Error: the schema of the database is not up to date: run `citewell migrate` first"
    ]


async def test_an_occupied_port_is_told_in_one_line(
    new_database: NewDatabase, valkey_url: str, tmp_path: Path
) -> None:
    """Exit code 1, the port, and what to do; who listens there is left alone."""
    url = await migrated(new_database, tmp_path)
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = str(other.getsockname()[1])
        done = run("api", tmp_path, APP_DATABASE_URL=url, APP_REDIS_URL=valkey_url, APP_PORT=port)
    assert done.returncode == 1
    assert done.stderr.splitlines() == [
        f"Error: port {port} on 127.0.0.1 is in use: stop what listens there, or choose another with APP_PORT"
    ]


async def test_an_api_serves_until_it_is_told_to_stop(
    new_database: NewDatabase, valkey_url: str, tmp_path: Path
) -> None:
    """It becomes ready on engines of others, does not say what it is made of, and ends with 0 on SIGTERM."""
    url = await migrated(new_database, tmp_path)
    port = free_port()
    settings = {"APP_DATABASE_URL": url, "APP_REDIS_URL": valkey_url, "APP_PORT": str(port)}
    with running("api", tmp_path, **settings) as process:
        wait_until_ready(process, Api(Address("127.0.0.1", port)))
        process.send_signal(signal.SIGTERM)
        _, log = process.communicate(timeout=60)
    assert process.returncode == 0, log
    assert "Traceback" not in log


async def test_a_worker_works_until_it_is_told_to_stop(
    new_database: NewDatabase, valkey_url: str, tmp_path: Path
) -> None:
    """It says when it is ready, and ends with 0 on SIGTERM."""
    url = await migrated(new_database, tmp_path)
    with running("worker", tmp_path, APP_DATABASE_URL=url, APP_REDIS_URL=valkey_url) as process:
        assert process.stderr is not None
        lines = []
        for line in process.stderr:
            lines.append(line)
            if "the worker is ready" in line:
                break
        assert process.poll() is None, lines
        process.send_signal(signal.SIGTERM)
        _, log = process.communicate(timeout=60)
    assert process.returncode == 0, log


def wait_until_ready(process: subprocess.Popen[str], api: Api) -> None:
    """Return once the API is ready; its end is a failure."""
    deadline = time.monotonic() + 60
    while not is_ready(api):
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.05)


def is_ready(api: Api) -> bool:
    """Whether the API answers and says that it is ready."""
    try:
        return api.readiness().serves
    except ClientError:
        return False
