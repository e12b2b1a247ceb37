"""The embedding model of a running `citewell serve` is changed from the command line."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import httpx
from tests.e2e.serving import Service, ended, serving

_TEXT = "The ferry leaves the harbour at nine."


def _citewell(service: Service, *arguments: str) -> str:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("APP_")}
    environment |= {"APP_DATA_DIR": str(service.data_dir), "APP_EMBEDDINGS_BACKEND": "mock"}
    command = [sys.executable, "-m", "citewell_entrypoints.cli", *arguments]
    done = subprocess.run(
        command, env=environment, cwd=service.log.parent, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_running_service_goes_over_to_another_model() -> None:
    """It answers before and after without a restart, ingests into the new space, and that is quantized."""
    with (
        tempfile.TemporaryDirectory(prefix="citewell-test-") as name,
        serving(Path(name)) as service,
        httpx.Client(base_url=service.url, timeout=30) as client,
    ):

        def upload(text: str) -> None:
            reply = client.post("/api/v1/documents", files={"file": ("a.txt", text.encode())})
            assert ended(client, reply.json()["id"])["status"] == "ready"

        upload(_TEXT)
        assert _best(client, "When does the ferry leave?") == _TEXT
        told = _citewell(service, "reembed", "--dimensions", "48", "--activate")
        assert "embedded 1 text" in told
        assert _best(client, "When does the ferry leave?") == _TEXT
        upload("The museum is closed on Mondays.")
        assert "closed" in _best(client, "When is the museum closed?")
        [_, former, active, *_] = _citewell(service, "spaces").splitlines()
        assert former.split()[2:6] == ["1,536", "mock", "1", "50.0"]
        assert active.split()[2:7] == ["48", "mock", "active", "2", "100.0"]
        assert "The space 2 is quantized" in _citewell(service, "spaces", "quantize", "2")
        assert _best(client, "When does the ferry leave?") == _TEXT
        assert _citewell(service, "spaces").splitlines()[2].split()[-1] == "signs"


def _best(client: httpx.Client, question: str) -> str:
    body = {"question": question, "mode": "dense", "top_k": 1}
    reply = client.post("/api/v1/query", json=body)
    assert reply.status_code == 200, reply.text
    return str(reply.json()["sources"][0]["text"])
