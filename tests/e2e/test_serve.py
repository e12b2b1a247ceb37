"""`citewell serve` with everything real: starts, refuses, stops, dies, and comes back with its data."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from tests.e2e.serving import Service, ended, free_port, serving
from tests.engines import processes_on, wait_until_nothing_runs_on

_TEXT = b"The lighthouse keeper counts the ships that pass the mole at night.\n"
_SERVE = [sys.executable, "-m", "citewell_entrypoints.cli", "serve"]
#: Runs its arguments on a terminal of their own, to which its standard input is typed.
_IN_A_TERMINAL = [
    sys.executable,
    "-c",
    "import os, pty, sys; sys.exit(os.waitstatus_to_exitcode(pty.spawn(sys.argv[1:])))",
]


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder for a service's data, on which nothing may run in the end."""
    with tempfile.TemporaryDirectory(prefix="citewell-test-") as name:
        yield Path(name)
        wait_until_nothing_runs_on(Path(name))


def _environment(folder: Path, port: int) -> dict[str, str]:
    others = {name: value for name, value in os.environ.items() if not name.startswith("APP_")}
    own = {"APP_DATA_DIR": str(folder / "data"), "APP_PORT": str(port), "APP_EMBEDDINGS_BACKEND": "mock"}
    return others | own


def _upload(service: Service) -> str:
    with httpx.Client(base_url=service.url, timeout=30) as client:
        reply = client.post("/api/v1/documents", files={"file": ("mole.txt", _TEXT)})
        assert reply.status_code in (200, 202), reply.text
        document = ended(client, reply.json()["id"])
    assert document["status"] == "ready", service.log.read_text()
    return str(document["id"])


def _status(service: Service, document: str) -> str:
    return str(httpx.get(f"{service.url}/api/v1/documents/{document}").json()["status"])


def _sources(service: Service, document: str) -> list[str]:
    body = {"document_id": document, "question": "Who counts the ships?", "top_k": 1}
    reply = httpx.post(f"{service.url}/api/v1/query", json=body, timeout=30)
    return [source["document_id"] for source in reply.json()["sources"]]


def test_a_stop_ends_everything_within_ten_seconds_and_a_restart_has_the_data(folder: Path) -> None:
    """Exit code 0 after SIGTERM, no process left, and the document is found by the next start."""
    with serving(folder) as service:
        document = _upload(service)
        began = time.monotonic()
        service.process.send_signal(signal.SIGTERM)
        assert service.process.wait(30) == 0
        assert time.monotonic() - began < 10
        assert processes_on(folder) == []
    with serving(folder) as service:
        assert _status(service, document) == "ready"
        assert _sources(service, document) == [document]


def test_a_kill_leaves_nothing_running_and_a_restart_has_the_data(folder: Path) -> None:
    """Nothing survives the supervisor; the next start recovers by itself and finds the document."""
    with serving(folder) as service:
        document = _upload(service)
        service.process.kill()
        service.process.wait()
        if sys.platform == "linux":
            wait_until_nothing_runs_on(folder)
    with serving(folder) as service:
        assert _sources(service, document) == [document]


def test_a_second_start_on_the_same_data_or_port_is_one_line(folder: Path) -> None:
    """Exit code 1, one line that says what to do, and the first service goes on undisturbed."""
    other = folder / "other"
    other.mkdir()
    with serving(folder) as service:
        port = int(service.url.rpartition(":")[2])
        same_data = subprocess.run(
            _SERVE, env=_environment(folder, free_port()), capture_output=True, text=True, timeout=60
        )
        same_port = subprocess.run(
            _SERVE, env=_environment(other, port), capture_output=True, text=True, timeout=60
        )
        for reply, words in ((same_data, "runs already on"), (same_port, f"port {port} on 127.0.0.1")):
            assert reply.returncode == 1
            assert reply.stdout == ""
            assert words in reply.stderr
            assert reply.stderr.count("\n") == 1
        assert httpx.get(f"{service.url}/readyz").status_code == 200
        assert "ended" not in service.log.read_text()


def test_ctrl_c_in_a_terminal_stops_it_in_order(folder: Path) -> None:
    """The key reaches the supervisor alone: the parts stop one after the other, and none complains."""
    environment = _environment(folder, free_port())
    pipe = subprocess.PIPE
    with subprocess.Popen([*_IN_A_TERMINAL, *_SERVE], env=environment, stdin=pipe, stdout=pipe) as terminal:
        assert terminal.stdin is not None
        assert terminal.stdout is not None
        text = ""
        for line in terminal.stdout:
            text += line.decode()
            if line.startswith(b"citewell  ready"):
                terminal.stdin.write(b"\x03")
                terminal.stdin.flush()
    assert terminal.returncode == 0, text
    stopped = [line.split()[0] for line in text.splitlines() if line.rstrip().endswith(" stopped")]
    assert stopped == ["api", "worker", "valkey", "postgres"]
    assert "Traceback" not in text


def test_documents_of_two_services_side_by_side_stay_apart(folder: Path) -> None:
    """Two data directories and two ports are two services on one machine."""
    for name in ("first", "second"):
        (folder / name).mkdir()
    with serving(folder / "first") as first, serving(folder / "second") as second:
        document = _upload(first)
        assert httpx.get(f"{second.url}/api/v1/documents/{document}").status_code == 404
