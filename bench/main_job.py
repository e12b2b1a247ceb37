"""The main job, measured on a stack of its own: start-up, ingestion, queries.

    python -m bench.main_job [--pages 300] [--queries 500] [--json FILE]

Starts `citewell serve` with the mock embedder on a free port and an empty folder, ingests a PDF made for it,
asks questions one after the other, and starts once more on the same data. Beside ingestion stands PyMuPDF
alone extracting the same text with line boxes from the same file.
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
import tempfile
import time
from pathlib import Path

import httpx
import pymupdf
from tests.e2e.serving import Service, ended, serving

WORDS = (  # noqa: SIM905 - readable
    "retrieval vector index query document chunk score page worker queue token answer source passage "
    "latency recall precision stream backup replica harbour lamp storm ferry engine barometer signal"
).split()
LINES_PER_PAGE = 45


def main() -> None:
    """Print the figures, and write them to a file where one is named."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--pages", type=int, default=300)
    parser.add_argument("--queries", type=int, default=500)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="citewell-bench-") as scratch:
        figures = measure(Path(scratch), pages=arguments.pages, queries=arguments.queries)
    for name, value in figures.items():
        print(f"{name:42} {value:10.2f}")
    if arguments.json:
        arguments.json.write_text(json.dumps(figures, indent=2) + "\n")


def measure(scratch: Path, *, pages: int, queries: int) -> dict[str, float]:
    """The figures by name; names end with their unit."""
    pdf = scratch / "bench.pdf"
    write_pdf(pdf, pages=pages)
    began = time.perf_counter()
    with serving(scratch) as service:
        figures = {"first start to ready, s": time.perf_counter() - began}
        with httpx.Client(base_url=service.url, timeout=60) as client:
            seconds, document_id = ingest(client, pdf)
            alone = statistics.median(extraction_seconds(pdf) for _ in range(3))
            figures["ingestion, pages/s"] = pages / seconds
            figures["PyMuPDF alone, pages/s"] = pages / alone
            figures["ingestion over PyMuPDF alone"] = alone / seconds
            figures |= query_milliseconds(client, document_id, queries=queries)
        figures["stop, s"] = stop_seconds(service)
    began = time.perf_counter()
    with serving(scratch):
        figures["later start to ready, s"] = time.perf_counter() - began
    return figures


def write_pdf(path: Path, *, pages: int) -> None:
    """A text document, the same for each run."""
    chance = random.Random(1)
    with pymupdf.open() as document:  # type: ignore[no-untyped-call]
        for _ in range(pages):
            lines = [" ".join(chance.choices(WORDS, k=11)) + "." for _ in range(LINES_PER_PAGE)]
            document.new_page().insert_text((50, 60), lines, fontsize=10)
        document.save(path, deflate=True)


def ingest(client: httpx.Client, pdf: Path) -> tuple[float, str]:
    """Seconds from the upload to `ready`, and the document's id."""
    began = time.perf_counter()
    reply = client.post("/api/v1/documents", files={"file": (pdf.name, pdf.read_bytes())})
    document = ended(client, reply.raise_for_status().json()["id"], within_seconds=600)
    if document["status"] != "ready":
        raise SystemExit(f"the ingestion ended {document['status']}: {document['error']}")
    return time.perf_counter() - began, document["id"]


def extraction_seconds(pdf: Path) -> float:
    """What PyMuPDF alone takes for the text with line boxes."""
    began = time.perf_counter()
    with pymupdf.open(pdf) as document:  # type: ignore[no-untyped-call]
        for number in range(document.page_count):
            document.load_page(number).get_text("dict", flags=pymupdf.TEXTFLAGS_TEXT)
    return time.perf_counter() - began


def query_milliseconds(client: httpx.Client, document_id: str, *, queries: int) -> dict[str, float]:
    """One client, a new question each time."""
    chance, times = random.Random(2), list[float]()
    for _ in range(queries):
        question = " ".join(chance.choices(WORDS, k=6))
        body = {"document_id": document_id, "question": question, "cache": False}
        began = time.perf_counter()
        reply = client.post("/api/v1/query", json=body)
        reply.raise_for_status()
        times.append((time.perf_counter() - began) * 1000)
    cuts = statistics.quantiles(times, n=20)
    return {"query within a document, p50 ms": cuts[9], "query within a document, p95 ms": cuts[18]}


def stop_seconds(service: Service) -> float:
    """From SIGTERM to the end of the supervisor."""
    began = time.perf_counter()
    service.process.terminate()
    service.process.wait(30)
    return time.perf_counter() - began


if __name__ == "__main__":
    main()
