"""Ingestion of PDFs made for it, and beside it PyMuPDF alone and the bare embedder."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from bench._figures import Ceiling, Figure
from bench.main_job import extraction_seconds, write_pdf
from citewell_adapters.mock import MockEmbedder

__all__ = ["Ingestion", "measure_ingestion"]

# A look takes a millisecond or two of the cores that are measured, so looks become rarer the longer it takes:
# the figure is at most two hundredths too low.
_POLL_SECONDS = 0.01
_POLL_SHARE = 0.02


@dataclass(frozen=True, slots=True)
class _Ingested:
    """seconds: since the upload began; read: until the last page was."""

    pages: int
    chunks: int
    read: float
    seconds: float


@dataclass(frozen=True, slots=True)
class Ingestion:
    """embedder, dimensions: `mock` or `local`, as the service has it. pages: of each document."""

    embedder: str
    dimensions: int
    pages: int
    rounds: int


def measure_ingestion(
    client: httpx.Client, scratch: Path, asked: Ingestion, *, say: Callable[[str], None]
) -> list[Figure]:
    """Of one document at a time, by one worker."""
    pdf = scratch / "bench.pdf"
    write_pdf(pdf, pages=asked.pages)
    embedder = asked.embedder
    content = pdf.read_bytes()
    found: list[_Ingested] = []
    alone: list[float] = []
    embedding: list[float] = []
    for number in range(asked.rounds):
        # What follows the end of a PDF is not read, and makes other bytes of it.
        pdf.write_bytes(content + f"\n% {number}\n".encode())
        one, texts = _ingest(client, pdf)
        found.append(one)
        alone.append(asked.pages / extraction_seconds(pdf))
        embedding.append(_embedded_per_second(texts, embedder, asked.dimensions))
        say(f"round {number + 1}, ingestion with {embedder}: {one.pages / one.seconds:.0f} pages a second")
    bare = Ceiling(f"the bare {embedder} embedder", embedding)
    chunks = Figure(
        f"ingest with `{embedder}`, from the upload to ready",
        "chunks/s",
        [one.chunks / one.seconds for one in found],
        bare,
    )
    if embedder == "local":
        return [chunks]
    reading = Ceiling("PyMuPDF alone", alone)
    return [
        Figure(
            "ingest, from the upload to ready", "pages/s", [one.pages / one.seconds for one in found], reading
        ),
        Figure(
            "ingest, until the last page was read",
            "pages/s",
            [one.pages / one.read for one in found],
            reading,
        ),
        chunks,
    ]


def _ingest(client: httpx.Client, pdf: Path) -> tuple[_Ingested, list[str]]:
    """With the texts of the chunks."""
    began = time.perf_counter()
    reply = client.post("/api/v1/documents", files={"file": (pdf.name, pdf.read_bytes())})
    path = f"/api/v1/documents/{reply.raise_for_status().json()['id']}"
    read = 0.0
    while True:
        document: dict[str, Any] = client.get(path).raise_for_status().json()
        progress = document["progress"]
        if not read and progress["pages_total"] and progress["pages_done"] >= progress["pages_total"]:
            read = time.perf_counter() - began
        if document["status"] not in {"queued", "processing"}:
            break
        time.sleep(max(_POLL_SECONDS, _POLL_SHARE * (time.perf_counter() - began)))
    seconds = time.perf_counter() - began
    if document["status"] != "ready":
        raise SystemExit(f"the ingestion ended {document['status']}: {document['error']}")
    texts = _texts(client, path)
    client.delete(path).raise_for_status()
    return _Ingested(document["page_count"], document["chunk_count"], read or seconds, seconds), texts


def _texts(client: httpx.Client, path: str) -> list[str]:
    texts: list[str] = []
    following: dict[str, Any] = {}
    while True:
        page = client.get(f"{path}/chunks", params={"limit": 100, **following}).raise_for_status().json()
        texts += [item["text"] for item in page["items"]]
        if page["next"] is None:
            return texts
        following = {"after": page["next"]}


def _embedded_per_second(texts: list[str], embedder: str, dimensions: int) -> float:
    """In a process of its own, on the cores that the service has."""
    command = [sys.executable, "-m", "bench._ingesting", embedder, str(dimensions)]
    ran = subprocess.run(command, input=json.dumps(texts), capture_output=True, text=True, check=True)
    return float(ran.stdout)


def _embed_alone(texts: list[str], embedder: str, dimensions: int) -> float:
    """Texts a second: the model with a thread for each core, as it is; the mock embedder in one."""
    if embedder == "mock":
        began = time.perf_counter()
        asyncio.run(MockEmbedder(dimensions=dimensions).embed(texts, role="passage"))
        return len(texts) / (time.perf_counter() - began)
    from citewell_adapters.local.cores import usable_cores
    from citewell_adapters.local.files import packaged_files
    from citewell_adapters.local.onnx import OnnxModel

    model = OnnxModel(packaged_files())
    with ThreadPoolExecutor(usable_cores()) as executor:
        list(executor.map(lambda text: model.embed(text, "passage"), texts[:32]))
        began = time.perf_counter()
        list(executor.map(lambda text: model.embed(text, "passage"), texts))
        return len(texts) / (time.perf_counter() - began)


if __name__ == "__main__":
    print(_embed_alone(json.load(sys.stdin), sys.argv[1], int(sys.argv[2])))
