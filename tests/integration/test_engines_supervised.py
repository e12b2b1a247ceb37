"""The supervisor with the real engines and small programs in the place of API, worker and migration."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
from redis import Redis
from tests.e2e.serving import free_port
from tests.engines import copy_cluster, processes_on, wait_until_nothing_runs_on

from citewell_entrypoints.supervisor.leftovers import command_of
from citewell_entrypoints.supervisor.postgres import PostgresServer
from citewell_entrypoints.supervisor.valkey import ValkeyServer

_DRIVER = """
import sys
from pathlib import Path
from citewell_entrypoints.supervisor import Plan, supervise

def child(kind):
    return (sys.executable, sys.argv[1], kind, sys.argv[2])

sys.exit(supervise(Plan(
    Path(sys.argv[2]), "127.0.0.1", int(sys.argv[3]), workers=2, environment={"GREETING": "hello"},
    migrate=child("migrate"), api=child("api"), worker=child("worker"),
)))
"""

#: Does what the files in the data directory ask for: `<kind>.exit` names an exit code, `<kind>.deaf` ignores
#: SIGTERM.
_CHILD = """
import http.server, os, pathlib, signal, sys, threading, time
from citewell_entrypoints.supervisor import exit_with_parent

exit_with_parent()
kind, data = sys.argv[1], pathlib.Path(sys.argv[2])
assert os.environ["GREETING"] == "hello" and os.environ["APP_DATA_DIR"] == str(data)
print(f"{kind} began\\n", end="", flush=True)
if (data / f"{kind}.exit").exists():
    sys.exit(int((data / f"{kind}.exit").read_text()))
if kind == "migrate":
    sys.exit(0)
deaf = (data / f"{kind}.deaf").exists()
signal.signal(signal.SIGTERM, signal.SIG_IGN if deaf else lambda *_: os._exit(0))
if kind == "worker":
    while True:
        time.sleep(60)

class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200 if self.path == "/readyz" else 404)
        self.end_headers()

    def log_message(self, *_):
        pass

http.server.HTTPServer((os.environ["APP_HOST"], int(os.environ["APP_PORT"])), Handler).serve_forever()
"""


class Served:
    """One supervisor in a process of its own, with what it printed so far."""

    def __init__(self, data: Path, port: int) -> None:
        self.data = data
        self.port = port
        self._folder = data.parent
        (self._folder / "child.py").write_text(_CHILD)
        self._runs = 0
        self.start()

    def start(self) -> None:
        """Start the supervisor, anew if it was started before."""
        self._runs += 1
        self._out = self._folder / f"out{self._runs}"
        self.process = self.run_beside(self._out)

    def run_beside(self, out: Path, *, port: int | None = None) -> subprocess.Popen[bytes]:
        """Start one more supervisor on the same data."""
        arguments = [str(self._folder / "child.py"), str(self.data), str(port or self.port)]
        with out.open("wb") as output:
            return subprocess.Popen(
                [sys.executable, "-c", _DRIVER, *arguments], stdout=output, stderr=subprocess.STDOUT
            )

    @property
    def output(self) -> str:
        """What it and its children printed since its last start."""
        return self._out.read_text()

    def until(self, text: str, *, times: int = 1) -> None:
        """Return once the text was printed so often."""
        _until(lambda: self.output.count(text) >= times, lambda: self.output)

    def child(self, *words: str) -> int:
        """The id of the one process on the data whose command line holds the words."""
        found = [pid for pid in processes_on(self.data) if all(word in command_of(pid) for word in words)]
        # A worker's command line names the data too, and the driver's names the child's program.
        found = [pid for pid in found if pid != self.process.pid]
        assert found, f"no process with {words}"
        return found[0]

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Send a signal and wait for the end; the exit code."""
        self.process.send_signal(number)
        return self.process.wait(30)


