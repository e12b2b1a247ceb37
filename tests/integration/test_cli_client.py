"""The client of the API against servers that misbehave."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.cli_stub import Canned, problem, running_stub

from citewell_entrypoints.client import Address, Api, ClientError, ingest
from citewell_entrypoints.client.errors import (
    Busy,
    ConnectionLost,
    FileChanged,
    NoServer,
    NotACitewell,
    Refused,
    Stopped,
)
from citewell_entrypoints.client.events import Ended, Outcome, SourceFile
from citewell_entrypoints.client.multipart import FormUpload
from citewell_entrypoints.client.patience import Patience
from citewell_entrypoints.client.transport import exchange

PROBLEM = b'{"title": "Too large", "detail": "too big"}'
REFUSAL = (
    b"HTTP/1.1 413 Payload Too Large\r\nContent-Type: application/problem+json\r\n"
    b"Content-Length: %d\r\n\r\n%b" % (len(PROBLEM), PROBLEM)
)


@contextmanager
def server(serve: Callable[[socket.socket], None]) -> Iterator[Address]:
    """A server that treats its first connection as `serve` does, and closes it."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def accept() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.settimeout(20)
                serve(connection)

        thread = threading.Thread(target=accept)
        thread.start()
        yield Address("127.0.0.1", listener.getsockname()[1])
        thread.join()


def read_head(connection: socket.socket) -> bytes:
    """The request's line and headers, perhaps with the beginning of its body."""
    head = b""
    while b"\r\n\r\n" not in head:
        head += connection.recv(4096)
    return head


def test_a_refusal_is_heard_before_the_body_has_gone(tmp_path: Path) -> None:
    """A server that answers after the headers and reads no body does not leave the client waiting."""
    big = tmp_path / "big.bin"
    with big.open("wb") as file:
        file.truncate(64 << 20)
    heard = threading.Event()

    def refuse(connection: socket.socket) -> None:
        read_head(connection)
        connection.sendall(REFUSAL)
        assert heard.wait(20)

    sent: list[int] = []
    with server(refuse) as address:
        try:
            with pytest.raises(Refused) as caught:
                Api(address).upload(big, fields={}, sent=sent.append)
        finally:
            heard.set()
    assert caught.value.status == 413
    assert max(sent, default=0) < 64 << 20


def test_a_connection_that_breaks_is_lost(tmp_path: Path) -> None:
    """A server that goes away without an answer is told apart from one that refuses."""
    (tmp_path / "a.txt").write_text("a")
    with server(lambda _: None) as address, pytest.raises(ConnectionLost):
        Api(address).upload(tmp_path / "a.txt", fields={}, sent=lambda _: None)


def test_a_silent_server_is_not_waited_for_for_ever() -> None:
    """No answer within the time is a lost connection."""
    done = threading.Event()

    def say_nothing(connection: socket.socket) -> None:
        read_head(connection)
        done.wait(20)

    with server(say_nothing) as address:
        with pytest.raises(ConnectionLost, match="no answer in time"):
            exchange(address, "GET", "/livez", timeout_seconds=0.2)
        done.set()


def test_a_server_of_another_protocol_is_no_citewell() -> None:
    """What does not speak HTTP is told as such."""
    with (
        server(lambda connection: connection.sendall(b"220 mail.example.org ESMTP\r\n")) as address,
        pytest.raises(NotACitewell),
    ):
        Api(address).is_alive()


def test_a_web_server_of_others_is_no_citewell() -> None:
    """A page that says 404 is not taken for an answer of the API."""
    with running_stub() as stub:
        stub.query = Canned(404, b"<h1>Not found</h1>", content_type="text/html")
        with pytest.raises(NotACitewell, match="404 Not Found, not as a Citewell does"):
            Api(Address.parse(stub.url)).query({})


def test_a_document_that_is_none_is_no_citewell(tmp_path: Path) -> None:
    """JSON of another shape is told as such."""
    (tmp_path / "a.txt").write_text("a")
    with running_stub() as stub:
        stub.uploads["a.txt"] = [Canned(200, {"hello": "world"})]
        with pytest.raises(NotACitewell):
            Api(Address.parse(stub.url)).upload(tmp_path / "a.txt", fields={}, sent=lambda _: None)


def test_a_problem_is_told_in_the_words_of_the_server() -> None:
    """The detail of problem+json is the error's message; 429 and 503 are Busy with the time to wait."""
    with running_stub() as stub:
        api = Api(Address.parse(stub.url))
        stub.query = problem(400, "top_k is 0; it must be from 1 to 100")
        with pytest.raises(Refused, match="top_k is 0") as caught:
            api.query({})
        assert not isinstance(caught.value, Busy)
        stub.query = problem(503, "the database does not answer", Retry_After="7")
        with pytest.raises(Busy, match="the database") as busy:
            api.query({})
        assert busy.value.retry_after_seconds == 7.0


