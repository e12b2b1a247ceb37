"""Replies over HTTP that were made before."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from tests.http_app import API, Served, served

from citewell.errors import EmbedderUnavailable
from citewell.testing.scripted import ScriptedLLM

LAMP = b"The lamp on the mole is seen far. The keeper sleeps by day."
QUESTION = "Where is the lamp?"


@pytest.fixture
def llm() -> ScriptedLLM:
    return ScriptedLLM()


@pytest_asyncio.fixture(loop_scope="session")
async def service(tmp_path: Path, llm: ScriptedLLM) -> AsyncIterator[Served]:
    async with served(tmp_path, llm=llm) as running:
        yield running


async def status(service: Served, **body: Any) -> str:
    """What Cache-Status says of the reply to the question."""
    reply = await service.query(**{"question": QUESTION, **body})
    assert reply.status_code == 200, reply.text
    assert reply.headers["content-type"] == "application/json"
    return str(reply.headers["cache-status"])


async def test_a_reply_is_given_again_as_it_was(service: Served) -> None:
    """Byte by byte, without asking the embedder; Cache-Status says so as RFC 9211 has it."""
    await service.ingested(LAMP)
    first = await service.query(question=QUESTION)
    service.house.embedder.failures.append(ZeroDivisionError())
    second = await service.query(question=f"  {QUESTION}\n")
    assert first.headers["cache-status"] == "citewell; fwd=miss; stored"
    assert second.headers["cache-status"] == "citewell; hit; detail=process"
    assert second.content == first.content
    assert first.json()["sources"]
    assert service.house.embedder.failures


async def test_a_reply_is_the_same_without_a_cache(service: Served, tmp_path: Path) -> None:
    """`cache: false` has it made anew; APP_CACHE_RESULTS=false keeps none, and no header speaks of it."""
    await service.ingested(LAMP)
    kept = await service.query(question=QUESTION)
    anew = await service.query(question=QUESTION, cache=False)
    assert anew.headers["cache-status"] == "citewell; fwd=request"
    async with served(tmp_path, house=service.house, cache_results=False) as without:
        plain = await without.query(question=QUESTION)
        assert "cache-status" not in plain.headers
    assert kept.content == anew.content == plain.content


async def test_a_change_is_seen_at_once(service: Served) -> None:
    """Uploads, replacements, names, metadata and deletes: the next reply knows of them."""
    document = await service.ingested(LAMP, name="one.txt")
    path, changed = f"{API}/documents/{document['id']}", "citewell; fwd=miss; stored"
    scope = {"document_id": document["id"], "mode": "dense"}
    assert [await status(service), await status(service, **scope)] == [changed, changed]
    other = await service.ingested(b"Another lamp.")
    assert await status(service) == changed
    assert await status(service, **scope) == "citewell; hit; detail=process"
    await service.put(document["id"], LAMP, name="two.txt", metadata='{"lang": "en"}')
    reply = await service.query(question=QUESTION, **scope)
    assert {source["document_name"] for source in reply.json()["sources"]} == {"two.txt"}
    assert [await status(service, filter={"lang": "en"})] == [changed]
    await service.put(document["id"], LAMP, name="two.txt", metadata='{"lang": "de"}')
    assert (await service.query(question=QUESTION, filter={"lang": "en"})).json()["sources"] == []
    await service.put(document["id"], b"A plough.", name="two.txt")
    await service.ingest_all()
    texts = {source["text"] for source in (await service.query(question=QUESTION, **scope)).json()["sources"]}
    assert texts == {"A plough."}
    await service.client.delete(path)
    assert (await service.query(question=QUESTION, **scope)).status_code == 404
    found = (await service.query(question=QUESTION)).json()["sources"]
    assert {source["document_id"] for source in found} == {other["id"]}


async def test_an_explanation_says_that_it_was_kept(service: Served) -> None:
    """`cached`; the times are those of the search that made it. Without `explain` it is another reply."""
    await service.ingested(LAMP)
    assert await status(service) == "citewell; fwd=miss; stored"
    first = (await service.query(question=QUESTION, explain=True)).json()
    second = (await service.query(question=QUESTION, explain=True)).json()
    assert (first["explanation"].pop("cached"), second["explanation"].pop("cached")) == (False, True)
    assert first == second
    assert "explanation" not in (await service.query(question=QUESTION)).json()


async def test_a_reply_that_lacks_something_is_not_kept(service: Served) -> None:
    """The next one tries again."""
    await service.ingested(LAMP)
    service.house.embedder.failures.append(EmbedderUnavailable("away"))
    assert await status(service) == "citewell; fwd=miss"
    assert await status(service) == "citewell; fwd=miss; stored"


async def test_what_a_model_says_is_not_kept(service: Served, llm: ScriptedLLM) -> None:
    """It may say something else the next time."""
    await service.ingested(LAMP)
    llm.pieces = ("On the mole.",)
    assert [await status(service), await status(service)] == ["citewell; fwd=miss"] * 2
    assert len(llm.calls) == 2


async def test_with_a_model_nothing_is_kept(tmp_path: Path) -> None:
    """Its answers never are, and without them the reply would be another one."""
    async with served(tmp_path, llm_backend="openai") as service:
        await service.ingested(LAMP)
        assert "cache-status" not in (await service.query(question=QUESTION)).headers


async def test_without_memory_the_shared_cache_serves(tmp_path: Path) -> None:
    """APP_CACHE_BYTES=0."""
    async with served(tmp_path, cache_bytes=0) as service:
        await service.ingested(LAMP)
        assert await status(service) == "citewell; fwd=miss; stored"
        assert await status(service) == "citewell; hit; detail=shared"


async def test_wrong_questions_are_refused_as_ever(service: Served) -> None:
    """And are not kept."""
    for body in ({"question": " "}, {"question": "a\0b"}, {"question": "a", "cache": 1}):
        for _ in range(2):
            assert (await service.query(**body)).status_code == 400


async def test_metrics_tell_what_the_cache_does(service: Served) -> None:
    """Hits by where they come from, misses, bytes and evictions; every question counts as one."""
    await service.ingested(LAMP)
    await asyncio.gather(*(service.query(question=QUESTION) for _ in range(3)))
    await service.query(question=QUESTION)
    await service.query(question=QUESTION, cache=False)
    text = (await service.client.get("/metrics")).text

    def value(name: str) -> float:
        found = re.search(rf"^{re.escape(name)} (.+)$", text, re.MULTILINE)
        assert found, name
        return float(found[1])

    hits = value('citewell_cache_hits_total{layer="process"}')
    joined = re.search(r'^citewell_cache_hits_total\{layer="joined"\} (.+)$', text, re.MULTILINE)
    assert hits + (float(joined[1]) if joined else 0) == 3
    assert value("citewell_cache_misses_total") == 1
    assert value("citewell_questions_total") == 5
    assert value("citewell_cache_bytes") > 400
    assert value("citewell_cache_evictions_total") == 0
    sources = len((await service.query(question=QUESTION)).json()["sources"])
    assert value("citewell_sources_total") == 5 * sources


async def test_beside_a_model_sources_alone_are_kept(tmp_path: Path, llm: ScriptedLLM) -> None:
    """`answer: false` never asks it, in conversations either; what it answers is made anew each time."""
    llm.pieces = ("far [1]",)
    async with served(tmp_path, llm=llm, llm_backend="openai") as service:
        await service.ingested(LAMP)
        answered = [await service.query(question=QUESTION) for _ in range(2)]
        assert [reply.json()["answer"] for reply in answered] == ["far [1]"] * 2
        assert all("cache-status" not in reply.headers for reply in answered)
        assert len(llm.calls) == 2
        talk = [{"role": "user", "content": text} for text in ("The lamp?", "Where is it?")]
        for body in ({"question": QUESTION}, {"messages": talk}):
            alone = [await service.query(**body, answer=False) for _ in range(2)]
            assert [reply.json()["answer"] for reply in alone] == [None, None]
            assert alone[0].json()["sources"] == answered[0].json()["sources"]
            assert alone[0].headers["cache-status"] == "citewell; fwd=miss; stored"
            assert alone[1].headers["cache-status"] == "citewell; hit; detail=process"
        assert len(llm.calls) == 2


async def test_the_description_knows_the_cache(service: Served) -> None:
    """The field of the request, and the header; the reply is still described by its type."""
    document = (await service.client.get("/schema/openapi.json")).json()
    operation = document["paths"]["/api/v1/query"]["post"]
    assert "cache" in operation["requestBody"]["content"]["application/json"]["schema"]["properties"]
    reply = operation["responses"]["200"]
    assert "Cache-Status" in reply["headers"]
    assert reply["content"]["application/json"]["schema"] == {"$ref": "#/components/schemas/QueryReply"}
