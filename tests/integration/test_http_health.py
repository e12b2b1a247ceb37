"""Liveness, readiness and metrics."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg
import pytest
import pytest_asyncio
from prometheus_client.parser import text_string_to_metric_families
from tests.conftest import NewDatabase
from tests.http_app import API, Served, served

from citewell.errors import BlobsUnavailable, LLMUnavailable, QueueUnavailable, StoreUnavailable
from citewell.memory import MemoryBlobStore
from citewell.testing.scripted import ScriptedLLM
from citewell_adapters.dramatiq import build_broker
from citewell_adapters.obstore import ObjectBlobStore
from citewell_adapters.pgvector import PgDatabase
from citewell_entrypoints.probes import Probe, blobs_probe, database_probe, queue_probe
from citewell_migrations import apply


def ready(word: str) -> Probe:
    async def probe() -> str:
        return word

    return probe


def failing(error: Exception) -> Probe:
    async def probe() -> str:
        raise error

    return probe


async def silent() -> str:
    await asyncio.sleep(60)
    return "too late"


async def readiness(tmp_path: Path, **probes: Probe) -> tuple[int, dict[str, Any], dict[str, str]]:
    async with served(tmp_path, probes=probes) as service:
        reply = await service.client.get("/readyz")
        return reply.status_code, reply.json(), dict(reply.headers)


async def test_a_living_process_says_so(tmp_path: Path) -> None:
    """Whatever the parts do."""
    async with served(tmp_path, probes={"database": failing(StoreUnavailable())}) as service:
        reply = await service.client.get("/livez")
        assert (reply.status_code, reply.json()) == (200, {"status": "alive"})


async def test_ready_is_when_all_parts_are(tmp_path: Path) -> None:
    """200, with a word of each."""
    status, body, _ = await readiness(tmp_path, database=ready("PostgreSQL 18.6"), queue=ready("valkey 9.1"))
    assert status == 200
    assert body == {
        "status": "ready",
        "parts": {
            "database": {"state": "ready", "detail": "PostgreSQL 18.6"},
            "queue": {"state": "ready", "detail": "valkey 9.1"},
        },
    }


async def test_readiness_says_which_part_is_away(tmp_path: Path) -> None:
    """503 + Retry-After, the same shape; an error nobody thought of shows its class alone."""
    status, body, headers = await readiness(
        tmp_path,
        database=ready("fine"),
        queue=failing(QueueUnavailable("the job queue does not answer")),
        other=failing(ZeroDivisionError("secret")),
    )
    assert status == 503
    assert headers["retry-after"] == "2"
    assert body["status"] == "failing"
    assert body["parts"]["database"] == {"state": "ready", "detail": "fine"}
    assert body["parts"]["queue"] == {"state": "failing", "detail": "the job queue does not answer"}
    assert body["parts"]["other"] == {"state": "failing", "detail": "ZeroDivisionError; see the log"}


async def test_without_the_queue_requests_are_served(tmp_path: Path) -> None:
    """200, `degraded`, and the part says that it is failing; without the database nothing is."""
    away = failing(QueueUnavailable("the job queue does not answer"))
    status, body, headers = await readiness(tmp_path, database=ready("fine"), queue=away)
    assert (status, body["status"]) == (200, "degraded")
    assert "retry-after" not in headers
    assert body["parts"]["queue"] == {"state": "failing", "detail": "the job queue does not answer"}
    status, body, _ = await readiness(tmp_path, database=failing(StoreUnavailable()), queue=away)
    assert (status, body["status"]) == (503, "failing")


async def test_without_the_blob_store_questions_are_answered(tmp_path: Path) -> None:
    """200, `degraded`, for it alone and with the queue."""
    away = failing(BlobsUnavailable("the disk is gone"))
    status, body, _ = await readiness(tmp_path, database=ready("fine"), queue=ready("fine"), blobs=away)
    assert (status, body["status"]) == (200, "degraded")
    assert body["parts"]["blobs"] == {"state": "failing", "detail": "the disk is gone"}
    status, body, _ = await readiness(tmp_path, database=ready("fine"), queue=away, blobs=away)
    assert (status, body["status"]) == (200, "degraded")


async def test_the_blob_store_is_ready_when_it_answers(tmp_path: Path) -> None:
    """That there is nothing of what nobody has kept is an answer; a file in the folder's place is none."""
    assert await blobs_probe(MemoryBlobStore())() == "answers"
    folder = tmp_path / "blobs"
    folder.mkdir()
    assert await blobs_probe(ObjectBlobStore(folder.as_uri()))() == "answers"
    store = ObjectBlobStore(folder.as_uri())
    folder.rmdir()
    folder.write_text("not a folder")
    with pytest.raises(BlobsUnavailable):
        await blobs_probe(store)()


async def test_parts_that_say_nothing_are_not_waited_for(tmp_path: Path) -> None:
    """2 seconds for all of them together."""
    began = time.monotonic()
    status, body, _ = await readiness(tmp_path, one=silent, two=silent, three=ready("fine"))
    assert time.monotonic() - began < 10
    assert status == 503
    assert [part["state"] for part in body["parts"].values()] == ["failing", "failing", "ready"]
    assert "2 seconds" in body["parts"]["one"]["detail"]


