"""The API when more comes than it can do."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from pathlib import Path

from tests.fakes import WordEmbedder
from tests.house import House
from tests.http_app import API, served, settings

from citewell.model import Delta, Message
from citewell.ports import EmbeddingRole
from citewell_entrypoints.http.shedding import RequestClass, gates_of

TEXT = b"The lamp is seen far."


class HeldEmbedder(WordEmbedder):
    """Embeds a question once it may."""

    def __init__(self) -> None:
        super().__init__()
        self.may_go_on = asyncio.Event()
        self.is_asked = asyncio.Event()

    async def embed(self, texts: Sequence[str], *, role: EmbeddingRole) -> Sequence[list[float]]:
        if role == "question":
            self.is_asked.set()
            await self.may_go_on.wait()
        return await super().embed(texts, role=role)


class HeldLLM:
    """Writes once it may."""

    def __init__(self) -> None:
        self.may_go_on = asyncio.Event()
        self.writers = asyncio.Queue[None]()

    async def generate(self, messages: Sequence[Message], *, max_tokens: int) -> AsyncGenerator[Delta, None]:
        self.writers.put_nowait(None)
        await self.may_go_on.wait()
        yield Delta("[1]")


async def test_a_question_too_many_is_refused_while_all_else_goes_on(tmp_path: Path) -> None:
    """503 with Retry-After and a line in the metrics; health checks, reads and uploads do not notice."""
    embedder = HeldEmbedder()
    house = House(tmp_path, embedder=embedder)
    async with served(tmp_path, house=house, query_concurrency=1, waiting_factor=0) as service:
        await service.ingested(TEXT)
        first = asyncio.create_task(service.query(question="lamp"))
        await asyncio.wait_for(embedder.is_asked.wait(), 10)
        refused = await service.query(question="lamp")
        assert (refused.status_code, refused.headers["retry-after"]) == (503, "2")
        assert refused.json()["type"] == "urn:citewell:problem:overloaded"
        assert (await service.client.get("/livez")).status_code == 200
        assert (await service.client.get("/readyz")).status_code == 200
        assert (await service.client.get(f"{API}/documents")).status_code == 200
        assert (await service.upload(b"Another text.")).status_code == 202
        metrics = (await service.client.get("/metrics")).text
        assert 'citewell_http_requests_running{class="queries"} 1.0' in metrics
        assert 'citewell_http_requests_shed_total{class="queries"} 1.0' in metrics
        assert 'route="/api/v1/query",status="503"} 1.0' in metrics
        embedder.may_go_on.set()
        assert (await first).json()["sources"][0]["text"] == TEXT.decode()
        assert (await service.query(question="lamp")).status_code == 200


async def test_while_a_model_writes_others_are_searched_for(tmp_path: Path) -> None:
    """What a language model takes is not what is scarce."""
    llm = HeldLLM()
    async with served(tmp_path, llm=llm, query_concurrency=1, waiting_factor=0) as service:
        await service.ingested(TEXT)
        asked = []
        for _ in range(3):
            asked.append(asyncio.create_task(service.query(question="lamp", cache=False)))
            await asyncio.wait_for(llm.writers.get(), 10)
        llm.may_go_on.set()
        assert [reply.json()["answer"] for reply in await asyncio.gather(*asked)] == ["[1]"] * 3


async def test_places_follow_from_the_pool_unless_they_are_set(tmp_path: Path) -> None:
    """Four questions for a connection, two of all else; what is set wins."""
    usual = gates_of(settings(tmp_path, database_pool_size=1, waiting_factor=0))
    for name, places in ((RequestClass.QUERIES, 4), (RequestClass.UPLOADS, 2), (RequestClass.OTHERS, 2)):
        for _ in range(places):
            assert not usual[name].is_full
            await usual[name].enter()
        assert usual[name].is_full
    given = gates_of(settings(tmp_path, upload_concurrency=1, waiting_factor=0))[RequestClass.UPLOADS]
    await given.enter()
    assert given.is_full
