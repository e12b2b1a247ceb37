"""The API over in-memory adapters, called in the test's own loop."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import httpx
from dependency_injector import providers
from litestar import Litestar
from pydantic import SecretStr
from tests.house import House

from citewell.caching import MemoryCache
from citewell.memory import MemoryVersionStore
from citewell.testing.scripted import ScriptedLLM
from citewell_entrypoints.container import HttpContainer
from citewell_entrypoints.http import create_app
from citewell_entrypoints.http.streams import OpenStreams
from citewell_entrypoints.probes import Probe
from citewell_entrypoints.settings import Settings

__all__ = ["API", "BOUNDARY", "Served", "form", "http_scope", "opened", "part", "served", "settings"]

API = "/api/v1"
BOUNDARY = "test-boundary"


def settings(folder: Path, **values: Any) -> Settings:
    """Settings of engines that nobody calls, apart from the environment."""
    given = {
        "data_dir": folder,
        "embeddings_backend": "mock",
        # No test is to depend on chance.
        "recall_sample": 0.0,
        "database_url": SecretStr("postgresql://nobody@127.0.0.1:1/none"),
        "redis_url": SecretStr("redis://127.0.0.1:1/0"),
        **values,
    }
    return Settings(_env_file=None, **given)  # type: ignore[call-arg]


def part(name: str, content: bytes | str, *, filename: str | None = None) -> bytes:
    """One part of a form."""
    file = "" if filename is None else f'; filename="{filename}"'
    head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"{file}\r\n\r\n'
    return head.encode() + (content.encode() if isinstance(content, str) else content) + b"\r\n"


def form(*parts: bytes) -> bytes:
    """A form of these parts, in this order."""
    return b"".join(parts) + f"--{BOUNDARY}--\r\n".encode()


def http_scope(method: str, path: str, *headers: tuple[bytes, bytes]) -> dict[str, Any]:
    """What a server tells an application of a request, for tests that go without a client."""
    return {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "root_path": "",
        "query_string": b"",
        "headers": list(headers),
        "client": None,
        "server": None,
        "state": {},
    }


@dataclass
class Served:
    """A running application, a client that calls it, and what stands behind it."""

    app: Litestar
    client: httpx.AsyncClient
    house: House

    async def upload(
        self, content: bytes, *, name: str = "a.txt", headers: Mapping[str, str] | None = None, **fields: str
    ) -> httpx.Response:
        """POST a document."""
        return await self.client.post(
            f"{API}/documents", files={"file": (name, content)}, data=fields, headers=headers
        )

    async def put(
        self,
        document_id: object,
        content: bytes,
        *,
        name: str = "a.txt",
        headers: Mapping[str, str] | None = None,
        **fields: str,
    ) -> httpx.Response:
        """PUT a document under this id."""
        return await self.client.put(
            f"{API}/documents/{document_id}",
            files={"file": (name, content)},
            data=fields,
            headers=headers,
        )

    async def send_form(self, body: bytes | AsyncIterator[bytes], **headers: str) -> httpx.Response:
        """POST a form as it is written."""
        media_type = {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}
        return await self.client.post(f"{API}/documents", content=body, headers={**media_type, **headers})

    async def ingested(self, content: bytes, *, name: str = "a.txt", **fields: str) -> dict[str, Any]:
        """A document that was uploaded and ingested."""
        reply = await self.upload(content, name=name, headers=None, **fields)
        assert reply.status_code == 202, reply.text
        await self.ingest_all()
        document: dict[str, Any] = (await self.client.get(reply.headers["location"])).json()
        return document

    async def ingest_all(self) -> None:
        """Do what a worker would do about everything that was announced."""
        for job_id, _ in self.house.queue.announced:
            await self.house.ingest(job_id)
        self.house.queue.announced.clear()

    async def query(self, **body: Any) -> httpx.Response:
        """POST a question."""
        return await self.client.post(f"{API}/query", json=body)


@asynccontextmanager
async def served(
    folder: Path,
    *,
    house: House | None = None,
    probes: Mapping[str, Probe] | None = None,
    llm: object | None = None,
    own_llm: bool = False,
    blobs: object | None = None,
    streams: OpenStreams | None = None,
    max_upload_bytes: int = 1 << 20,
    **values: Any,
) -> AsyncIterator[Served]:
    """The application over in-memory adapters, opened; any of them can be given, and settings.

    own_llm: the language model that the settings name, instead of a scripted one.
    """
    house = house or House(folder)
    llms = {} if own_llm else {"llm": providers.Object(llm or ScriptedLLM())}
    container = HttpContainer(
        settings=providers.Object(settings(folder, max_upload_bytes=max_upload_bytes, **values)),
        database=providers.Object(house.database),
        documents=providers.Object(house.documents),
        jobs=providers.Object(house.jobs),
        board=providers.Object(house.board),
        ledger=providers.Object(house.ledger),
        pages=providers.Object(house.pages),
        passages=providers.Object(house.passages),
        vectors=providers.Object(house.vectors),
        encoder=providers.Object(house.encoder),
        blobs=providers.Object(blobs or house.blobs),
        parser=providers.Object(house.parser),
        renderer=providers.Object(house.renderer),
        images=providers.Object(house.images),
        embedder=providers.Object(house.embedder),
        queue=providers.Object(house.queue),
        **llms,
        probes=providers.Object(probes or {}),
        versions=providers.Object(MemoryVersionStore(house.database)),
        shared_cache=providers.Object(MemoryCache()),
    )
    app = create_app(container, streams=streams)
    transport = httpx.ASGITransport(cast("Any", app))
    async with opened(app), httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        yield Served(app, client, house)


@asynccontextmanager
async def opened(app: Litestar) -> AsyncIterator[None]:
    """The application's lifespan, begun and ended in one task: fixtures may be ended in another."""
    is_open, is_over = asyncio.Event(), asyncio.Event()

    async def live() -> None:
        async with app.lifespan():
            is_open.set()
            await is_over.wait()

    life = asyncio.create_task(live())
    opening = asyncio.create_task(is_open.wait())
    await asyncio.wait({life, opening}, return_when=asyncio.FIRST_COMPLETED)
    opening.cancel()
    try:
        if not life.done():
            yield
    finally:
        is_over.set()
        await life
