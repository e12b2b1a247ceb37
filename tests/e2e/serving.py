"""Starts the real thing for a test: `citewell serve` on a free port, stopped at the end."""

from __future__ import annotations

import os
import random
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

__all__ = ["Service", "ended", "free_port", "serving"]

_START_SECONDS = 120.0
_STOP_SECONDS = 20.0
#: Of the system's: no two processes choose alike.
_CHANCE = random.SystemRandom()


@dataclass(frozen=True)
class Service:
    """A running `citewell serve`."""

    url: str
    data_dir: Path
    process: subprocess.Popen[bytes]
    log: Path


def free_port() -> int:
    """A port of 127.0.0.1 that nobody listens on at this moment.

    Not one that the system would give: it gives such ports to every connection, and other tests run beside.
    """
    while True:
        port = _CHANCE.randrange(20_000, 30_000)
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


def ended(client: httpx.Client, document_id: str, *, within_seconds: float = 60) -> dict[str, Any]:
    """The document once its status is an end."""
    deadline = time.monotonic() + within_seconds
    while True:
        document: dict[str, Any] = client.get(f"/api/v1/documents/{document_id}").json()
        if document["status"] not in {"queued", "processing"}:
            return document
        assert time.monotonic() < deadline, f"not ended: {document}"
        time.sleep(0.05)


@contextmanager
def serving(folder: Path, **settings: str) -> Iterator[Service]:
    """`citewell serve` with its data below `folder` and the mock embedder unless `settings` say otherwise."""
    port, log = free_port(), folder / "serve.log"
    environment = {name: value for name, value in os.environ.items() if not name.startswith("APP_")}
    environment |= {
        "APP_PORT": str(port),
        "APP_DATA_DIR": str(folder / "data"),
        "APP_EMBEDDINGS_BACKEND": "mock",
        # Other tests run beside, and are no queries that ingestion should wait for.
        "APP_WORKER_NICENESS": "0",
        # Most tests look at one process; those of several are in test_api_processes.
        "APP_API_PROCESSES": "1",
        **settings,
    }
    with log.open("ab") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "citewell_entrypoints.cli", "serve"],
            env=environment,
            cwd=folder,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    service = Service(f"http://127.0.0.1:{port}", folder / "data", process, log)
    try:
        _wait_until_ready(service)
        yield service
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
        try:
            process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait_until_ready(service: Service) -> None:
    deadline = time.monotonic() + _START_SECONDS
    # One client: a new one reads all certificates of the system.
    with httpx.Client(timeout=2) as client:
        while time.monotonic() < deadline and service.process.poll() is None:
            with suppress(httpx.TransportError):
                if client.get(f"{service.url}/readyz").status_code == 200:
                    return
            time.sleep(0.05)
    raise AssertionError(f"the service did not become ready:\n{service.log.read_text()}")
