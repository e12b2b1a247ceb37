"""Ingestion at its limits, measured on stacks of their own: speed, memory, and what queries feel of it.

    python -m bench.ingestion [FILE.pdf] [--pages 1600] [--files 1000] [--gigabytes 1] [--json FILE]

One worker, the mock embedder. Measured are: pages a second of one long PDF, given or made, beside PyMuPDF
alone on the same file; the memory of the worker with all its child processes meanwhile, and with four such
files at once; how long the index takes to catch up; the p95 of a single client's queries, idle and while
`citewell ingest` brings in a folder of small files; the API's memory while a text of a gigabyte arrives.
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import httpx
import psutil
import psycopg
import pymupdf
from tests.e2e.serving import Service, ended, serving

from bench._memory import MemoryPeak, child_of, family, sampled_memory
from bench.main_job import WORDS, extraction_seconds, write_pdf
from citewell_entrypoints.settings import Settings
from citewell_entrypoints.supervisor.postgres import PostgresServer

WORDS_A_FILE = 300
IDLE_QUERIES = 400
#: What the figures are to be compared with.
LIMITS = {
    "ingestion over PyMuPDF alone": "at least 0.33",
    "worker's memory, one file, MB": "at most 300",
    "worker's memory, four files, MB": "at most 350",
    "query p95 during the folder over idle": "at most 3",
    "API's memory during the upload, MB": "at most 150",
}

Figures = dict[str, float]


def main() -> None:
    """Print the figures, and write them to a file where one is named."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("file", type=Path, nargs="?")
    parser.add_argument("--pages", type=int, default=1_600)
    parser.add_argument("--files", type=int, default=1_000)
    parser.add_argument("--gigabytes", type=float, default=1.0)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    figures: Figures = {}
    with tempfile.TemporaryDirectory(prefix="citewell-bench-") as scratch:
        for part in measurements(arguments, Path(scratch)):
            figures |= part
            for name, value in part.items():
                print(f"{name:44} {value:10.2f}  {LIMITS.get(name, '')}", flush=True)
    if arguments.json:
        arguments.json.write_text(json.dumps(figures, indent=2) + "\n")


def measurements(arguments: argparse.Namespace, scratch: Path) -> Iterator[Figures]:
    """The figures by name, part by part; names end with their unit."""
    pdf = scratch / "long.pdf"
    if arguments.file:
        pdf.write_bytes(arguments.file.read_bytes())
    else:
        write_pdf(pdf, pages=arguments.pages)
    # As it is by default, where queries go first.
    niceness = str(Settings.model_fields["worker_niceness"].default)
    settings = {
        "APP_WORKER_NICENESS": niceness,
        "APP_MAX_UPLOAD_BYTES": str(2 * round(arguments.gigabytes * 1e9) + 10**9),
    }
    with serving(scratch, **settings) as service, httpx.Client(base_url=service.url, timeout=600) as client:
        yield one_file(service, client, pdf)
        if arguments.files:
            yield folder(service, client, scratch / "folder", files=arguments.files)
        if arguments.gigabytes:
            yield upload(service, client, scratch / "huge.txt", size=round(arguments.gigabytes * 1e9))
    again = scratch / "again"
    again.mkdir()
    with serving(again) as service, httpx.Client(base_url=service.url, timeout=600) as client:
        yield four_files(service, client, pdf)


def one_file(service: Service, client: httpx.Client, pdf: Path) -> Figures:
    """Speed and memory of a long document, and what the index takes to catch up."""
    with pymupdf.open(pdf) as document:  # type: ignore[no-untyped-call]
        pages = document.page_count
    alone = statistics.median(extraction_seconds(pdf) for _ in range(3))
    began = time.perf_counter()
    with sampled_memory(worker_family(service)) as peak:
        [document_id] = uploaded(client, [pdf])
        chunks = ready(client, document_id)["chunk_count"]
        seconds = time.perf_counter() - began
        until_indexed(service)
    indexing = time.perf_counter() - began - seconds
    return {
        "pages": pages,
        "chunks": chunks,
        "ingestion, pages/s": pages / seconds,
        "PyMuPDF alone, pages/s": pages / alone,
        "ingestion over PyMuPDF alone": alone / seconds,
        "index caught up after, s": indexing,
        **memory("worker's memory, one file", peak),
    }


def four_files(service: Service, client: httpx.Client, pdf: Path) -> Figures:
    """Memory and speed of four different long documents at once."""
    copies = [pdf.with_name(f"copy-{number}.pdf") for number in range(4)]
    for number, copy in enumerate(copies):
        # What follows the end of a PDF is not read, and makes other bytes of it.
        copy.write_bytes(pdf.read_bytes() + f"\n% {number}\n".encode())
    began = time.perf_counter()
    with sampled_memory(worker_family(service)) as peak:
        pages = sum(ready(client, each)["page_count"] for each in uploaded(client, copies))
        seconds = time.perf_counter() - began
    return {
        "four files at once, pages/s": pages / seconds,
        **memory("worker's memory, four files", peak),
    }


