"""The API and a worker on real engines and endpoints, each of them behind a proxy that fails on order."""

from __future__ import annotations

import itertools
import json
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, cast

import httpx
import pytest
from dependency_injector import providers
from pydantic import SecretStr
from tests.faulty_proxy import HTTP_ERRORS, POSTGRES_ERRORS, VALKEY_ERRORS, FaultyProxy
from tests.http_app import API, opened
from tests.openai_stub import OpenAIStub
from tests.s3_stub import S3Stub

from citewell.breaker import Breaker
from citewell_adapters.dramatiq import DramatiqConsumer
from citewell_adapters.obstore import ObjectBlobStore
from citewell_adapters.pgvector import PgDatabase
from citewell_adapters.redis import RedisCache
from citewell_entrypoints import builders
from citewell_entrypoints.chores import Chore, doing
from citewell_entrypoints.container import HttpContainer, WorkerContainer
from citewell_entrypoints.http import create_app
from citewell_entrypoints.lifespan import open_resources
from citewell_entrypoints.settings import Settings

__all__ = ["ENDPOINT_SECONDS", "PROBE_SECONDS", "FaultyService", "Timed", "faulty_service"]

#: Longest wait for each of embedder, reranker and language model.
ENDPOINT_SECONDS: Final = 0.4
#: How long one that failed several times is left alone.
PROBE_SECONDS: Final = 0.3
_STATEMENT_SECONDS: Final = 0.5
_SILENCE_SECONDS: Final = 0.2
_BLOB_SECONDS: Final = 0.9
#: A job that nobody took is announced again after so long.
_GRACE_SECONDS: Final = 0.5


@dataclass(frozen=True, slots=True)
class Timed:
    """A reply, and how long it took."""

    reply: httpx.Response
    seconds: float

    @property
    def body(self) -> dict[str, Any]:
        body: dict[str, Any] = self.reply.json()
        return body

    @property
    def events(self) -> list[tuple[str, dict[str, Any]]]:
        """Of a stream, by their names."""
        pairs = (event.split("\ndata: ") for event in self.reply.text.split("\n\n") if "data: " in event)
        return [(name.removeprefix("event: "), json.loads(data)) for name, data in pairs]


@dataclass
class FaultyService:
    """An API with a model, one that keeps replies and has none, and what stands before each part, by name."""

    client: httpx.AsyncClient
    keeping: httpx.AsyncClient
    proxies: Mapping[str, FaultyProxy]
    #: Where documents are that were accepted while their workers could not hear of them.
    accepted: list[str] = field(default_factory=list)
    _numbers: itertools.count[int] = field(default_factory=itertools.count)

    async def ask(self, *, headers: Mapping[str, str] | None = None, **body: Any) -> Timed:
        """A question that nobody has asked before, so that nothing of its reply is known."""
        question = f"Who drinks tea in the house number {next(self._numbers)}?"
        return await self.send("POST", f"{API}/query", json={"question": question, **body}, headers=headers)

    async def ask_for_events(self) -> Timed:
        """The same, as a stream."""
        return await self.ask(headers={"Accept": "text/event-stream"})

    async def upload(self) -> Timed:
        """A document that nobody has sent before."""
        content = f"The ferry number {next(self._numbers)} leaves at dawn.".encode()
        return await self.send("POST", f"{API}/documents", files={"file": ("a.txt", content)})

    async def send(self, method: str, path: str, **request: Any) -> Timed:
        """A request."""
        began = time.monotonic()
        reply = await self.client.request(method, path, **request)
        return Timed(reply, time.monotonic() - began)


