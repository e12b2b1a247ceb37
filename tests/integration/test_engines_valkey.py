"""Valkey from its package starts, stops, survives being killed, and leaves nothing behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from redis import Redis
from tests.engines import processes_on, wait_until_nothing_runs_on

from citewell_entrypoints.supervisor.errors import EngineFailed
from citewell_entrypoints.supervisor.leftovers import is_alive
from citewell_entrypoints.supervisor.valkey import ValkeyServer


@pytest.fixture
def data() -> Iterator[Path]:
    """An empty data directory on which nothing may run in the end."""
    with tempfile.TemporaryDirectory(prefix="citewell-test-") as name:
        yield Path(name)
        wait_until_nothing_runs_on(Path(name))


@pytest.fixture
def server(data: Path) -> Iterator[ValkeyServer]:
    """A running server on the test's data."""
    server = ValkeyServer(data)
    server.start()
    yield server
    server.stop()


def _pid(data: Path) -> int:
    return int((data / "run" / "valkey.pid").read_text())


def test_what_was_written_is_there_after_a_stop_and_a_start(server: ValkeyServer) -> None:
    """A data directory of a former start is picked up again."""
    with Redis.from_url(server.url) as client:
        client.set("key", "value")
        server.stop()
        server.start()
        assert client.get("key") == b"value"


def test_what_was_confirmed_survives_the_kill_of_the_server(server: ValkeyServer, data: Path) -> None:
    """A start after SIGKILL reads what was appended."""
    with Redis.from_url(server.url) as client:
        for number in range(1000):
            client.rpush("list", number)
        os.kill(_pid(data), signal.SIGKILL)
        server.start()
        assert client.llen("list") == 1000


def test_it_speaks_over_its_socket_alone_and_drops_nothing_when_full(server: ValkeyServer) -> None:
    """No port is open; a full memory refuses writes instead of forgetting announcements."""
    with Redis.from_url(server.url) as client:
        assert client.config_get("port") == {"port": "0"}
        assert client.config_get("maxmemory-policy") == {"maxmemory-policy": "noeviction"}
        assert server.describe().startswith(client.info("server")["valkey_version"] + ", ")


def test_the_socket_is_closed_to_other_users(server: ValkeyServer, data: Path) -> None:
    """Only the user who started it, and root, may connect."""
    assert (data / "run" / "valkey.sock").stat().st_mode & 0o077 == 0


def test_a_server_that_a_dead_owner_left_is_stopped_and_replaced(server: ValkeyServer, data: Path) -> None:
    """The new server has the data, and one server runs in the end."""
    with Redis.from_url(server.url) as client:
        client.set("key", "value")
        left = _pid(data)
        replacement = ValkeyServer(data)
        replacement.start()
        try:
            assert not is_alive(left)
            assert client.get("key") == b"value"
            assert processes_on(data) == [_pid(data)]
        finally:
            replacement.stop()


def test_a_pid_file_that_names_another_program_is_no_obstacle(data: Path) -> None:
    """After a reboot the id may belong to anything, which is left alone."""
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"]) as stranger:
        (data / "run").mkdir()
        (data / "run" / "valkey.pid").write_text(f"{stranger.pid}\n")
        server = ValkeyServer(data)
        try:
            server.start()
            assert stranger.poll() is None
        finally:
            server.stop()
            stranger.kill()


def test_a_failing_start_quotes_the_log(data: Path) -> None:
    """The message ends with what the server said."""
    folder = data / "valkey" / "appendonlydir"
    folder.mkdir(parents=True)
    (folder / "appendonly.aof.manifest").write_text("file appendonly.aof.1.incr.aof seq 1 type nonsense\n")
    with pytest.raises(EngineFailed, match=r"valkey ended with exit code 1; the end of .*(?s:.*)manifest"):
        ValkeyServer(data).start()


def test_a_server_that_hangs_is_stopped_all_the_same(server: ValkeyServer, data: Path) -> None:
    """A suspended process does not hear the signals until it is let go on."""
    os.kill(_pid(data), signal.SIGSTOP)
    server.stop(timeout_seconds=3)
    assert processes_on(data) == []


@pytest.mark.skipif(sys.platform != "linux", reason="other kernels do not tell of a parent's death")
def test_nothing_is_left_when_the_owner_is_killed(data: Path) -> None:
    """The server ends with the process that started it."""
    code = (
        "import sys, time\n"
        "from pathlib import Path\n"
        "from citewell_entrypoints.supervisor.valkey import ValkeyServer\n"
        "ValkeyServer(Path(sys.argv[1])).start()\n"
        "print('up', flush=True)\n"
        "time.sleep(60)\n"
    )
    command = [sys.executable, "-c", code, str(data)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as owner:
        assert owner.stdout is not None
        assert owner.stdout.readline() == "up\n"
        owner.kill()
    wait_until_nothing_runs_on(data)
