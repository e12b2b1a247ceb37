"""`citewell ingest` against a stub of the API."""

from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from uuid import NAMESPACE_URL, uuid5

import pytest
from click.testing import CliRunner, Result
from tests.cli_stub import ApiStub, Canned, problem, running_stub

from citewell_entrypoints.cli.root import root

CLI = (sys.executable, "-m", "citewell_entrypoints.cli")


@pytest.fixture
def stub() -> Iterator[ApiStub]:
    """A stub that takes every file and makes it ready."""
    with running_stub() as running:
        yield running


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working directory."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def ingest(*arguments: str | Path) -> Result:
    """Run the command in this process."""
    return CliRunner().invoke(root, ["ingest", *map(str, arguments)])


def test_a_file_is_uploaded_and_followed_until_it_is_ready(stub: ApiStub, folder: Path) -> None:
    """The file's bytes arrive, its states are asked for, and its end is printed with id and counts."""
    (folder / "report.txt").write_text("The lamp is lit at dusk.")
    stub.lives["report.txt"] = [
        {"status": "processing", "stage": "parsing"},
        {"status": "ready", "page_count": 12, "chunk_count": 34},
    ]
    result = ingest("report.txt", "--url", stub.url)
    document_id = stub.document("report.txt")["id"]
    assert result.exit_code == 0
    assert result.stdout == f"ready     {document_id}  report.txt (12 pages, 34 chunks)\n"
    assert "1 file: 1 ready" in result.stderr
    assert b"The lamp is lit at dusk." in stub.asked[1].body


def test_collection_and_metadata_go_with_each_file(stub: ApiStub, folder: Path) -> None:
    """What is given by options arrives as fields of the form."""
    (folder / "a.txt").write_text("a")
    result = ingest("a.txt", "--collection", "legal", "--metadata", '{"year": 2026}', "--url", stub.url)
    assert result.exit_code == 0
    assert stub.asked[1].fields == {"collection": "legal", "metadata": '{"year": 2026}'}


def test_a_password_goes_with_each_file_and_is_shown_nowhere(stub: ApiStub, folder: Path) -> None:
    """Typed at a prompt, or the first line of a file or of the standard input."""
    for name in ("a.pdf", "b.pdf"):
        (folder / name).write_text(name)
    (folder / "secret").write_bytes("hüsh hush\r\nsecond line".encode())
    ways: list[tuple[list[str], str]] = [
        (["--password"], "hüsh hush\n"),
        (["--password-file", "secret"], ""),
        (["--password-file", "-"], "hüsh hush\n"),
    ]
    for options, typed in ways:
        stub.asked.clear()
        arguments = ["ingest", "a.pdf", "b.pdf", "--url", stub.url, *options]
        result = CliRunner().invoke(root, arguments, input=typed)
        assert result.exit_code == 0, result.output
        sent = [asked.fields for asked in stub.asked if asked.method == "POST"]
        assert sent == [{"password": "hüsh hush"}] * 2
        assert "hush" not in result.output


@pytest.mark.parametrize(
    ("content", "said"),
    [(b"\n", "no password"), (b"x" * 1025, "1024 bytes"), (b"\xff\n", "UTF-8"), (b"a\0b\n", "NUL")],
)
def test_a_password_that_cannot_be_one_is_wrong_use(folder: Path, content: bytes, said: str) -> None:
    """Exit code 2 before anything is sent."""
    (folder / "a.pdf").write_text("a")
    (folder / "secret").write_bytes(content)
    result = ingest("a.pdf", "--password-file", "secret", "--url", "http://127.0.0.1:9")
    assert result.exit_code == 2
    assert said in result.stderr
    assert ingest("a.pdf", "--password", "--password-file", "secret").exit_code == 2


def test_pages_that_could_not_be_read_are_told(stub: ApiStub, folder: Path) -> None:
    """A document that is ready without some of its pages says how many."""
    (folder / "a.pdf").write_text("a")
    warning = {"code": "pages_unreadable", "message": "…", "pages": [2, 4]}
    stub.lives["a.pdf"] = [{"status": "ready", "page_count": 5, "chunk_count": 9, "warnings": [warning]}]
    result = ingest("a.pdf", "--url", stub.url)
    assert result.stdout.endswith("a.pdf (5 pages, 9 chunks, 2 pages unreadable)\n")


def test_a_file_that_waits_for_the_queue_says_so(stub: ApiStub, folder: Path) -> None:
    """With --no-wait it is the last that is heard of it."""
    (folder / "a.txt").write_text("a")
    stub.uploads["a.txt"] = [Canned(202, stub.document("a.txt", degraded=["queue"]))]
    result = ingest("a.txt", "--no-wait", "--url", stub.url)
    assert result.stdout.endswith("a.txt (waits for the queue, which is away)\n")


