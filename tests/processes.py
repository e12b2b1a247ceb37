"""An API and a worker on one database, called in the test's own loop."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dependency_injector import providers
from pydantic import SecretStr
from tests.fakes import RecordingQueue

from citewell.model import Document, DocumentId, Hit, JobId, Mode, Scope, SearchOptions, Status, Submission
from citewell_entrypoints.container import HttpContainer, WorkerContainer
from citewell_entrypoints.lifespan import open_resources
from citewell_entrypoints.settings import Settings

__all__ = ["Process", "process", "settings_on"]


def settings_on(url: str, folder: Path, **values: Any) -> Settings:
    """Settings for the mock embedder on a database, apart from the environment."""
    given = {
        "data_dir": folder,
        "embeddings_backend": "mock",
        "embeddings_dim": 64,
        "chunk_tokens": 16,
        "chunk_overlap_tokens": 0,
        "database_url": SecretStr(url),
        "redis_url": SecretStr("redis://127.0.0.1:1/0"),
        **values,
    }
    return Settings(_env_file=None, **given)  # type: ignore[call-arg]


@dataclass(frozen=True)
class Process:
    """What an API and a worker do, each with its own connections and its own idea of the space."""

    api: HttpContainer
    worker: WorkerContainer

    async def submit(
        self, text: str, *, name: str = "", document_id: DocumentId | None = None
    ) -> tuple[Document, JobId]:
        """A document that is uploaded and waits. Without a name it gets one that says nothing."""
        receive = self.api.receive_content()
        content = await receive(_pieces(text.encode()), name=name or "a.txt")
        submitted = await self.api.submit_document()(
            content,
            Submission(
                name=name or f"{hashlib.sha256(text.encode()).hexdigest()}.txt",
                collection="default",
                media_type=content.media_type,
                sha256=content.blob.sha256,
                size_bytes=content.blob.size_bytes,
                document_id=document_id,
            ),
        )
        assert submitted.job_id is not None
        return submitted.document, submitted.job_id

    async def add(self, text: str, *, name: str = "", document_id: DocumentId | None = None) -> DocumentId:
        """A document that is uploaded and ingested."""
        document, job_id = await self.submit(text, name=name, document_id=document_id)
        await self.worker.steady_ingest()(job_id)
        found = await self.api.documents().get(document.id)
        assert found.status is Status.READY, found
        return document.id

    async def delete(self, document_id: DocumentId) -> None:
        """A document and all it had."""
        await self.api.delete_document()(document_id)

    async def search(self, question: str, *, mode: Mode = Mode.DENSE, top_k: int = 5) -> Sequence[Hit]:
        """What a question finds."""
        answer = await self.api.answer_question()(
            question, scope=Scope(), top_k=top_k, options=SearchOptions(mode=mode)
        )
        return answer.hits

    async def index(self) -> None:
        """Put all that waits into the index."""
        while await self.worker.vectors().index(limit=100):
            pass

    @property
    def dimensions(self) -> int:
        """Of the space that the API serves."""
        return self.api.embedder().space.dimensions


@asynccontextmanager
async def process(settings: Settings) -> AsyncIterator[Process]:
    """An API and a worker with these settings, opened."""
    queue = providers.Object(RecordingQueue())
    api = HttpContainer(settings=providers.Object(settings), queue=queue)
    worker = WorkerContainer(settings=providers.Object(settings), queue=queue)
    async with open_resources(api), open_resources(worker):
        yield Process(api, worker)


async def _pieces(content: bytes) -> AsyncIterator[bytes]:
    yield content