@asynccontextmanager
async def faulty_service(folder: Path, *, postgres: str, valkey: str) -> AsyncIterator[FaultyService]:
    """Opened, without a document; the database is migrated."""
    async with AsyncExitStack() as stack:
        # What it says cites what it reads, so that the answer holds.
        stub = await stack.enter_async_context(OpenAIStub(pieces=("He does ", "[1].")))
        bucket = await stack.enter_async_context(S3Stub())
        proxies = {
            name: await stack.enter_async_context(FaultyProxy(url, errors=errors))
            for name, url, errors in (
                ("embedder", stub.base_url, HTTP_ERRORS),
                ("llm", stub.base_url, HTTP_ERRORS),
                ("reranker", stub.base_url, HTTP_ERRORS),
                ("blobs", bucket.environment["AWS_ENDPOINT"], HTTP_ERRORS),
                ("queue", valkey, VALKEY_ERRORS),
                ("cache", valkey, VALKEY_ERRORS),
                ("database", postgres, POSTGRES_ERRORS),
            )
        }
        environment = stack.enter_context(pytest.MonkeyPatch.context())
        for name, value in {**bucket.environment, "AWS_ENDPOINT": proxies["blobs"].url}.items():
            environment.setenv(name, value)
        settings = _settings(folder, proxies)
        client = await stack.enter_async_context(_api(_container(settings, proxies)))
        # Of replies with answers none is kept; and the process is to keep none, so that Valkey is asked.
        without = settings.model_copy(update={"llm_backend": "disabled", "cache_bytes": 0})
        keeping = await stack.enter_async_context(_api(_container(without, proxies)))
        own = settings.model_copy(
            update={"database_url": SecretStr(postgres), "openai_base_url": stub.base_url}
        )
        await stack.enter_async_context(_working(own))
        yield FaultyService(client, keeping, proxies)


def _settings(folder: Path, proxies: Mapping[str, FaultyProxy]) -> Settings:
    given: dict[str, Any] = {
        "data_dir": folder,
        "recall_sample": 0.0,
        "database_url": SecretStr(proxies["database"].url),
        "redis_url": SecretStr(proxies["queue"].url),
        "blob_url": SecretStr("s3://bucket/citewell"),
        "embeddings_backend": "openai",
        "embeddings_model": "stub",
        "embeddings_dim": 32,
        "openai_base_url": proxies["embedder"].url,
        "embeddings_question_timeout_seconds": ENDPOINT_SECONDS,
        "endpoint_probe_seconds": PROBE_SECONDS,
        "llm_backend": "openai",
        "llm_timeout_seconds": ENDPOINT_SECONDS,
        "rerank_backend": "http",
        "rerank_url": proxies["reranker"].url,
        "rerank_model": "stub",
        "rerank_timeout_seconds": ENDPOINT_SECONDS,
    }
    return Settings(_env_file=None, **given)  # type: ignore[call-arg]


def _container(settings: Settings, proxies: Mapping[str, FaultyProxy]) -> HttpContainer:
    """As it is wired, but that embedder and model, and queue and cache, are behind proxies of their own."""
    llm = settings.model_copy(update={"openai_base_url": proxies["llm"].url})
    assert settings.blob_url is not None
    container = HttpContainer(
        settings=providers.Object(settings),
        database=providers.Singleton(_database, proxies["database"].url),
        blobs=providers.Singleton(
            ObjectBlobStore, settings.blob_url.get_secret_value(), timeout_seconds=_BLOB_SECONDS
        ),
        shared_cache=providers.Singleton(_cache, proxies["cache"].url),
    )
    if settings.llm_backend == "openai":
        container.llm.override(
            providers.Singleton(builders.openai_llm, providers.Object(llm), container.endpoints)
        )
    return container


def _cache(url: str) -> RedisCache:
    return RedisCache(url, breaker=Breaker(probe_seconds=PROBE_SECONDS))


def _database(url: str) -> PgDatabase:
    return PgDatabase(
        url,
        max_size=6,
        connect_timeout_seconds=1,
        statement_timeout_seconds=_STATEMENT_SECONDS,
        silence_seconds=_SILENCE_SECONDS,
    )


@asynccontextmanager
async def _api(container: HttpContainer) -> AsyncIterator[httpx.AsyncClient]:
    app = create_app(container)
    transport = httpx.ASGITransport(cast("Any", app))
    async with (
        opened(app),
        httpx.AsyncClient(transport=transport, base_url="http://test", timeout=60.0) as client,
    ):
        yield client


@asynccontextmanager
async def _working(settings: Settings) -> AsyncIterator[None]:
    """A worker that hears of jobs through the queue, and looks for those that nobody was told of."""
    container = WorkerContainer(settings=providers.Object(settings))
    async with open_resources(container):
        announce = container.announce_due_jobs()
        chore = Chore("announcing", lambda: announce(grace_seconds=_GRACE_SECONDS), 0.2)
        consumer = DramatiqConsumer(
            container.broker(), container.steady_ingest(), concurrency=2, stop_seconds=1.0
        )
        async with consumer, doing([chore]):
            yield
