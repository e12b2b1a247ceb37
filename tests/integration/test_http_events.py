"""The life of a document as server-sent events."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
import pytest_asyncio
from tests.event_reader import EventReader, reading_events
from tests.http_app import API, Served, http_scope, served

from citewell.errors import StoreUnavailable, UnreadableDocument
from citewell.model import DocumentEvent, DocumentId
from citewell_entrypoints.http.streams import OpenStreams

TEXT = b"The lamp on the mole is seen far."
PING_SECONDS = 0.05


@pytest.fixture
def streams() -> OpenStreams:
    return OpenStreams(ping_seconds=PING_SECONDS)


@pytest_asyncio.fixture(loop_scope="session")
async def service(tmp_path: Path, streams: OpenStreams) -> AsyncIterator[Served]:
    async with served(tmp_path, streams=streams) as running:
        yield running


@asynccontextmanager
async def reading(
    service: Served, document_id: object, *, last: int | None = None, query: str = ""
) -> AsyncIterator[EventReader]:
    """A reader of the events, whose head has come; gone at the end."""
    headers = [] if last is None else [(b"last-event-id", str(last).encode())]
    scope = http_scope("GET", f"{API}/documents/{document_id}/events", *headers)
    scope["query_string"] = query.encode()
    async with reading_events(service.app, scope) as reader:
        yield reader


async def queued(service: Served) -> str:
    reply = await service.upload(TEXT)
    document_id: str = reply.json()["id"]
    return document_id


async def open_streams(service: Served) -> float:
    text = (await service.client.get("/metrics")).text
    [line] = [line for line in text.splitlines() if line.startswith("citewell_event_streams ")]
    return float(line.split()[1])


async def test_every_change_comes_until_the_end(service: Served) -> None:
    """`progress` while it is queued and in work, the end's own name, and then the stream ends."""
    document_id = await queued(service)
    async with reading(service, document_id) as reader:
        assert reader.status == 200
        assert await reader.raw() == "retry: 2000\n\n"
        first = await reader.event()
        assert first is not None
        assert (first["event"], first["data"]["status"]) == ("progress", "queued")
        await service.ingest_all()
        events = await reader.rest()
    assert [event["event"] for event in events] == ["progress"] * (len(events) - 1) + ["ready"]
    assert {event["data"]["stage"] for event in events} >= {"parsing", "embedding"}
    ids = [int(event["id"]) for event in (first, *events)]
    assert ids == sorted(set(ids))
    last = events[-1]["data"]
    assert set(last) == {"status", "stage", "progress", "attempts", "error", "at"}
    assert (last["status"], last["stage"], last["attempts"], last["error"]) == ("ready", None, 1, None)
    assert last["progress"]["chunks_done"] == last["progress"]["chunks_total"] > 0


async def test_nobody_on_the_way_keeps_or_holds_back(service: Served) -> None:
    """The headers that proxies and browsers go by."""
    async with reading(service, await queued(service)) as reader:
        assert reader.headers["content-type"] == "text/event-stream; charset=utf-8"
        assert reader.headers["cache-control"] == "no-store"
        assert reader.headers["x-accel-buffering"] == "no"
        assert "content-length" not in reader.headers


@pytest.mark.parametrize("way", ["header", "query", "both"])
async def test_who_comes_back_misses_nothing(service: Served, way: str) -> None:
    """From behind `Last-Event-ID` or `after` on; the header is what a browser knows last."""
    document = await service.ingested(TEXT)
    async with reading(service, document["id"]) as reader:
        events = await reader.rest()
    third = int(events[2]["id"])
    after = {"header": "", "query": f"after={third}", "both": "after=0"}[way]
    async with reading(
        service, document["id"], last=None if way == "query" else third, query=after
    ) as reader:
        assert await reader.rest() == events[3:]


async def test_with_nothing_left_to_tell_there_is_no_content(service: Served) -> None:
    """204, which tells a browser not to come back."""
    document = await service.ingested(TEXT)
    async with reading(service, document["id"]) as reader:
        last = int((await reader.rest())[-1]["id"])
    reply = await service.client.get(
        f"{API}/documents/{document['id']}/events", headers={"Last-Event-ID": str(last)}
    )
    assert (reply.status_code, reply.content) == (204, b"")


async def test_a_failure_is_told_with_its_reason(service: Served) -> None:
    """The event `failed`, with code and message."""
    service.house.parser.failure = UnreadableDocument()
    document = await service.ingested(TEXT)
    async with reading(service, document["id"]) as reader:
        last = (await reader.rest())[-1]
    assert (last["event"], last["data"]["error"]) == ("failed", document["error"])