def _until(condition: Callable[[], bool], explain: Callable[[], str]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline, explain()
        time.sleep(0.02)


@pytest.fixture
def place(cluster_files: Path) -> Iterator[Path]:
    """A data directory with a stopped PostgreSQL in it, on which nothing may run in the end."""
    with tempfile.TemporaryDirectory(prefix="citewell-test-") as name:
        copy_cluster(cluster_files, to=Path(name) / "data")
        yield Path(name) / "data"
        wait_until_nothing_runs_on(Path(name))


@pytest.fixture
def port() -> int:
    """A port that is free at the moment."""
    return free_port()


@contextmanager
def hangups(handling: signal.Handlers) -> Iterator[None]:
    """What is started meanwhile inherits this for SIGHUP and SIGINT, however the tests were started."""
    before = {number: signal.signal(number, handling) for number in (signal.SIGHUP, signal.SIGINT)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@pytest.fixture
def served(place: Path, port: int) -> Iterator[Served]:
    """A supervisor that was just started, and is killed in the end if it still runs."""
    with hangups(signal.SIG_DFL):
        served = Served(place, port)
    yield served
    if served.process.poll() is None:
        served.process.kill()
        served.process.wait()


def words(served: Served) -> list[str]:
    """The first two words of each line."""
    return [" ".join(line.split()[:2]) for line in served.output.splitlines()]


def test_everything_is_up_before_it_says_ready_and_a_stop_takes_it_all_down(served: Served) -> None:
    """One line per part with its state, the address, and exit code 0 after SIGTERM."""
    served.until("citewell  ready")
    with urllib.request.urlopen(f"http://127.0.0.1:{served.port}/readyz") as reply:
        assert reply.status == 200
    with (
        psycopg.connect(PostgresServer(served.data).url),
        Redis.from_url(ValkeyServer(served.data).url) as client,
    ):
        assert client.ping()
    deadline = time.monotonic() + 20
    while words(served).count("worker began") < 2 and time.monotonic() < deadline:
        time.sleep(0.05)
    began = time.monotonic()
    assert served.stop() == 0
    assert time.monotonic() - began < 10
    assert processes_on(served.data) == []
    lines = words(served)
    ready = lines.index("citewell ready")
    assert {"postgres ready", "valkey ready", "schema ready", "api ready"} < set(lines[:ready])
    assert lines.index("migrate began") < lines.index("api began")
    assert lines.count("worker began") == 2
    assert f"http://127.0.0.1:{served.port}" in served.output
    # A worker may need longer for its first words than the API to be ready.
    stopped = [line.split()[0] for line in lines[ready + 1 :] if not line.endswith("began")]
    assert stopped == ["citewell", "api", "worker", "worker", "valkey", "postgres"]


def test_a_second_start_on_the_same_data_or_port_is_refused(served: Served, place: Path) -> None:
    """One line, another exit code than 0, and the first goes on."""
    served.until("citewell  ready")
    same_data = place.parent / "same_data"
    (place.parent / "other").mkdir()
    assert served.run_beside(same_data, port=served.port + 1).wait(10) == 1
    assert same_data.read_text().startswith("Error: Citewell runs already on ")
    assert f"process {served.process.pid}, http://127.0.0.1:{served.port}" in same_data.read_text()
    other = Served(place.parent / "other" / "data", served.port)
    assert other.process.wait(10) == 1
    assert other.output.startswith(f"Error: port {served.port} on 127.0.0.1 is in use")
    assert [text.count("\n") for text in (same_data.read_text(), other.output)] == [1, 1]
    assert served.output.endswith("\n")
    with urllib.request.urlopen(f"http://127.0.0.1:{served.port}/readyz") as reply:
        assert reply.status == 200
    assert "ended" not in served.output


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGHUP])
def test_ctrl_c_and_a_closed_terminal_stop_it_too(served: Served, number: signal.Signals) -> None:
    """Exit code 0: it was asked to stop."""
    served.until("citewell  ready")
    assert served.stop(number) == 0


def test_what_nohup_started_outlives_the_terminal(place: Path, port: int) -> None:
    """An ignored SIGHUP stays ignored, an ignored SIGINT does not: shells ignore it for background jobs."""
    with hangups(signal.SIG_IGN):
        served = Served(place, port)
    served.until("citewell  ready")
    served.process.send_signal(signal.SIGHUP)
    time.sleep(0.5)
    assert "stopping" not in served.output
    assert served.stop(signal.SIGINT) == 0


def test_a_stop_during_the_start_is_heeded(served: Served) -> None:
    """Nothing is left of a start that was broken off."""
    served.until("postgres  ready")
    assert served.stop() == 0
    assert processes_on(served.data) == []


def test_children_that_do_not_stop_are_killed_in_time(served: Served) -> None:
    """Ten seconds are enough for everything, and PostgreSQL still stops in order."""
    served.until("citewell  ready")
    served.stop()
    for kind in ("api", "worker"):
        (served.data / f"{kind}.deaf").touch()
    served.start()
    served.until("citewell  ready")
    began = time.monotonic()
    assert served.stop() == 0
    assert time.monotonic() - began < 10
    log = (served.data / "logs" / "postgres.log").read_text()
    assert log.rstrip().endswith("database system is shut down")


