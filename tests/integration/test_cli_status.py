"""`citewell status` against a stub of the API."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from click.testing import CliRunner, Result
from tests.cli_stub import PARTS, ApiStub, Canned, problem, running_stub

from citewell_entrypoints.cli.root import root

PROGRESS = {"pages_done": 12, "pages_total": 12, "chunks_done": 8, "chunks_total": 40}


@pytest.fixture
def stub(monkeypatch: pytest.MonkeyPatch) -> Iterator[ApiStub]:
    """A stub with documents in several states, and a terminal of 80 columns."""
    monkeypatch.setenv("COLUMNS", "80")
    with running_stub() as running:
        running.listed = [
            *(running.document(f"{number}.txt", status="ready") for number in range(450)),
            running.document("big.pdf", status="processing", stage="embedding", progress=PROGRESS),
            running.document("next.pdf", status="queued"),
            running.document(
                "locked.pdf",
                status="failed",
                error={"code": "password_required", "message": "The file is encrypted."},
            ),
        ]
        yield running


def status(stub: ApiStub, *arguments: str) -> Result:
    """Run the command in this process."""
    return CliRunner().invoke(root, ["status", "--url", stub.url, *arguments])


def test_parts_counts_and_work_are_shown(stub: ApiStub) -> None:
    """Each part with its state, the number of documents of each status over all pages, what is in work."""
    result = status(stub)
    words = [line.split() for line in result.stdout.splitlines()]
    assert result.exit_code == 0
    assert words[0] == ["Citewell", "at", stub.url, "is", "ready."]
    assert ["database", "ready", "PostgreSQL", "18.6,", "schema", "at", "head"] in words
    assert ["Documents:", "1", "queued,", "1", "processing,", "450", "ready,", "1", "failed"] in words
    document_id = stub.document("big.pdf")["id"]
    assert ["big.pdf", "embedding", "chunks", "8/40", document_id] in words
    assert ["locked.pdf", "password_required", "The", "file", "is", "encrypted."] in words
    assert max(map(len, result.stdout.splitlines())) <= 80
    assert "\x1b" not in result.stdout


def test_json_has_parts_counts_and_work(stub: ApiStub) -> None:
    """One object; documents in work are as the API tells them."""
    result = status(stub, "--json")
    report = json.loads(result.stdout)
    assert (report["ready"], report["parts"]) == (True, PARTS)
    assert report["documents"] == {"queued": 1, "processing": 1, "ready": 450, "failed": 1, "cancelled": 0}
    assert [document["name"] for document in report["in_work"]] == ["big.pdf", "next.pdf"]
    assert [document["name"] for document in report["failed"]] == ["locked.pdf"]


def test_a_part_that_is_away_gives_exit_code_1(stub: ApiStub, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is named with its reason, and that the documents cannot be counted is no second failure."""
    away = {"state": "failing", "detail": "the database does not answer"}
    stub.ready = Canned(503, {"status": "failing", "parts": {**PARTS, "database": away}})
    usual = stub.answer
    monkeypatch.setattr(
        stub,
        "answer",
        lambda asked: problem(503, "The database is away.") if "documents" in asked.path else usual(asked),
    )
    result = status(stub)
    assert result.exit_code == 1
    assert "is not ready." in result.stdout
    assert "the database does not answer" in result.stdout
    assert "The documents cannot be counted: The database is away." in result.stdout
    report = json.loads(status(stub, "--json").stdout)
    assert (report["ready"], report["documents"], report["in_work"]) == (False, None, None)


def test_a_server_that_does_without_a_part_is_degraded(stub: ApiStub) -> None:
    """It serves, so the exit code is 0; what is away is named."""
    away = {"state": "failing", "detail": "the job queue does not answer"}
    stub.ready = Canned(200, {"status": "degraded", "parts": {**PARTS, "queue": away}})
    result = status(stub)
    assert result.exit_code == 0
    assert result.stdout.startswith(f"Citewell at {stub.url} is degraded, but serves.\n")
    assert "the job queue does not answer" in result.stdout
    report = json.loads(status(stub, "--json").stdout)
    assert (report["ready"], report["degraded"], report["documents"]["ready"]) == (True, ["queue"], 450)


def test_many_in_work_are_not_all_shown(stub: ApiStub) -> None:
    """The last ones, and how many more there are."""
    stub.listed = [stub.document(f"{number}.pdf", status="processing") for number in range(30)]
    lines = status(stub).stdout.splitlines()
    assert any(line.startswith("29.pdf") for line in lines)
    assert not any(line.startswith("9.pdf") for line in lines)
    assert lines[-1] == "… and 10 more"


def test_without_a_server_there_is_one_clear_line() -> None:
    """The address, and how to start."""
    result = CliRunner().invoke(root, ["status", "--url", "127.0.0.1:9"])
    assert result.exit_code == 1
    assert result.stderr == "Error: no Citewell at http://127.0.0.1:9; start one with `citewell serve`\n"


def test_something_else_at_the_address_is_said_to_be(stub: ApiStub) -> None:
    """JSON of others is not taken for readiness."""
    stub.ready = Canned(200, {"hello": "world"})
    result = status(stub)
    assert (result.exit_code, result.stderr) == (1, f"Error: what answers at {stub.url} is no Citewell\n")
