"""`citewell cancel`, `retry` and `delete` against a stub of the API."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import uuid4

import pytest
from click.testing import CliRunner, Result
from tests.cli_stub import ApiStub, Canned, problem, running_stub

from citewell_entrypoints.cli.root import root


@pytest.fixture
def stub() -> Iterator[ApiStub]:
    with running_stub() as running:
        yield running


def run(stub: ApiStub, *arguments: str) -> Result:
    """Run the command in this process."""
    return CliRunner().invoke(root, [*arguments, "--url", stub.url])


@pytest.mark.parametrize(
    ("command", "line"),
    [
        ("cancel", "cancelled  {}  a.txt\n"),
        ("retry", "queued     {}  a.txt\n"),
        ("delete", "deleted    {}\n"),
    ],
)
def test_each_document_gets_its_line(stub: ApiStub, command: str, line: str) -> None:
    """In the order they were named, each once; exit code 0."""
    first, second = stub.document("a.txt"), {**stub.document("b.txt"), "name": "a.txt"}
    for document in (first, second):
        reply = Canned(204, b"") if command == "delete" else Canned(202, document)
        stub.controlled[command, document["id"]] = reply
    result = run(stub, command, first["id"], second["id"], first["id"])
    assert result.exit_code == 0
    assert result.stdout == line.format(first["id"]) + line.format(second["id"])
    assert len(stub.asked) == 2


@pytest.mark.parametrize("command", ["cancel", "retry", "delete"])
def test_what_is_refused_keeps_nobody_from_the_others(stub: ApiStub, command: str) -> None:
    """Exit code 1, the reason with the id on the error stream, and the rest is done."""
    known, conflicting, unknown = stub.document("a.txt"), str(uuid4()), str(uuid4())
    stub.controlled[command, conflicting] = problem(409, "The document is ready.")
    stub.controlled[command, known["id"]] = Canned(202, known)
    result = run(stub, command, conflicting, unknown, known["id"])
    assert result.exit_code == 1
    assert known["id"] in result.stdout
    assert result.stderr.splitlines() == [
        f"Error: {conflicting}: The document is ready.",
        f"Error: {unknown}: there is no document with this id",
    ]


def test_a_retry_that_waits_for_the_queue_says_so(stub: ApiStub) -> None:
    """Nothing happens before it is back."""
    document = stub.document("a.txt", degraded=["queue"])
    stub.controlled["retry", document["id"]] = Canned(202, document)
    result = run(stub, "retry", document["id"])
    assert (result.exit_code, result.stdout.endswith("begins when that is back)\n")) == (0, True)


@pytest.mark.parametrize("command", ["cancel", "retry", "delete"])
def test_what_is_no_id_is_wrong_use(stub: ApiStub, command: str) -> None:
    """Exit code 2, and nothing was done to the others."""
    result = run(stub, command, str(uuid4()), "report.pdf")
    assert result.exit_code == 2
    assert stub.asked == []
    assert run(stub, command).exit_code == 2


@pytest.mark.parametrize("command", ["cancel", "retry", "delete"])
def test_without_a_server_there_is_one_clear_line(command: str) -> None:
    """Not one for each document."""
    ids = [str(uuid4()), str(uuid4())]
    result = CliRunner().invoke(root, [command, *ids, "--url", "http://127.0.0.1:9"])
    assert result.exit_code == 1
    assert result.stderr == "Error: no Citewell at http://127.0.0.1:9; start one with `citewell serve`\n"