def test_a_file_that_shrinks_while_it_is_sent_is_noticed(tmp_path: Path) -> None:
    """The body cannot be as long as announced any more, so the upload ends."""
    path = tmp_path / "a.txt"
    path.write_bytes(b"x" * 300_000)
    pieces = FormUpload(path, fields={}, sent=lambda _: None).pieces()
    next(pieces)
    next(pieces)
    path.write_bytes(b"")
    with pytest.raises(FileChanged):
        list(pieces)


@pytest.mark.parametrize("size", [0, 1, 131_072, 400_000])
def test_the_form_is_as_long_as_announced(tmp_path: Path, size: int) -> None:
    """The length in the header is the number of bytes sent, fields and file and all."""
    path = tmp_path / 'a "quoted"\nname.bin'
    path.write_bytes(b"x" * size)
    form = FormUpload(path, fields={"collection": "größe"}, sent=lambda _: None)
    body = b"".join(form.pieces())
    assert len(body) == form.content_length
    assert b'filename="a %22quoted%22%0Aname.bin"' in body
    assert "größe".encode() in body


def test_a_file_that_is_gone_fails_alone(tmp_path: Path) -> None:
    """One file that cannot be read does not keep the others from coming in."""
    (tmp_path / "a.txt").write_text("a")
    files = [SourceFile(tmp_path / name, name, named=True) for name in ("gone.txt", "a.txt")]
    with running_stub() as stub:
        events = list(ingest(Api(Address.parse(stub.url)), files, fields={}, wait=True))
    ended = {event.file.shown: event for event in events if isinstance(event, Ended)}
    assert ended["gone.txt"].outcome is Outcome.FAILED
    assert ended["gone.txt"].code == "file_unreadable"
    assert ended["a.txt"].outcome is Outcome.READY


def test_patience_ends() -> None:
    """A server that stays busy for longer than the limit is reported as busy."""

    def busy() -> None:
        raise Busy("full", status=429, title="", retry_after_seconds=0.05)

    waits: list[float] = []
    patience = Patience(stop=threading.Event(), busy_seconds=0.2)
    with pytest.raises(Busy):
        patience.call(busy, waiting=lambda seconds, _: waits.append(seconds))
    assert 0.05 <= sum(waits) <= 0.2


def test_a_server_that_is_gone_is_tried_again_for_a_while() -> None:
    """One that comes back goes on, one that does not is reported as gone."""
    answers = [NoServer("there"), ConnectionLost("lost"), None, NoServer("there"), NoServer("there")]

    def gone() -> None:
        if (error := answers.pop(0)) is not None:
            raise error

    waits: list[str] = []
    patience = Patience(stop=threading.Event(), gone_seconds=1.6)
    patience.call(gone, waiting=lambda _, reason: waits.append(reason))
    assert len(waits) == 2
    with pytest.raises(NoServer):
        Patience(stop=threading.Event(), gone_seconds=0.6).call(gone, waiting=lambda _, __: None)


def test_a_wait_ends_when_it_is_told_to() -> None:
    """Setting `stop` ends a long wait at once."""
    stop = threading.Event()

    def busy() -> None:
        stop.set()
        raise Busy("full", status=429, title="", retry_after_seconds=30.0)

    began = time.monotonic()
    with pytest.raises(Stopped):
        Patience(stop=stop).call(busy, waiting=lambda _, __: None)
    assert time.monotonic() - began < 10


@pytest.mark.parametrize(
    "url", ["ftp://example.org", "http://", "http://a:b@example.org", "http://x:99999", "://"]
)
def test_an_address_that_cannot_be_right_is_refused(url: str) -> None:
    """The message names the address, without what may be a password."""
    with pytest.raises(ClientError) as caught:
        Address.parse(url)
    assert "a:b" not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("localhost:8001", "http://localhost:8001"),
        ("https://example.org/citewell/", "https://example.org:443/citewell"),
        ("http://[::1]:8000", "http://[::1]:8000"),
    ],
)
def test_an_address_is_read(url: str, shown: str) -> None:
    """Scheme, port and prefix have their defaults."""
    assert str(Address.parse(url)) == shown


@pytest.mark.parametrize(
    ("host", "shown"),
    [("0.0.0.0", "http://127.0.0.1:8000"), ("::", "http://[::1]:8000")],  # noqa: S104 - nothing is bound
)
def test_a_server_on_all_addresses_is_found_on_this_machine(host: str, shown: str) -> None:
    """The wildcard to listen on is no address to connect to."""
    assert str(Address.listening(host, 8000)) == shown
