"""Every Embedder keeps the contract."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence

import pytest
from tests.openai_stub import OpenAIStub

from citewell.model import EmbeddingSpace
from citewell.ports import Embedder
from citewell.testing.embedder import TEXTS, EmbedderContract, RemoteEmbedderContract
from citewell.testing.scripted import ScriptedEmbedder
from citewell_adapters.local import LocalEmbedder
from citewell_adapters.mock import MockEmbedder
from citewell_adapters.openai import Endpoint, OpenAIEmbedder, RetryPolicy

DIMENSIONS = 48


class LetterEmbedder:
    """An embedder of one's own."""

    space = EmbeddingSpace("letters", 27)
    max_tokens = 10_000

    def count_tokens(self, text: str) -> int:
        return len(text)

    async def embed(self, texts: Sequence[str], *, role: str) -> list[list[float]]:
        counts = [[text.lower().count(chr(97 + i)) for i in range(26)] + [1] for text in texts]
        return [[c / sum(x * x for x in row) ** 0.5 for c in row] for row in counts]


class TestLetterEmbedder(EmbedderContract):
    @pytest.fixture
    def embedder(self) -> Embedder:
        return LetterEmbedder()


class TestScriptedEmbedder(EmbedderContract):
    @pytest.fixture
    def embedder(self) -> Embedder:
        return ScriptedEmbedder({TEXTS[0]: [1.0] * 8})


class TestMockEmbedder(EmbedderContract):
    @pytest.fixture(params=[1, 7, 384, 1536, 4000])
    def embedder(self, request: pytest.FixtureRequest) -> Embedder:
        return MockEmbedder(dimensions=request.param)

    async def test_a_text_of_max_tokens_is_embedded_whole(self, embedder: Embedder) -> None:
        """In one dimension there are two vectors only, so the last word may make no difference."""
        if embedder.space.dimensions > 1:
            await super().test_a_text_of_max_tokens_is_embedded_whole(embedder)


@pytest.fixture(scope="module")
async def packaged_model() -> AsyncIterator[LocalEmbedder]:
    async with LocalEmbedder() as embedder:
        yield embedder


class TestLocalEmbedder(EmbedderContract):
    @pytest.fixture
    def embedder(self, packaged_model: LocalEmbedder) -> Embedder:
        return packaged_model

    async def test_no_vector_depends_on_its_neighbours(self, embedder: Embedder) -> None:
        """Each text is run alone, so equal texts get the very same vectors."""
        together = await embedder.embed([*TEXTS, *TEXTS], role="passage")
        alone = [(await embedder.embed([text], role="passage"))[0] for text in TEXTS]
        assert list(together) == alone * 2


@pytest.fixture
async def stub() -> AsyncIterator[OpenAIStub]:
    async with OpenAIStub(dimensions=DIMENSIONS) as stub:
        yield stub


class TestOpenAIEmbedder(RemoteEmbedderContract):
    """Against a server on this machine that speaks the protocol."""

    @pytest.fixture(params=["base64", "float"])
    async def embedder(self, stub: OpenAIStub, request: pytest.FixtureRequest) -> AsyncIterator[Embedder]:
        stub.only_floats = request.param == "float"
        async with self.connected(stub) as embedder:
            yield embedder

    @pytest.fixture
    async def unavailable_embedder(self, stub: OpenAIStub) -> AsyncIterator[Embedder]:
        stub.always(status=503)
        async with self.connected(stub) as embedder:
            yield embedder

    @pytest.fixture
    async def rejecting_embedder(self, stub: OpenAIStub) -> AsyncIterator[Embedder]:
        stub.always(status=401)
        async with self.connected(stub) as embedder:
            yield embedder

    @pytest.fixture
    async def mismatched_embedder(self, stub: OpenAIStub) -> AsyncIterator[Embedder]:
        async with self.connected(stub, dimensions=DIMENSIONS + 1) as embedder:
            yield embedder

    def connected(self, stub: OpenAIStub, *, dimensions: int = DIMENSIONS) -> OpenAIEmbedder:
        endpoint = Endpoint(base_url=stub.base_url, retry=RetryPolicy(first_wait_seconds=0.01))
        return OpenAIEmbedder(endpoint, model="stub", dimensions=dimensions, batch_texts=8)

    async def test_many_calls_at_once_all_come_back(self, embedder: Embedder) -> None:
        """Calls may overlap, more of them than the endpoint is asked at once."""
        calls = [
            embedder.embed([f"{text} {number}" for text in TEXTS], role="passage") for number in range(20)
        ]
        assert [len(vectors) for vectors in await asyncio.gather(*calls)] == [len(TEXTS)] * 20