def folder(service: Service, client: httpx.Client, path: Path, *, files: int) -> Figures:
    """What a single client's queries feel of `citewell ingest` on a folder of small files."""
    write_folder(path, files=files)
    idle = p95(queries(client, while_=lambda number: number < IDLE_QUERIES))
    began = time.perf_counter()
    command = [sys.executable, "-m", "citewell_entrypoints.cli", "ingest", str(path), "--url", service.url]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as ingest:
        during = p95(queries(client, while_=lambda _: ingest.poll() is None))
    if ingest.returncode:
        raise SystemExit(f"citewell ingest ended with exit code {ingest.returncode}")
    seconds = time.perf_counter() - began
    return {
        "folder, files/s": files / seconds,
        "query p95 idle, ms": idle,
        "query p95 during the folder, ms": during,
        "query p95 during the folder over idle": during / idle,
    }


def upload(service: Service, client: httpx.Client, path: Path, *, size: int) -> Figures:
    """The API's memory while a text of `size` bytes arrives."""
    line = (" ".join(random.Random(3).choices(WORDS, k=11)) + ".\n").encode() * 10_000
    with path.open("wb") as file:
        while file.tell() < size:
            file.write(line)
    api = child_of(psutil.Process(service.process.pid), "api")
    before = api.memory_info().rss / 1e6
    began = time.perf_counter()
    with sampled_memory(lambda: [api]) as peak:
        [document_id] = uploaded(client, [path])
        seconds = time.perf_counter() - began
    client.delete(f"/api/v1/documents/{document_id}").raise_for_status()
    path.unlink()
    return {
        "upload, MB/s": size / 1e6 / seconds,
        "API's memory before, MB": before,
        "API's memory during the upload, MB": peak.resident,
    }


def worker_family(service: Service) -> Callable[[], Sequence[psutil.Process]]:
    """Gives the worker with everything that it has started."""
    worker = child_of(psutil.Process(service.process.pid), "worker")
    return lambda: family(worker)


def memory(name: str, peak: MemoryPeak) -> Figures:
    """The peaks as figures; the processes largest first."""
    largest = sorted(peak.by_process.items(), key=lambda item: -item[1])
    kinds = [f"{label.split()[0]} {number}" for number, (label, _) in enumerate(largest, start=1)]
    return {
        f"{name}, MB": peak.resident,
        f"{name}, shared pages once, MB": peak.proportional,
        **{f"  {kind}, MB": value for kind, (_, value) in zip(kinds, largest, strict=True)},
    }


def uploaded(client: httpx.Client, paths: Sequence[Path]) -> list[str]:
    """The ids of the documents, once the server has taken the files."""
    ids: list[str] = []
    for path in paths:
        with path.open("rb") as file:
            reply = client.post("/api/v1/documents", files={"file": (path.name, file)})
        ids.append(reply.raise_for_status().json()["id"])
    return ids


def ready(client: httpx.Client, document_id: str) -> dict[str, int]:
    """The document, once it is ready."""
    document = ended(client, document_id, within_seconds=1_200)
    if document["status"] != "ready":
        raise SystemExit(f"the ingestion ended {document['status']}: {document['error']}")
    return document


def until_indexed(service: Service) -> None:
    """Return once no live chunk waits for the index."""
    with psycopg.connect(PostgresServer(service.data_dir).url, autocommit=True) as connection:
        while connection.execute("SELECT 1 FROM unindexed LIMIT 1").fetchone():
            time.sleep(0.1)


def queries(client: httpx.Client, *, while_: Callable[[int], bool]) -> list[float]:
    """Milliseconds of questions to the whole collection, one after the other, each a new one."""
    chance, times = random.Random(2), list[float]()
    while while_(len(times)):
        question = " ".join(chance.choices(WORDS, k=6))
        began = time.perf_counter()
        client.post("/api/v1/query", json={"question": question, "cache": False}).raise_for_status()
        times.append((time.perf_counter() - began) * 1000)
    return times


def p95(times: Sequence[float]) -> float:
    """The 95th percentile."""
    return statistics.quantiles(times, n=20)[18]


def write_folder(path: Path, *, files: int) -> None:
    """Small texts, each another."""
    path.mkdir()
    chance = random.Random(4)
    for number in range(files):
        words = " ".join(chance.choices(WORDS, k=WORDS_A_FILE))
        (path / f"{number:05}.txt").write_text(f"Note {number}. {words}.\n")


if __name__ == "__main__":
    main()
