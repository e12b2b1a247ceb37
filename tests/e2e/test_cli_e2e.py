"""The command line against a real `citewell serve`, from an upload to sources."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.e2e.serving import Service, serving

DOCS = Path(__file__).parents[2] / "docs"
CLI = (sys.executable, "-m", "citewell_entrypoints.cli")


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """One service for the module's tests, which use collections of their own."""
    with serving(tmp_path_factory.mktemp("cli")) as running:
        yield running


def citewell(service: Service, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """The command, with the settings of the service; run to its end."""
    others = {name: value for name, value in os.environ.items() if not name.startswith("APP_")}
    settings = {
        "APP_PORT": service.url.rpartition(":")[2],
        "APP_DATA_DIR": str(service.data_dir),
        "APP_EMBEDDINGS_BACKEND": "mock",
        "COLUMNS": "80",
    }
    return subprocess.run(
        [*CLI, *map(str, arguments)],
        env={**others, **settings},
        cwd=service.data_dir.parent,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def test_a_folder_is_brought_in_and_found(service: Service, tmp_path: Path) -> None:
    """Files that are read become ready, others are skipped; a question finds its passage and page."""
    (tmp_path / "handbook.pdf").write_bytes((DOCS / "handbook.pdf").read_bytes())
    (tmp_path / "note.md").write_text("# The barometer\n\nWhen it falls, the boats stay in the harbour.\n")
    (tmp_path / "photo.jpg").write_bytes(b"\xff\xd8\xff\xe0" + bytes(2000))
    done = citewell(service, "ingest", tmp_path, "--collection", "found")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "3 files: 2 ready, 1 skipped" in done.stderr
    asked = citewell(service, "query", "How far is the lamp on the mole seen?", "--collection", "found")
    assert asked.returncode == 0, asked.stderr
    assert asked.stdout.startswith("[1] handbook.pdf, page 3  score ")
    assert "nautical miles" in asked.stdout
    assert max(map(len, asked.stdout.splitlines())) <= 80


def test_a_file_that_cannot_be_read_gives_exit_code_1_and_its_reason(
    service: Service, tmp_path: Path
) -> None:
    """The code and the sentence of the API are in the table of failures."""
    (tmp_path / "broken.pdf").write_bytes(b"%PDF-1.7\nnothing that is a page\n")
    done = citewell(service, "ingest", tmp_path / "broken.pdf", "--collection", "broken")
    assert done.returncode == 1
    assert "unreadable" in done.stderr
    assert "1 file: 1 failed" in done.stderr


def test_the_same_file_again_is_said_to_be_there(service: Service, tmp_path: Path) -> None:
    """Nothing is ingested twice."""
    (tmp_path / "note.txt").write_text("The lamp is lit at dusk.")
    first, again = (citewell(service, "ingest", "--json", tmp_path / "note.txt") for _ in range(2))
    assert (first.returncode, again.returncode) == (0, 0)
    assert json.loads(first.stdout)["created"] is True
    assert json.loads(again.stdout)["created"] is False
    assert json.loads(first.stdout)["document"]["id"] == json.loads(again.stdout)["document"]["id"]


def test_the_status_tells_parts_and_documents(service: Service) -> None:
    """All parts are ready, and the counts are those of the API."""
    done = citewell(service, "status", "--json")
    report = json.loads(done.stdout)
    assert done.returncode == 0
    assert {"database", "queue"} <= set(report["parts"])
    assert report["documents"]["processing"] == 0


def test_the_doctor_finds_the_running_engines(service: Service) -> None:
    """The embedded engines are found through the data folder, and the port is held by a Citewell."""
    done = citewell(service, "doctor", "--json")
    found = {check["name"]: check for check in json.loads(done.stdout)["checks"]}
    assert done.returncode == 0, done.stdout
    assert "PostgreSQL 18" in found["database"]["detail"]
    assert found["schema"]["state"] == "ok"
    assert "valkey 9" in found["queue"]["detail"]
    assert "a Citewell answers" in found["port"]["detail"]


def test_the_schema_of_the_running_service_is_shown(service: Service) -> None:
    """`citewell migrate` works on the engines of the service without any URL."""
    done = citewell(service, "migrate", "--status")
    assert done.returncode == 0, done.stderr
    assert "0001_foundation" in done.stdout
    assert "pending" not in done.stdout


def test_a_second_service_on_the_same_data_is_refused(service: Service) -> None:
    """One clear line, and the first one goes on."""
    done = citewell(service, "serve", "--port", "1")
    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 1
    assert citewell(service, "status").returncode == 0
