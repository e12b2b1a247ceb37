"""Each part is taken away while questions are asked: `docs/degradation.md` is the table of it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any, Final

import pytest
import pytest_asyncio
from tests.faulty_proxy import Fault
from tests.faulty_service import ENDPOINT_SECONDS, PROBE_SECONDS, FaultyService, Timed, faulty_service
from tests.http_app import API
from tests.pgstores import cloned_database

#: For a processor that others use as well.
SLACK_SECONDS: Final = 1.5
RECOVERY_SECONDS: Final = 5.0
ENDPOINTS: Final = ("embedder", "llm", "reranker")
DOWN, SILENT, TRICKLING, ERRING, REFUSING, FLAPPING = Fault

#: What may be said of an endpoint's fault besides that it is left alone since it failed.
REASONS: Final = {
    DOWN: {"unavailable"},
    SILENT: {"timeout"},
    TRICKLING: {"timeout"},
    ERRING: {"unavailable"},
    REFUSING: {"rejected"},
    FLAPPING: {"unavailable", "timeout"},
}


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def service(
    tmp_path_factory: pytest.TempPathFactory, postgres_url: str, migrated_template: str, valkey_url: str
) -> AsyncIterator[FaultyService]:
    folder = tmp_path_factory.mktemp("faulty")
    with cloned_database(postgres_url, template=migrated_template) as url:
        async with faulty_service(folder, postgres=url, valkey=valkey_url) as running:
            sea = b"The keeper of the lamp drinks tea. " * 3 + b"The mole is long. " * 3
            sent = await running.send("POST", f"{API}/documents", files={"file": ("sea.txt", sea)})
            assert sent.reply.status_code == 202, sent.reply.text
            await ready(running, sent.reply.headers["location"])
            # The first calls of clients take longer.
            await eventually(lambda: full_reply(running))
            yield running


async def eventually(holds: Callable[[], Awaitable[bool]], *, seconds: float = RECOVERY_SECONDS) -> float:
    """How long it took."""
    began = time.monotonic()
    while not await holds():
        assert time.monotonic() - began < seconds
        await asyncio.sleep(0.05)
    return time.monotonic() - began


async def ready(service: FaultyService, path: str) -> None:
    """Wait until the document can be found."""

    async def holds() -> bool:
        return bool((await service.send("GET", path)).body.get("status") == "ready")

    await eventually(holds, seconds=15.0)


async def asked_at_once(service: FaultyService, count: int = 4, **body: Any) -> Sequence[Timed]:
    return await asyncio.gather(*(service.ask(**body) for _ in range(count)))


async def asked_while(service: FaultyService, part: str, fault: Fault) -> list[Timed]:
    """The replies to questions that are asked, some at once, while the part has the fault."""
    timed: list[Timed] = []
    async with service.proxies[part].suffering(fault):
        for _ in range(3 if fault is FLAPPING else 2):
            timed += await asked_at_once(service)
    return timed


def is_full(timed: Timed) -> bool:
    body = timed.body
    return bool(timed.reply.status_code == 200 and body["answer"] and not body["degraded"])


async def full_reply(service: FaultyService) -> bool:
    """Whether nothing is missing: an answer, both legs and the reranker."""
    timed = await service.ask(explain=True)
    if not is_full(timed):
        return False
    explanation = timed.body["explanation"]
    assert explanation["dense_candidates"]
    assert explanation["reranked"]
    return True


@pytest.mark.parametrize("fault", Fault)
@pytest.mark.parametrize("part", ENDPOINTS)
async def test_without_an_endpoint_there_are_sources(service: FaultyService, part: str, fault: Fault) -> None:
    """200 in the time that the endpoint may take, and what is missing is named; then all is back."""
    timed = await asked_while(service, part, fault)
    for one in timed:
        assert one.reply.status_code == 200, one.reply.text
        assert one.body["sources"]
        assert one.seconds < ENDPOINT_SECONDS + SLACK_SECONDS
        if fault is FLAPPING and not one.body["degraded"]:
            assert is_full(one)
            continue
        assert one.body["degraded"] == [part]
        [said] = one.body["degradations"]
        assert said["part"] == part
        # On a busy machine even a refused connection may take as long; adapters give up a tenth earlier.
        late = {"timeout"} if one.seconds >= 0.9 * ENDPOINT_SECONDS else set()
        assert said["reason"] in REASONS[fault] | {"circuit_open"} | late
        assert (one.body["answer"] is None) == (part == "llm")
    await eventually(lambda: full_reply(service), seconds=PROBE_SECONDS + SLACK_SECONDS)


@pytest.mark.parametrize("fault", [DOWN, SILENT, REFUSING])
async def test_without_the_embedder_every_mode_has_sources(service: FaultyService, fault: Fault) -> None:
    """By the words, also where only the meaning was asked for."""
    async with service.proxies["embedder"].suffering(fault):
        for mode in ("dense", "hybrid", "lexical"):
            one = await service.ask(mode=mode)
            assert (one.reply.status_code, bool(one.body["sources"])) == (200, True)
            assert one.body["degraded"] == ([] if mode == "lexical" else ["embedder"])
    await eventually(lambda: full_reply(service))


@pytest.mark.parametrize("part", ENDPOINTS)
async def test_streams_say_what_is_missing(service: FaultyService, part: str) -> None:
    """In the event in which it is known first, and at the end."""
    async with service.proxies[part].suffering(DOWN):
        timed = await service.ask_for_events()
    events = dict(timed.events)
    missing = [{"part": part, "reason": events["done"]["degradations"][0]["reason"]}]
    assert events["sources"]["sources"]
    assert events["sources"].get("degradations", []) == ([] if part == "llm" else missing)
    assert events["done"]["degraded"] == [part]
    assert events["done"]["degradations"] == missing
    assert ("citations" in events) == (part != "llm")
    await eventually(lambda: full_reply(service))


async def test_all_endpoints_at_once(service: FaultyService) -> None:
    """Their times add up, and each is named."""
    proxies = service.proxies
    async with (
        proxies["embedder"].suffering(SILENT),
        proxies["llm"].suffering(SILENT),
        proxies["reranker"].suffering(SILENT),
    ):
        for one in await asked_at_once(service):
            assert one.reply.status_code == 200, one.reply.text
            assert one.body["sources"]
            assert one.body["degraded"] == ["embedder", "reranker", "llm"]
            assert one.seconds < 3 * ENDPOINT_SECONDS + SLACK_SECONDS
    await eventually(lambda: full_reply(service))


@pytest.mark.parametrize("fault", [DOWN, SILENT, ERRING, FLAPPING])
@pytest.mark.parametrize("part", ["queue", "cache", "blobs"])
async def test_without_what_no_question_needs_nothing_is_missing(
    service: FaultyService, part: str, fault: Fault
) -> None:
    """Full replies, as quick as ever."""
    for one in await asked_while(service, part, fault):
        assert is_full(one), one.reply.text
        assert one.seconds < SLACK_SECONDS


@pytest.mark.parametrize("fault", [DOWN, SILENT, ERRING, FLAPPING])
async def test_without_the_cache_replies_are_made(service: FaultyService, fault: Fault) -> None:
    """Full ones; kept again once it is back."""
    body = {"question": f"Who drinks tea in {fault}?"}

    async def cache_status() -> str:
        began = time.monotonic()
        reply = await service.keeping.post(f"{API}/query", json=body)
        assert reply.status_code == 200, reply.text
        assert (bool(reply.json()["sources"]), reply.json()["degraded"]) == (True, [])
        assert time.monotonic() - began < SLACK_SECONDS
        return str(reply.headers["cache-status"])

    async with service.proxies["cache"].suffering(fault):
        statuses = [await cache_status() for _ in range(5)]
    if fault is not FLAPPING:
        assert not any("hit" in status for status in statuses)

    async def hits() -> bool:
        return await cache_status() == "citewell; hit; detail=shared"

    await eventually(hits)


async def test_what_lacks_something_is_not_kept(service: FaultyService) -> None:
    """Who asks the same once the part is back gets all of it."""
    body = {"question": "Who drinks tea on the mole?"}
    async with service.proxies["embedder"].suffering(DOWN):
        for _ in range(2):
            reply = await service.keeping.post(f"{API}/query", json=body)
            assert reply.json()["degraded"] == ["embedder"]
            assert reply.headers["cache-status"] == "citewell; fwd=miss"

    async def is_full_and_kept() -> bool:
        reply = await service.keeping.post(f"{API}/query", json=body)
        return not reply.json()["degraded"] and "stored" in reply.headers["cache-status"]

    await eventually(is_full_and_kept)


async def readiness(service: FaultyService) -> tuple[int, str, set[str]]:
    """Status, what it says, and the parts that are away."""
    timed = await service.send("GET", "/readyz")
    assert timed.seconds < 2.0 + SLACK_SECONDS
    parts = timed.body["parts"]
    away = {name for name, part in parts.items() if part["state"] == "failing"}
    return timed.reply.status_code, timed.body["status"], away


async def is_ready(service: FaultyService) -> bool:
    return await readiness(service) == (200, "ready", set())


@pytest.mark.parametrize("fault", [DOWN, SILENT, ERRING, FLAPPING])
async def test_without_the_queue_uploads_are_accepted(service: FaultyService, fault: Fault) -> None:
    """The workers hear of them later; the reply and `/readyz` say so."""
    async with service.proxies["queue"].suffering(fault):
        sent, readyz = await asyncio.gather(
            asyncio.gather(*(service.upload() for _ in range(8))), readiness(service)
        )
        sent += [await service.upload(), await service.upload()]
        if fault is not FLAPPING:
            assert readyz == (200, "degraded", {"queue"})
            assert all(one.body["degraded"] == ["queue"] for one in sent)
            # No second one waits for a server that is known to be silent.
            assert sent[-1].seconds < SLACK_SECONDS
    for one in sent:
        assert one.reply.status_code == 202, one.reply.text
        assert one.seconds < 2.0 + SLACK_SECONDS
        service.accepted.append(one.reply.headers["location"])
    await eventually(lambda: is_ready(service))


async def test_what_was_accepted_without_the_queue_is_ingested(service: FaultyService) -> None:
    """Once it is back, by itself: this document, and those of the other tests."""
    async with service.proxies["queue"].suffering(DOWN):
        service.accepted.append((await service.upload()).reply.headers["location"])
    for path in service.accepted:
        await ready(service, path)


@pytest.mark.parametrize("fault", [DOWN, SILENT, ERRING])
async def test_without_the_blob_store_uploads_wait(service: FaultyService, fault: Fault) -> None:
    """503 + Retry-After, and `/readyz` names it; questions are answered."""
    async with service.proxies["blobs"].suffering(fault):
        refused, readyz = await asyncio.gather(service.upload(), readiness(service))
        assert (refused.reply.status_code, refused.reply.headers["retry-after"]) == (503, "5")
        assert refused.body["type"] == "urn:citewell:problem:blobs-unavailable"
        assert refused.seconds < 3.0 + SLACK_SECONDS
        assert readyz == (200, "degraded", {"blobs"})
        assert is_full(await service.ask())
    await eventually(lambda: is_ready(service))
    sent = await service.upload()
    assert sent.reply.status_code == 202, sent.reply.text
    await ready(service, sent.reply.headers["location"])


@pytest.mark.parametrize("fault", [DOWN, SILENT, ERRING, FLAPPING])
async def test_without_the_database_questions_wait(service: FaultyService, fault: Fault) -> None:
    """503 + Retry-After, all within the time that a connection or a statement may take."""
    async with service.proxies["database"].suffering(fault):
        timed, readyz = await asyncio.gather(asked_at_once(service, 8), readiness(service))
        if fault is not FLAPPING:
            assert readyz == (503, "failing", {"database"})
            assert (await service.send("GET", "/livez")).reply.status_code == 200
    for one in timed:
        assert one.seconds < 2.0 + SLACK_SECONDS
        if fault is FLAPPING and one.reply.status_code == 200:
            assert one.body["sources"]
            continue
        assert (one.reply.status_code, one.reply.headers["retry-after"]) == (503, "5")
        assert one.body["type"] == "urn:citewell:problem:store-unavailable"
    await eventually(lambda: full_reply(service))
    await eventually(lambda: is_ready(service))


def test_the_table_names_every_part() -> None:
    """`docs/degradation.md` has a row for each part that is taken away here."""
    table = (Path(__file__).parents[2] / "docs" / "degradation.md").read_text()
    for part in (*ENDPOINTS, "queue", "cache", "blobs", "database"):
        assert f"| `{part}` |" in table
