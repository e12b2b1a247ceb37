"""`citewell serve` with several processes of the API, as people have it on machines with several cores."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator

import httpx
import psutil
import pytest
from tests.e2e.serving import Service, ended, serving

PROCESSES = 2


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    folder = tmp_path_factory.mktemp("processes")
    with serving(folder, APP_API_PROCESSES=str(PROCESSES)) as service:
        yield service


def api(service: Service) -> psutil.Process:
    """The one that started the others."""
    [found] = [child for child in psutil.Process(service.process.pid).children() if "api" in child.cmdline()]
    return found


def test_they_answer_and_count_as_one(service: Service) -> None:
    """Whoever is asked, by connections of their own; and no two give a document the same id."""
    ids, requests = set(), set()
    for number in range(12):
        files = {"file": (f"{number}.txt", f"The lamp {number} is seen far.".encode(), "text/plain")}
        reply = httpx.post(f"{service.url}/api/v1/documents", files=files)
        assert reply.status_code == 202
        ids.add(reply.json()["id"])
        requests.add(reply.headers["x-request-id"])
    assert len(ids) == len(requests) == 12
    with httpx.Client(base_url=service.url) as client:
        for each in ids:
            assert ended(client, each)["status"] == "ready"
    for _ in range(6):
        reply = httpx.post(f"{service.url}/api/v1/query", json={"question": "The lamp 7"})
        assert "lamp 7" in reply.json()["sources"][0]["text"]
    series = 'citewell_http_requests_total{method="POST",route="/api/v1/documents",status="202"}'
    for _ in range(6):
        lines = httpx.get(f"{service.url}/metrics").text.splitlines()
        assert [line for line in lines if line.startswith(series)] == [f"{series} 12.0"]


def test_one_that_is_killed_is_replaced(service: Service) -> None:
    """Its listening socket goes on to the next, so nobody is refused for good."""
    parent = api(service)
    killed, left = parent.children()
    os.kill(killed.pid, signal.SIGKILL)
    deadline = time.monotonic() + 10
    while len(parent.children()) < PROCESSES or killed in parent.children():
        assert time.monotonic() < deadline
        time.sleep(0.02)
    assert left in parent.children()
    for _ in range(8):
        assert httpx.get(f"{service.url}/livez", timeout=10).status_code == 200


def test_none_outlives_the_one_that_started_it(service: Service) -> None:
    """However that ends."""
    parent = api(service)
    children = parent.children()
    assert len(children) == PROCESSES
    os.kill(parent.pid, signal.SIGKILL)
    _, alive = psutil.wait_procs(children, timeout=5)
    assert alive == []
