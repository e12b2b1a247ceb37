"""`citewell doctor` on good and bad machines."""

from __future__ import annotations

import asyncio
import json
import resource
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from tests.cli_stub import Canned, running_stub
from tests.conftest import NewDatabase
from tests.e2e.serving import free_port

from citewell_entrypoints.cli.root import root

A_CHUNK = """
WITH
    collection AS (INSERT INTO collections (name) VALUES ('default') RETURNING id),
    document AS (
        INSERT INTO documents (id, collection_id, name, metadata)
        SELECT gen_random_uuid(), id, 'a.txt', '{}' FROM collection RETURNING id
    ),
    revision AS (
        INSERT INTO revisions (document_id, sha256, size_bytes, media_type, name, metadata)
        SELECT id, sha256('a'), 1, 'text/plain', 'a.txt', '{}' FROM document RETURNING id
    )
INSERT INTO chunks
SELECT id, 0, 0, 1, 1, 1, 1, '{}', 'a' FROM revision
"""


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A working directory without a .env and without data, the mock embedder, a free port."""
    monkeypatch.chdir(tmp_path)
    for name in ("APP_DATABASE_URL", "APP_REDIS_URL", "APP_DATA_DIR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("APP_EMBEDDINGS_BACKEND", "mock")
    monkeypatch.setenv("APP_PORT", str(free_port()))


def doctor() -> tuple[int, dict[str, dict[str, Any]]]:
    """The exit code, and the findings by name."""
    result = CliRunner().invoke(root, ["doctor", "--json"])
    report = json.loads(result.stdout)
    assert report["ok"] is (result.exit_code == 0)
    return result.exit_code, {check["name"]: check for check in report["checks"]}


def test_a_machine_where_nothing_runs_is_fine() -> None:
    """Engines that are not running are no failure: `citewell serve` starts them. Nothing is made."""
    code, found = doctor()
    assert code == 0, found
    assert "`citewell serve` starts it" in found["database"]["detail"]
    assert "`citewell serve` starts it" in found["queue"]["detail"]
    assert found["embedder"]["detail"].startswith("mock: ")
    assert "is free" in found["port"]["detail"]
    assert list(Path.cwd().iterdir()) == []


def test_the_report_is_readable_without_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """A line for each finding in 80 columns, no control codes, a sum at the end."""
    monkeypatch.setenv("COLUMNS", "80")
    result = CliRunner().invoke(root, ["doctor"])
    assert result.exit_code == 0
    assert "\x1b" not in result.stdout
    assert max(map(len, result.stdout.splitlines())) <= 80
    assert result.stdout.splitlines()[0].split()[:2] == ["ok", "settings"]
    assert " checks: " in result.stdout.splitlines()[-1]


def test_wrong_settings_are_findings_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each is named with how to mend it; what needs no settings is checked all the same."""
    monkeypatch.setenv("APP_WORKERS", "none")
    monkeypatch.setenv("APP_WROKERS", "1")
    result = CliRunner().invoke(root, ["doctor"])
    assert result.exit_code == 1
    assert "APP_WROKERS: there is no such setting" in result.stdout
    assert "APP_WORKERS: " in result.stdout
    assert "→ correct or remove APP_WORKERS" in result.stdout
    assert "limits" in result.stdout


async def test_a_database_without_the_schema_fails_and_says_what_to_run(
    new_database: NewDatabase, valkey_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Server and extension are fine, the schema is not; after `citewell migrate` all is."""
    monkeypatch.setenv("APP_DATABASE_URL", await new_database())
    monkeypatch.setenv("APP_REDIS_URL", valkey_url)
    code, found = await asyncio.to_thread(doctor)
    assert code == 1
    assert found["database"]["state"] == "ok"
    assert found["pgvector"]["state"] == "ok"
    assert found["schema"]["state"] == "fail"
    assert found["schema"]["mend"] == "run `citewell migrate`"
    assert found["queue"]["state"] == "ok"
    assert CliRunner().invoke(root, ["migrate"]).exit_code == 0
    code, found = await asyncio.to_thread(doctor)
    assert code == 0, found
    assert found["vectors"]["detail"].startswith("none yet")


async def test_vectors_of_another_embedder_are_noticed(
    new_database: NewDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both spaces are named; a database without chunks takes the new one, one with chunks refuses it."""
    import psycopg

    url = await new_database()
    monkeypatch.setenv("APP_DATABASE_URL", url)
    assert CliRunner().invoke(root, ["migrate"]).exit_code == 0
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as connection:
        await connection.execute(
            "INSERT INTO embedding_spaces (model, dimensions, active) VALUES ('another', 7, true)"
        )
    code, found = await asyncio.to_thread(doctor)
    assert (code, found["vectors"]["state"]) == (0, "ok")
    assert "another (7 dimensions)" in found["vectors"]["detail"]
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as connection:
        await connection.execute(A_CHUNK)
    code, found = await asyncio.to_thread(doctor)
    assert (code, found["vectors"]["state"]) == (1, "fail")
    assert "another (7 dimensions)" in found["vectors"]["detail"]


def test_engines_that_are_away_fail_without_their_passwords(monkeypatch: pytest.MonkeyPatch) -> None:
    """The address is shown, what to check is said, and the secrets are nowhere."""
    monkeypatch.setenv("APP_DATABASE_URL", "postgresql://ann:secret@127.0.0.1:9/citewell")
    monkeypatch.setenv("APP_REDIS_URL", "redis://:secret@127.0.0.1:9/0")
    result = CliRunner().invoke(root, ["doctor"])
    assert result.exit_code == 1
    assert "postgresql://ann@127.0.0.1:9/citewell does not answer" in " ".join(result.stdout.split())
    assert "→ check APP_REDIS_URL" in result.stdout
    assert "secret" not in result.output


def test_a_foreign_port_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    """Another program on the port is in the way."""
    with running_stub() as stub:
        monkeypatch.setenv("APP_PORT", stub.url.rpartition(":")[2])
        hello = Canned(404, b"hello", content_type="text/plain")
        monkeypatch.setattr(stub, "answer", lambda _: hello)
        code, found = doctor()
    assert code == 1
    assert "APP_PORT" in found["port"]["mend"]


def test_a_citewell_on_the_port_is_fine(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is what the port is for."""
    with running_stub() as stub:
        monkeypatch.setenv("APP_PORT", stub.url.rpartition(":")[2])
        code, found = doctor()
        assert (code, found["port"]["state"]) == (0, "ok")
        stub.ready = Canned(503, {"status": "failing", "parts": {}})
        assert doctor()[1]["port"]["state"] == "warn"
        away = {"queue": {"state": "failing", "detail": "it does not answer"}}
        stub.ready = Canned(200, {"status": "degraded", "parts": away})
        code, found = doctor()
        assert (code, found["port"]["state"]) == (0, "warn")
        assert "serves without queue" in str(found["port"])


def test_a_data_folder_that_is_a_file_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The finding names APP_DATA_DIR."""
    (tmp_path / "data").write_text("")
    monkeypatch.setenv("APP_DATA_DIR", str(tmp_path / "data"))
    code, found = doctor()
    assert code == 1
    assert "APP_DATA_DIR" in found["data"]["mend"]


def test_few_open_files_are_a_warning() -> None:
    """It works until there are many connections."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (512, hard))
    try:
        code, found = doctor()
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert (code, found["limits"]["state"]) == (0, "warn")
