"""Following, replacing, unlocking and cancelling documents through real processes and engines."""

from __future__ import annotations

import json
import signal
import threading
import time
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import httpx
import pymupdf
import pytest
from tests.e2e.serving import Service, ended, serving

API = "/api/v1"
# Most of PyMuPDF has no types.
_pymupdf: Any = pymupdf
PASSWORD = "hush-hush-42"


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """One service for the module's tests; the last of them stops it."""
    with serving(tmp_path_factory.mktemp("control")) as running:
        yield running


@pytest.fixture
def client(service: Service) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=service.url, timeout=30) as opened:
        yield opened


def put(client: httpx.Client, document_id: str, content: bytes, **fields: str) -> dict[str, Any]:
    reply = client.put(f"{API}/documents/{document_id}", files={"file": ("a", content)}, data=fields)
    assert reply.status_code == 202, reply.text
    document: dict[str, Any] = reply.json()
    return document


def events(client: httpx.Client, document_id: str, *, last: str = "0") -> Iterator[dict[str, str]]:
    """The events as they come."""
    event: dict[str, str] = {}
    address, headers = f"{API}/documents/{document_id}/events", {"Last-Event-ID": last}
    with client.stream("GET", address, headers=headers) as reply:
        for line in reply.iter_lines():
            if line:
                name, _, value = line.partition(": ")
                event[name] = value
                continue
            if "event" in event:
                yield event
            event = {}


def test_a_document_is_followed_while_it_is_ingested(client: httpx.Client) -> None:
    """Each event as it happens; who breaks off comes back and misses nothing."""
    document_id = str(uuid4())
    put(client, document_id, b"\f".join(b"Page %d of the log of the lamp." % n for n in range(400)))
    first = next(events(client, document_id))
    assert first["event"] == "progress"
    rest = list(events(client, document_id, last=first["id"]))
    assert rest[-1]["event"] == "ready"
    assert [event["event"] for event in rest[:-1]] == ["progress"] * (len(rest) - 1)
    assert [first, *rest] == list(events(client, document_id))
    assert json.loads(rest[-1]["data"])["progress"]["chunks_done"] > 0
    assert list(events(client, document_id, last=rest[-1]["id"])) == []


def test_a_replaced_document_is_found_by_its_new_text(client: httpx.Client) -> None:
    """The same id, the new revision."""
    document_id = str(uuid4())
    for text in (b"The ferry leaves at nine.", b"The ferry leaves at noon."):
        put(client, document_id, text, collection="replaced")
        assert ended(client, document_id)["status"] == "ready"
        found = client.post(f"{API}/query", json={"question": "ferry", "document_id": document_id}).json()
        assert [source["text"] for source in found["sources"]] == [text.decode()]


def test_an_encrypted_pdf_opens_with_its_password(client: httpx.Client, service: Service) -> None:
    """Without it the document fails; and the password is in no log."""
    with _pymupdf.open() as pdf:
        pdf.new_page().insert_text((72, 72), "The vault opens at dawn.")
        content = pdf.tobytes(encryption=_pymupdf.PDF_ENCRYPT_AES_256, user_pw=PASSWORD, owner_pw="other")
    document_id = str(uuid4())
    put(client, document_id, content, password="wrong")
    assert ended(client, document_id)["error"]["code"] == "password_required"
    put(client, document_id, content, password=PASSWORD)
    assert ended(client, document_id)["status"] == "ready"
    found = client.post(f"{API}/query", json={"question": "vault", "document_id": document_id}).json()
    assert "The vault opens at dawn." in found["sources"][0]["text"]
    assert client.get(f"{API}/documents/{document_id}/content").content == content
    logs = [service.log, *(service.data_dir / "logs").glob("*")]
    assert not any(PASSWORD in log.read_text(errors="replace") for log in logs)
    scratch = (service.data_dir / "scratch").rglob("*")
    assert [path for path in scratch if path.is_file() and path.name != ".lock"] == []


def test_a_stop_does_not_wait_for_those_who_follow(client: httpx.Client, service: Service) -> None:
    """Their streams end in order, and the service with success, long before a stop gives up waiting."""
    document_id = str(uuid4())
    put(client, document_id, b"\n\n".join(b"Paragraph %d is long." % n for n in range(200_000)))
    came, is_over = threading.Event(), threading.Event()

    def follow() -> None:
        for _ in events(client, document_id):
            came.set()
        is_over.set()

    follower = threading.Thread(target=follow)
    follower.start()
    assert came.wait(20)
    began = time.monotonic()
    service.process.send_signal(signal.SIGTERM)
    assert is_over.wait(3)
    follower.join()
    assert service.process.wait(20) == 0
    assert time.monotonic() - began < 15
    assert "Traceback" not in service.log.read_text()