def test_a_folder_is_taken_in_order_without_hidden_files(stub: ApiStub, folder: Path) -> None:
    """Files below a folder are sent by name; hidden files and folders stay out."""
    for name in ("b.txt", "a.txt", ".hidden.txt", "sub/c.txt", ".git/config"):
        (folder / "notes" / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / "notes" / name).write_text(name)
    result = ingest("notes", "--url", stub.url)
    assert result.exit_code == 0
    assert sorted(stub.sent_names()) == ["a.txt", "b.txt", "c.txt"]


def test_a_type_that_no_parser_reads_is_skipped_in_a_folder(stub: ApiStub, folder: Path) -> None:
    """A file that the server refuses with 415 is no failure where only its folder was named."""
    (folder / "notes").mkdir()
    (folder / "notes" / "photo.jpg").write_bytes(b"\xff\xd8")
    (folder / "notes" / "a.txt").write_text("a")
    stub.uploads["photo.jpg"] = [problem(415, "no parser reads files of this type")]
    result = ingest("notes", "--url", stub.url)
    assert result.exit_code == 0
    assert "skipped   notes/photo.jpg (no parser reads files of this type)" in result.stdout
    assert "2 files: 1 ready, 1 skipped" in result.stderr


def test_a_type_that_no_parser_reads_fails_where_it_was_named(stub: ApiStub, folder: Path) -> None:
    """The same file given by name is a failure."""
    (folder / "photo.jpg").write_bytes(b"\xff\xd8")
    stub.uploads["photo.jpg"] = [problem(415, "no parser reads files of this type")]
    result = ingest("photo.jpg", "--url", stub.url)
    assert result.exit_code == 1
    assert result.stdout == "failed    photo.jpg (http_415: no parser reads files of this type)\n"


def test_a_document_that_fails_gives_exit_code_1_and_a_table(stub: ApiStub, folder: Path) -> None:
    """Failures are told once more at the end, with code and reason; the others are ready all the same."""
    (folder / "locked.pdf").write_bytes(b"%PDF-1.7")
    (folder / "a.txt").write_text("a")
    error = {"code": "password_required", "message": "The file is encrypted."}
    stub.lives["locked.pdf"] = [{"status": "failed", "error": error}]
    result = ingest("locked.pdf", "a.txt", "--url", stub.url)
    assert result.exit_code == 1
    assert "2 files: 1 ready, 1 failed" in result.stderr
    table = [line.split() for line in result.stderr.splitlines()]
    assert ["failed", "file", "code", "reason"] in table
    assert ["locked.pdf", "password_required", "The", "file", "is", "encrypted."] in table


def test_a_busy_server_is_waited_for(stub: ApiStub, folder: Path) -> None:
    """429 and 503 with Retry-After lead to another try after that time."""
    (folder / "a.txt").write_text("a")
    stub.uploads["a.txt"] = [
        problem(429, "too many uploads", Retry_After="0.2"),
        problem(503, "the database does not answer", Retry_After="0.1"),
    ]
    began = time.monotonic()
    result = ingest("a.txt", "--url", stub.url)
    assert result.exit_code == 0
    assert time.monotonic() - began >= 0.3
    assert stub.sent_names() == ["a.txt"] * 3
    assert "waiting: too many uploads" in result.stderr


def test_bytes_that_are_there_already_are_said_to_be(stub: ApiStub, folder: Path) -> None:
    """200 instead of 202 means that the collection held them, and they may be ready at once."""
    (folder / "a.txt").write_text("a")
    stub.uploads["a.txt"] = [Canned(200, stub.document("a.txt", status="ready", page_count=1, chunk_count=1))]
    result = ingest("a.txt", "--url", stub.url)
    assert result.exit_code == 0
    assert result.stdout.endswith("a.txt (1 page, 1 chunk, was there already)\n")


def test_no_wait_ends_when_the_files_are_uploaded(stub: ApiStub, folder: Path) -> None:
    """With --no-wait no document is asked for."""
    (folder / "a.txt").write_text("a")
    stub.lives["a.txt"] = [{"status": "processing"}]
    result = ingest("a.txt", "--no-wait", "--url", stub.url)
    assert result.exit_code == 0
    assert result.stdout.startswith("queued    ")
    assert [asked.method for asked in stub.asked] == ["GET", "POST"]


def test_json_prints_an_object_a_line(stub: ApiStub, folder: Path) -> None:
    """Each line of --json tells path, outcome, the document as the API has it, and the error."""
    (folder / "a.txt").write_text("a")
    (folder / "photo.jpg").write_bytes(b"\xff\xd8")
    stub.uploads["photo.jpg"] = [problem(415, "no parser")]
    result = ingest("a.txt", "photo.jpg", "--json", "--url", stub.url)
    lines = {line["path"]: line for line in map(json.loads, result.stdout.splitlines())}
    assert result.exit_code == 1
    assert lines["a.txt"]["outcome"] == "ready"
    assert lines["a.txt"]["document"]["chunk_count"] == 2
    assert lines["a.txt"]["error"] is None
    assert lines["photo.jpg"]["document"] is None
    assert lines["photo.jpg"]["error"] == {"code": "http_415", "message": "no parser"}