def test_a_second_ctrl_c_hastens(served: Served) -> None:
    """Children that do not stop get no more time."""
    served.until("postgres  ready")
    for kind in ("api", "worker"):
        (served.data / f"{kind}.deaf").touch()
    served.until("citewell  ready")
    served.process.send_signal(signal.SIGINT)
    served.until("stopping")
    time.sleep(0.5)
    began = time.monotonic()
    assert served.stop(signal.SIGINT) == 0
    assert time.monotonic() - began < 5


def test_nothing_is_left_when_it_is_killed_and_the_next_start_has_the_data(served: Served) -> None:
    """Twice, and the second time the next start comes at once, before the old processes have ended."""
    served.until("citewell  ready")
    with psycopg.connect(PostgresServer(served.data).url) as connection:
        connection.execute("INSERT INTO kept VALUES (7)")
    with Redis.from_url(ValkeyServer(served.data).url) as client:
        client.set("key", "value")
    assert served.stop(signal.SIGKILL) == -signal.SIGKILL
    if sys.platform == "linux":
        wait_until_nothing_runs_on(served.data)
    served.start()
    served.until("citewell  ready")
    served.stop(signal.SIGKILL)
    served.start()
    served.until("citewell  ready")
    with psycopg.connect(PostgresServer(served.data).url) as connection:
        assert connection.execute("SELECT number FROM kept").fetchall() == [(1,), (7,)]
    with Redis.from_url(ValkeyServer(served.data).url) as client:
        assert client.get("key") == b"value"
    assert served.stop() == 0


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("api", ("child.py", " api ")),
        ("worker", ("child.py", " worker ")),
        ("valkey", ("valkey-server",)),
        ("postgres", ("bin/postgres", "-D")),
    ],
)
def test_a_part_that_is_killed_is_started_again(served: Served, name: str, words: tuple[str, ...]) -> None:
    """It says so in one line, and the others go on."""
    served.until("citewell  ready")
    os.kill(served.child(*words), signal.SIGKILL)
    served.until("was ended by SIGKILL; starts again in 0.5 s")
    _until(lambda: _is_up_again(served.output, name), lambda: served.output)
    assert served.output.count("was ended by") == 1
    with (
        psycopg.connect(PostgresServer(served.data).url),
        Redis.from_url(ValkeyServer(served.data).url) as client,
    ):
        assert client.ping()
    assert served.stop() == 0


def _is_up_again(output: str, name: str) -> bool:
    after = output.partition("was ended by")[2].splitlines()
    return any(line.startswith(name) and line.split()[-1] != "began" for line in after[1:])


def test_a_part_that_ends_again_and_again_stops_everything(served: Served) -> None:
    """After the fifth end in a minute: exit code 1 and one message that says which part and how it ended."""
    served.until("citewell  ready")
    (served.data / "api.exit").write_text("3")
    os.kill(served.child("child.py", " api "), signal.SIGKILL)
    assert served.process.wait(60) == 1
    assert "Error: api ended 5 times within 60 seconds" in served.output
    assert "it last ended with exit code 3" in served.output
    assert served.output.count("starts again in") == 4
    assert processes_on(served.data) == []


@pytest.mark.parametrize("kind", ["migrate", "api", "worker"])
def test_a_part_that_ends_while_starting_ends_the_start(place: Path, port: int, kind: str) -> None:
    """What is wrong at the first start is not tried again: exit code 1 and one message."""
    (place / f"{kind}.exit").write_text("4")
    served = Served(place, port)
    assert served.process.wait(60) == 1
    assert "ended with exit code 4" in served.output.splitlines()[-1]
    assert served.output.splitlines()[-1].startswith("Error: ")
    assert processes_on(place) == []


def test_an_engine_that_cannot_start_quotes_its_log(served: Served) -> None:
    """The message ends with what PostgreSQL said."""
    served.until("citewell  ready")
    served.stop()
    with (served.data / "postgres" / "postgresql.conf").open("a") as file:
        file.write("no_such_setting = 1\n")
    served.start()
    assert served.process.wait(60) == 1
    assert 'unrecognized configuration parameter "no_such_setting"' in served.output
    assert "Error: postgres ended with exit code 1 while starting" in served.output
