"""The main job, from an upload to sources, through real processes and engines."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from tests.e2e.serving import Service, ended, serving

from citewell.testing.images import Picture

HANDBOOK = Path(__file__).parents[2] / "docs" / "handbook.pdf"
API = "/api/v1"


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """One service for the module's tests, which use collections of their own."""
    with serving(tmp_path_factory.mktemp("main")) as running:
        yield running


@pytest.fixture
def client(service: Service) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=service.url, timeout=30) as opened:
        yield opened


def upload(client: httpx.Client, name: str, content: bytes, **fields: str) -> httpx.Response:
    return client.post(f"{API}/documents", files={"file": (name, content)}, data=fields)


def test_a_pdf_becomes_ready_and_answers_with_its_page(client: httpx.Client) -> None:
    """Upload, poll, query: the oldest contract, with the citation beside it."""
    reply = upload(client, "handbook.pdf", HANDBOOK.read_bytes(), collection="pdf")
    assert reply.status_code == 202
    document = ended(client, reply.json()["id"])
    assert (document["status"], document["page_count"]) == ("ready", 3)
    body = {"document_id": document["id"], "question": "How far is the lamp on the mole seen?", "top_k": 2}
    found = client.post(f"{API}/query", json=body).json()
    assert found["answer"] is None
    assert len(found["sources"]) == 2
    best = found["sources"][0]
    assert "fourteen nautical miles" in best["text"]
    assert best["pages"] == {"first": 3, "last": 3}
    assert 0 <= found["sources"][1]["score"] <= best["score"] <= 1


def test_the_text_of_a_source_stands_at_its_span(client: httpx.Client) -> None:
    """`text` is exactly the characters of the revision's text at the span."""
    document = ended(client, upload(client, "h.pdf", HANDBOOK.read_bytes(), collection="spans").json()["id"])
    text = client.get(f"{API}/documents/{document['id']}/text").content.decode()
    body = {"document_id": document["id"], "question": "storms, fees and lamps", "top_k": 100}
    sources = client.post(f"{API}/query", json=body).json()["sources"]
    assert len(sources) == document["chunk_count"]
    for source in sources:
        span = source["span"]
        assert source["text"] == text[span["start"] : span["end"]]
        assert source["pages"]["first"] == text[: span["start"]].count("\f") + 1
        assert source["pages"]["last"] == text[: span["end"]].count("\f") + 1


def test_a_source_is_drawn_on_its_page(client: httpx.Client, service: Service) -> None:
    """From the question to the marked page, and nothing of it is left after a delete."""
    content = HANDBOOK.read_bytes() + b"\n% of which no other document has the images"
    document = ended(client, upload(client, "p.pdf", content, collection="drawn").json()["id"])
    body = {"document_id": document["id"], "question": "How far is the lamp on the mole seen?", "expand": 1}
    best = client.post(f"{API}/query", json=body).json()["sources"][0]
    assert {box["page"] for box in best["boxes"]} == {3}
    assert best["text"] in best["passage"]["text"]
    page = f"{API}/documents/{document['id']}/pages/3.png"
    bare, marked = client.get(page), client.get(f"{page}?chunk={best['chunk_index']}")
    assert Picture.of(marked.content).differing(Picture.of(bare.content))
    known = {"If-None-Match": marked.headers["etag"]}
    assert client.get(f"{page}?chunk={best['chunk_index']}", headers=known).status_code == 304
    kept = service.data_dir / "page-images" / document["sha256"]
    assert len(list(kept.iterdir())) == 2
    client.delete(f"{API}/documents/{document['id']}")
    assert not kept.exists()


def test_a_request_id_follows_the_job_into_the_worker(client: httpx.Client, service: Service) -> None:
    """The worker's log lines carry the id that the upload came with."""
    response = client.post(
        f"{API}/documents",
        files={"file": ("note.txt", b"A note about request ids.")},
        headers={"X-Request-ID": "follow-me-42"},
    )
    assert response.headers["X-Request-ID"] == "follow-me-42"
    assert ended(client, response.json()["id"])["status"] == "ready"
    lines = [json.loads(line) for line in service.log.read_text().splitlines() if line.startswith("{")]
    marked = [line for line in lines if line.get("request_id") == "follow-me-42"]
    assert any("is ready" in line["event"] for line in marked)


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "no_text"),
        (b"  \n\n ", "no_text"),
        (b"%PDF-1.4\nthis is no PDF at all", "unreadable"),
    ],
)
def test_a_file_that_cannot_be_read_fails_with_a_code(
    client: httpx.Client, content: bytes, code: str
) -> None:
    """202, then `failed` with its own error code."""
    reply = upload(client, "bad", content, collection="bad")
    assert reply.status_code == 202
    document = ended(client, reply.json()["id"])
    assert (document["status"], document["error"]["code"], document["attempts"]) == ("failed", code, 1)


def test_a_deleted_document_is_found_no_more(client: httpx.Client, service: Service) -> None:
    """Rows, vectors and bytes are gone."""
    document = ended(client, upload(client, "d.txt", b"Delete me, said the zebra.").json()["id"])
    blob = next((service.data_dir / "blobs").rglob(document["sha256"]))
    assert client.delete(f"{API}/documents/{document['id']}").status_code == 204
    assert client.get(f"{API}/documents/{document['id']}").status_code == 404
    assert not blob.exists()
    found = client.post(f"{API}/query", json={"question": "Delete me, said the zebra."}).json()
    assert document["id"] not in {source["document_id"] for source in found["sources"]}


def test_a_restart_finds_everything_and_goes_on(tmp_path: Path) -> None:
    """A data directory of a former start is picked up, and so is a job that was waiting."""
    with serving(tmp_path) as first, httpx.Client(base_url=first.url, timeout=30) as client:
        ready = ended(client, upload(client, "one.txt", b"The first document.").json()["id"])
        waiting = upload(client, "two.txt", b"The second document. " * 2000).json()["id"]
    with serving(tmp_path) as second, httpx.Client(base_url=second.url, timeout=30) as client:
        assert client.get(f"{API}/documents/{ready['id']}").json() == ready
        assert ended(client, waiting)["status"] == "ready"