def test_many_files_all_come_to_their_end(stub: ApiStub, folder: Path) -> None:
    """More files than are sent or asked for at once lose none."""
    (folder / "many").mkdir()
    for number in range(80):
        (folder / "many" / f"{number:03}.txt").write_text(str(number))
        stub.lives[f"{number:03}.txt"] = [{"status": "queued"}, {"status": "processing"}, {"status": "ready"}]
    result = ingest("many", "--url", stub.url)
    assert result.exit_code == 0
    assert "80 files: 80 ready" in result.stderr


def test_a_document_deleted_meanwhile_is_a_failure(stub: ApiStub, folder: Path) -> None:
    """A document that is gone when it is asked for does not hang the command."""
    (folder / "a.txt").write_text("a")
    stub.uploads["a.txt"] = [
        Canned(202, {"id": str(uuid5(NAMESPACE_URL, "other")), "name": "a", "status": "queued"})
    ]
    result = ingest("a.txt", "--url", stub.url)
    assert result.exit_code == 1
    assert "deleted meanwhile" in result.stdout


@pytest.mark.parametrize(
    "arguments", [["missing.txt"], [], ["a.txt", "--metadata", "[1]"], ["a.txt", "--metadata", "{"]]
)
def test_wrong_use_gives_exit_code_2(folder: Path, arguments: list[str]) -> None:
    """Missing files, no files and metadata that is no JSON object are told before anything is sent."""
    (folder / "a.txt").write_text("a")
    assert ingest(*arguments).exit_code == 2


def test_an_empty_folder_is_no_error(folder: Path) -> None:
    """There is nothing to do, so no server is needed."""
    result = ingest(folder, "--url", "http://127.0.0.1:9")
    assert (result.exit_code, result.stderr) == (0, "There is nothing to ingest.\n")


def test_without_a_server_there_is_one_clear_line(folder: Path) -> None:
    """A refused connection names the address and how to start."""
    (folder / "a.txt").write_text("a")
    result = ingest("a.txt", "--url", "http://127.0.0.1:9")
    assert result.exit_code == 1
    assert result.stderr == "Error: no Citewell at http://127.0.0.1:9; start one with `citewell serve`\n"


def test_names_of_files_cannot_steer_the_terminal(stub: ApiStub, folder: Path) -> None:
    """Control characters in a name are not printed."""
    name = "a\x1b[31m.txt"
    (folder / name).write_text("a")
    result = ingest(name, "--url", stub.url)
    assert result.exit_code == 0
    assert "\x1b" not in result.stdout
    assert stub.sent_names() == [name]


def test_ctrl_c_stops_with_130_and_says_what_is_left(stub: ApiStub, folder: Path) -> None:
    """SIGINT ends the command at once, without a traceback."""
    (folder / "a.txt").write_text("a")
    stub.lives["a.txt"] = [{"status": "processing", "stage": "embedding"}]
    command = [*CLI, "ingest", "a.txt", "--url", stub.url]
    with subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        while not any(asked.path.startswith("/api/v1/documents/") for asked in stub.asked):
            assert process.poll() is None
            time.sleep(0.02)
        process.send_signal(signal.SIGINT)
        try:
            _, stderr = process.communicate(timeout=20)
        finally:
            process.kill()
    assert process.returncode == 130
    assert "Traceback" not in stderr
    assert "1 not at its end: the server goes on with what was uploaded" in stderr


def test_a_terminal_gets_bars(stub: ApiStub, folder: Path) -> None:
    """On a terminal the work on a file is shown as it goes on, and its end as a line."""
    (folder / "a.txt").write_text("a")
    progress = {"pages_done": 3, "pages_total": 3, "chunks_done": 7, "chunks_total": 9}
    embedding = {"status": "processing", "stage": "embedding", "progress": progress}
    stub.lives["a.txt"] = [*[embedding] * 3, {"status": "ready", "page_count": 3, "chunk_count": 9}]
    shown = on_terminal(*CLI, "ingest", "a.txt", "--url", stub.url)
    assert "embedding chunks 7/9" in shown
    assert "all files" in shown
    assert "a.txt (3 pages, 9 chunks)" in shown


def on_terminal(*command: str) -> str:
    """What the command writes to a terminal of its own."""
    ours, theirs = pty.openpty()
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "100", "LINES": "30"}
    with subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, env=environment) as process:
        os.close(theirs)
        pieces = []
        try:
            while piece := os.read(ours, 65536):
                pieces.append(piece)
        except OSError:
            # Linux says so when the other side is closed.
            pass
        finally:
            os.close(ours)
        assert process.wait(timeout=20) == 0
    return b"".join(pieces).decode()