async def test_a_cancelled_document_ends_its_stream(service: Served) -> None:
    """The event `cancelled`."""
    document_id = await queued(service)
    async with reading(service, document_id) as reader:
        await reader.event()
        await service.client.post(f"{API}/documents/{document_id}/cancel")
        assert [event["event"] for event in await reader.rest()] == ["cancelled"]


async def test_a_document_that_is_deleted_ends_its_stream(service: Served) -> None:
    """The event `deleted`, which has no id: there is nothing to come back to."""
    document_id = await queued(service)
    async with reading(service, document_id) as reader:
        await reader.event()
        await service.client.delete(f"{API}/documents/{document_id}")
        assert await reader.rest() == [{"event": "deleted", "data": {}}]


async def test_a_quiet_stream_is_kept_alive(service: Served) -> None:
    """A comment, every so often, between the events."""
    document_id = await queued(service)
    async with reading(service, document_id) as reader:
        await reader.event()
        assert [await reader.raw() for _ in range(3)] == [": ping\n\n"] * 3
        await service.ingest_all()
        assert (await reader.rest())[-1]["event"] == "ready"


async def test_an_outage_only_makes_it_quiet(service: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    """Pings go on, and when the database is back so do the events, none of them twice."""
    document_id = await queued(service)
    usual, failed = service.house.documents.events, 0

    async def away(*_: Any, **__: Any) -> Sequence[DocumentEvent]:
        nonlocal failed
        failed += 1
        raise StoreUnavailable

    async with reading(service, document_id) as reader:
        first = await reader.event()
        assert first is not None
        monkeypatch.setattr(service.house.documents, "events", away)
        while not failed:
            assert await reader.raw() == ": ping\n\n"
        assert await reader.raw() == ": ping\n\n"
        monkeypatch.setattr(service.house.documents, "events", usual)
        await service.ingest_all()
        events = await reader.rest()
    assert int(events[0]["id"]) > int(first["id"])
    assert events[-1]["event"] == "ready"


async def test_a_reader_that_goes_away_frees_everything(
    service: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is counted as open, and nobody asks the store any more."""
    document_id = await queued(service)
    async with reading(service, document_id) as reader:
        await reader.event()
        assert await open_streams(service) == 1
    assert await open_streams(service) == 0
    asked = watched(service, monkeypatch)
    await asyncio.sleep(0.5)
    assert asked == []


async def test_a_slow_reader_makes_nobody_wait(service: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was read at once waits for it here: the store is neither held nor asked again meanwhile."""
    document = await service.ingested(TEXT)
    asked = watched(service, monkeypatch)
    async with reading(service, document["id"]) as reader:
        await reader.event()
        assert len(asked) == 1
        await asyncio.sleep(10 * PING_SECONDS)
        assert len(asked) == 1
        assert (await reader.rest())[-1]["event"] == "ready"
        assert reader.pings == 0


def watched(service: Served, monkeypatch: pytest.MonkeyPatch) -> list[UUID]:
    """The documents whose events are asked for from now on."""
    asked: list[UUID] = []
    usual = service.house.documents.events

    async def events(document_id: DocumentId, *, after: int = 0, limit: int) -> Sequence[DocumentEvent]:
        found = await usual(document_id, after=after, limit=limit)
        asked.append(document_id)
        return found

    monkeypatch.setattr(service.house.documents, "events", events)
    return asked


async def test_streams_end_when_the_server_stops(service: Served, streams: OpenStreams) -> None:
    """Readers come back by themselves; a stop does not wait for documents."""
    async with reading(service, await queued(service)) as reader:
        await reader.event()
        streams.end()
        assert await reader.rest() == []


async def test_an_unknown_document_has_no_events(service: Served) -> None:
    """404 as a problem, not a stream."""
    reply = await service.client.get(f"{API}/documents/{uuid4()}/events")
    assert (reply.status_code, reply.json()["type"]) == (404, "urn:citewell:problem:document-not-found")


@pytest.mark.parametrize("last", ["", "x", "-1", "1.5", str(2**63)])
async def test_an_id_that_no_event_has_is_refused(service: Served, last: str) -> None:
    """400, in the header as in the query."""
    address = f"{API}/documents/{await queued(service)}/events"
    assert (await service.client.get(address, headers={"Last-Event-ID": last})).status_code == 400
    assert (await service.client.get(address, params={"after": last})).status_code == 400