def migrate(url: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        apply(connection)


async def test_the_database_is_ready_when_its_schema_is_up_to_date(new_database: NewDatabase) -> None:
    """A database without our tables answers, but cannot be served."""
    url = await new_database()
    async with PgDatabase(url) as database:
        with pytest.raises(StoreUnavailable, match="citewell migrate"):
            await database_probe(database)()
        await asyncio.to_thread(migrate, url)
        assert re.fullmatch(r"PostgreSQL \d+\.\d+, schema up to date", await database_probe(database)())


async def test_a_database_that_went_away_is_not_ready(new_database: NewDatabase, postgres_url: str) -> None:
    """And says so within the time that a probe has."""
    url = await new_database()
    name = urlsplit(url).path.removeprefix("/")
    async with PgDatabase(url, connect_timeout_seconds=1) as database:
        async with await psycopg.AsyncConnection.connect(postgres_url, autocommit=True) as connection:
            await connection.execute(f'ALTER DATABASE "{name}" WITH ALLOW_CONNECTIONS false'.encode())
            await connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [name]
            )
        with pytest.raises(StoreUnavailable):
            await database_probe(database)()


async def test_the_queue_is_ready_when_its_server_answers(valkey_url: str) -> None:
    """With its name and version."""
    broker = build_broker(valkey_url)
    try:
        assert (await queue_probe(broker)()).split()[0] in {"valkey", "redis"}
    finally:
        broker.close()


async def test_a_queue_that_is_away_is_not_ready() -> None:
    """QueueUnavailable, with a sentence."""
    broker = build_broker("redis://127.0.0.1:1/0")
    try:
        with pytest.raises(QueueUnavailable, match="does not answer"):
            await queue_probe(broker)()
    finally:
        broker.close()


@pytest_asyncio.fixture(loop_scope="session")
async def service(tmp_path: Path) -> AsyncIterator[Served]:
    async with served(tmp_path, llm=ScriptedLLM(error=LLMUnavailable())) as running:
        yield running


async def samples(service: Served) -> dict[tuple[str, tuple[str, ...]], float]:
    text = (await service.client.get("/metrics")).text
    return {
        (
            sample.name,
            tuple(sample.labels[name] for name in sorted(sample.labels) if name != "le"),
        ): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if "bucket" not in sample.name
    }


async def test_requests_are_counted_by_route_and_status(service: Served) -> None:
    """By the template of the route: ids in addresses make no new series."""
    for number in range(3):
        await service.client.get(f"{API}/documents/0199c1f0-7d6e-7c3a-9b57-2f6f3c1f9a1{number}")
        await service.client.get(f"/nowhere/{number}")
        await service.client.request(f"ODD{number}", f"/nowhere/{number}")
    found = await samples(service)
    route = f"{API}/documents/{{document_id}}"
    assert found["citewell_http_requests_total", ("GET", route, "404")] == 3
    assert found["citewell_http_request_duration_seconds_count", ("GET", route, "404")] == 3
    assert found["citewell_http_requests_total", ("GET", "unmatched", "404")] == 3
    assert found["citewell_http_requests_total", ("OTHER", "unmatched", "404")] == 3
    assert found["citewell_http_requests_in_progress", ()] == 1


async def test_uploads_and_questions_are_counted(service: Served) -> None:
    """Bytes that came in, questions, sources, and what was missing from answers."""
    await service.ingested(b"The lamp is seen far.")
    await service.upload(b"\x89PNG refused")
    await service.query(question="lamp")
    await service.query(question="")
    found = await samples(service)
    assert found["citewell_upload_bytes_total", ()] == 21
    assert found["citewell_questions_total", ()] == 1
    assert found["citewell_sources_total", ()] == 1
    assert found["citewell_degraded_answers_total", ("llm",)] == 1


async def test_the_process_and_the_build_are_told(service: Served) -> None:
    """Memory, processor time, version."""
    found = await samples(service)
    assert found["process_resident_memory_bytes", ()] > 0
    [(_, labels)] = [key for key in found if key[0] == "citewell_build_info"]
    assert len(labels) == 2


async def test_metrics_come_in_the_format_that_is_asked_for(service: Served) -> None:
    """Prometheus' text, or OpenMetrics."""
    plain = await service.client.get("/metrics")
    assert plain.headers["content-type"].startswith("text/plain; version=")
    assert plain.headers["content-type"].count("charset") == 1
    asked = {"Accept": "application/openmetrics-text; version=1.0.0"}
    assert (await service.client.get("/metrics", headers=asked)).text.endswith("# EOF\n")


async def test_two_applications_count_apart(tmp_path: Path) -> None:
    """Each has a registry of its own."""
    async with served(tmp_path) as one, served(tmp_path) as two:
        await one.client.get("/livez")
        assert ("citewell_http_requests_total", ("GET", "/livez", "200")) in await samples(one)
        assert ("citewell_http_requests_total", ("GET", "/livez", "200")) not in await samples(two)
