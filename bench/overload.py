"""What twice as many questions as can be answered do to those that are accepted.

    python -m bench.overload [--seconds 15] [--factor 2] [--mode hybrid] [--json FILE]

Starts `citewell serve` with the mock embedder, ingests a text made for it, and finds out with 50 clients how
many questions a second are answered. Then sends `factor` times as many, whether or not they are answered, and
asks `/livez` and `/readyz` meanwhile from another process. An accepted question waits for those before it, so
the bound of its time is the number of places over the throughput.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import httpx
from tests.e2e.serving import serving

from bench._openloop import Load, Reply, http_request
from bench.main_job import ingest

CLIENTS = 50
#: As the defaults have it: 10 connections, 4 questions for each, and 4 that wait for each of those.
PLACES = 200
_PROBING = """
import sys, time, httpx
with httpx.Client(base_url=sys.argv[1], timeout=10) as client:
    while True:
        for path in ("/livez", "/readyz"):
            began = time.perf_counter()
            status = client.get(path).status_code
            print(path, status, time.perf_counter() - began, flush=True)
        time.sleep(0.05)
"""


def main() -> None:
    """Print the figures, and write them to a file where one is named."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=float, default=15)
    parser.add_argument("--factor", type=float, default=2)
    parser.add_argument("--mode", choices=("hybrid", "dense", "lexical"), default="hybrid")
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="citewell-bench-") as scratch:
        figures = measure(
            Path(scratch), seconds=arguments.seconds, factor=arguments.factor, mode=arguments.mode
        )
    for name, value in figures.items():
        print(f"{name:48} {value:10.2f}")
    if arguments.json:
        arguments.json.write_text(json.dumps(figures, indent=2) + "\n")


def measure(scratch: Path, *, seconds: float, factor: float, mode: str) -> dict[str, float]:
    """The figures by name; names end with their unit."""
    text = scratch / "lamps.txt"
    text.write_text(
        "\n\n".join(f"The lamp number {number} is seen far over the sea." for number in range(800))
    )
    with serving(scratch, APP_LOG_LEVEL="warning") as service:
        with httpx.Client(base_url=service.url, timeout=60) as client:
            _, document_id = ingest(client, text)
        load = Load(int(service.url.rpartition(":")[2]), question(document_id, mode=mode))
        return asyncio.run(figures_of(load, service.url, seconds=seconds, factor=factor))


def question(document_id: str, *, mode: str) -> bytes:
    """The whole request."""
    body = {"document_id": document_id, "question": "How far is the lamp seen?", "mode": mode}
    return http_request("POST", "/api/v1/query", body)


async def figures_of(load: Load, url: str, *, seconds: float, factor: float) -> dict[str, float]:
    """First what can be done, then more."""
    await load.closed(clients=CLIENTS, seconds=1)
    usual = await load.closed(clients=CLIENTS, seconds=max(3.0, seconds / 3))
    capacity = len(usual) / max(3.0, seconds / 3)
    probing = await asyncio.create_subprocess_exec(
        sys.executable, "-c", _PROBING, url, stdout=asyncio.subprocess.PIPE
    )
    printed = asyncio.create_task(probing.communicate())
    try:
        began = time.perf_counter()
        replies = await load.steady(per_second=factor * capacity, seconds=seconds)
        taken = time.perf_counter() - began
    finally:
        probing.terminate()
        probes = [line.split() for line in (await printed)[0].decode().splitlines()]
    load.close()
    accepted = [reply for reply in replies if reply.status == 200]
    shed = [reply for reply in replies if reply.status == 503]
    if not accepted or not shed:
        raise SystemExit(f"of {len(replies)} questions {len(accepted)} were accepted, {len(shed)} refused")
    return {
        f"{CLIENTS} clients, questions/s": capacity,
        f"{CLIENTS} clients, p99 ms": p99(usual),
        "sent, questions/s": len(replies) / seconds,
        "accepted, questions/s": len(accepted) / taken,
        "accepted, p50 ms": statistics.median(reply.seconds for reply in accepted) * 1000,
        "accepted, p99 ms": p99(accepted),
        "bound by the places, ms": PLACES / (len(accepted) / taken) * 1000,
        "refused with 503, %": 100 * len(shed) / len(replies),
        "refused, p99 ms": p99(shed),
        "without a reply, %": 100 * (len(replies) - len(accepted) - len(shed)) / len(replies),
        **probe_figures(probes),
    }


def p99(replies: Sequence[Reply]) -> float:
    """In milliseconds."""
    return statistics.quantiles([reply.seconds for reply in replies], n=100)[98] * 1000


def probe_figures(probes: Sequence[Sequence[str]]) -> dict[str, float]:
    """How the health checks did meanwhile."""
    figures = dict[str, float]()
    for path in ("/livez", "/readyz"):
        times = [float(seconds) * 1000 for of, _, seconds in probes if of == path]
        figures[f"{path}, p50 ms"] = statistics.median(times)
        figures[f"{path}, longest ms"] = max(times)
        figures[f"{path}, not 200"] = sum(1 for of, status, _ in probes if of == path and status != "200")
    return figures


if __name__ == "__main__":
    main()
