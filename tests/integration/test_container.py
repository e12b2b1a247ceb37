"""The wiring resolves, whatever the settings."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager, AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
from dependency_injector import providers
from pydantic import SecretStr
from tests.conftest import MigratedDatabase

from citewell_entrypoints import builders
from citewell_entrypoints.container import Container, HttpContainer, WorkerContainer
from citewell_entrypoints.lifespan import open_resources
from citewell_entrypoints.settings import Settings, SettingsError


def settings(tmp_path: Path, **values: Any) -> Settings:
    urls = {
        "database_url": SecretStr("postgresql://nobody@127.0.0.1:1/none"),
        "redis_url": SecretStr("redis://127.0.0.1:1/0"),
    }
    return Settings(_env_file=None, data_dir=tmp_path, **{**urls, **values})  # type: ignore[call-arg]


@pytest.mark.parametrize("kind", [HttpContainer, WorkerContainer])
@pytest.mark.parametrize("llm", ["disabled", "openai"])
@pytest.mark.parametrize(
    ("embedder", "reranker"), [("mock", "heuristic"), ("local", "fastembed"), ("openai", "http")]
)
async def test_every_provider_resolves(
    tmp_path: Path, kind: type[Container], embedder: str, reranker: str, llm: str
) -> None:
    """Each provider of each container gives its object under every choice of adapters; no model is None."""
    chosen = settings(
        tmp_path,
        embeddings_backend=embedder,
        llm_backend=llm,
        openai_api_key=SecretStr("sk-test"),
        rerank_backend=reranker,
        rerank_model="model",
        rerank_url="http://127.0.0.1:1/v1",
    )
    container = kind(settings=providers.Object(chosen))
    for name, provider in container.providers.items():
        assert (provider() is None) == (name == "llm" and llm == "disabled"), name
    container.broker().close()
    async with AsyncExitStack() as stack:
        opened = builders.settings_embedder(chosen)
        if isinstance(opened, AbstractAsyncContextManager):
            await stack.enter_async_context(opened)
        assert builders.settings_chunker(chosen, opened).split("Two words.")


async def test_without_a_reranker_there_is_no_stage(tmp_path: Path) -> None:
    """`none` leaves the order as it is."""
    container = HttpContainer(settings=providers.Object(settings(tmp_path, rerank_backend="none")))
    assert container.rerank_stage() is None


@pytest.mark.parametrize(
    ("values", "name"),
    [
        ({"rerank_backend": "fastembed"}, "APP_RERANK_MODEL"),
        ({"rerank_backend": "http", "rerank_model": "m"}, "APP_RERANK_URL"),
        ({"rerank_backend": "http", "rerank_url": "http://127.0.0.1:1/v1"}, "APP_RERANK_MODEL"),
    ],
)
async def test_what_a_reranker_needs_is_named(tmp_path: Path, values: dict[str, str], name: str) -> None:
    """One clear line at the start, not an error at the first question."""
    container = HttpContainer(settings=providers.Object(settings(tmp_path, **values)))
    with pytest.raises(SettingsError, match=name):
        container.reranker()


@pytest.mark.parametrize(
    ("sizes", "advice"),
    [
        ({"chunk_tokens": 513}, "set 409 or less"),
        ({"chunk_overlap_tokens": 101}, "set 100 or less"),
        ({"chunk_tokens": 50, "chunk_overlap_tokens": 26}, "set 25 or less"),
    ],
)
async def test_chunks_that_the_embedder_cannot_read_stop_the_start(
    migrated_database: MigratedDatabase, tmp_path: Path, sizes: dict[str, int], advice: str
) -> None:
    """The API, too, though it cuts nothing; the line says what fits."""
    url = SecretStr(await migrated_database())
    chosen = settings(tmp_path, embeddings_backend="mock", database_url=url, **sizes)
    with pytest.raises(SettingsError, match=f"APP_CHUNK_TOKENS.*{advice}"):
        async with open_resources(HttpContainer(settings=providers.Object(chosen))):
            pass


async def test_a_use_case_is_made_once(tmp_path: Path) -> None:
    """One pool, one model, one of each use case in a process."""
    container = HttpContainer(settings=providers.Object(settings(tmp_path, embeddings_backend="mock")))
    assert container.answer_question() is container.answer_question()
    assert container.documents() is container.documents()
    container.broker().close()


async def test_an_engine_without_a_url_is_named(tmp_path: Path) -> None:
    """One clear line, not an assertion."""
    container = HttpContainer(settings=providers.Object(settings(tmp_path, database_url=None)))
    with pytest.raises(SettingsError, match="APP_DATABASE_URL"):
        container.database()
