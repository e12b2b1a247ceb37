"""The use cases over in-memory adapters, with every part at hand."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from tests.fakes import FormFeedParser, RecordingQueue, WordEmbedder

from citewell.chunking import SentenceChunker
from citewell.lexical import WordEncoder
from citewell.memory import (
    MemoryBlobStore,
    MemoryContentLedger,
    MemoryDatabase,
    MemoryDocumentStore,
    MemoryImageCache,
    MemoryJobBoard,
    MemoryJobStore,
    MemoryPageStore,
    MemoryPassageStore,
    MemoryVectorStore,
    SheetRenderer,
)
from citewell.model import Document, DocumentId, Hit, JobId, Mode, Scope, SearchOptions, Submission, Submitted
from citewell.ports import PageRenderer
from citewell.testing.stores import CONTRACT_SPACE, Stores
from citewell.usecases import (
    CancelDocument,
    CollectContents,
    DeleteDocument,
    DrawPage,
    IngestDocument,
    IngestPolicy,
    LexicalLeg,
    ReceiveContent,
    RetryDocument,
    Search,
    StageRevision,
    SubmitDocument,
)

__all__ = ["House", "ManualClock", "memory_stores"]


class ManualClock:
    """A clock that goes when told."""

    def __init__(self) -> None:
        self.now = datetime(2026, 1, 1, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def advance(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


@dataclass
class House:
    """One of everything; replace a part before the first call."""

    scratch: Path
    clock: ManualClock = field(default_factory=ManualClock)
    parser: FormFeedParser = field(default_factory=FormFeedParser)
    embedder: WordEmbedder = field(default_factory=WordEmbedder)
    queue: RecordingQueue = field(default_factory=RecordingQueue)
    policy: IngestPolicy = field(default_factory=lambda: IngestPolicy(max_attempts=3))
    max_bytes: int = 1 << 20
    encoder: WordEncoder = field(default_factory=WordEncoder)

    def __post_init__(self) -> None:
        self.database = MemoryDatabase(clock=self.clock)
        self.documents = MemoryDocumentStore(self.database)
        self.jobs = MemoryJobStore(self.database)
        self.board = MemoryJobBoard(self.database)
        self.ledger = MemoryContentLedger(self.database)
        self.pages = MemoryPageStore(self.database)
        self.passages = MemoryPassageStore(self.database)
        self.vectors = MemoryVectorStore(self.database, self.embedder.space)
        self.blobs = MemoryBlobStore()
        self.images = MemoryImageCache()
        self.renderer: PageRenderer = SheetRenderer()

    @property
    def ingest(self) -> IngestDocument:
        return IngestDocument(
            stage_revision=StageRevision(
                jobs=self.jobs,
                pages=self.pages,
                vectors=self.vectors,
                blobs=self.blobs,
                parser=self.parser,
                chunker=SentenceChunker(
                    max_tokens=12, overlap_tokens=3, count_tokens=self.embedder.count_tokens
                ),
                embedder=self.embedder,
                encoder=self.encoder,
                unit_of_work=self.database.unit_of_work,
                scratch=self.scratch,
                lease_seconds=self.policy.lease_seconds,
                batch_chunks=4,
            ),
            jobs=self.jobs,
            board=self.board,
            pages=self.pages,
            vectors=self.vectors,
            queue=self.queue,
            unit_of_work=self.database.unit_of_work,
            policy=self.policy,
        )

    @property
    def delete(self) -> DeleteDocument:
        return DeleteDocument(
            documents=self.documents,
            vectors=self.vectors,
            collect_contents=self.collect_contents,
            unit_of_work=self.database.unit_of_work,
        )

    @property
    def collect_contents(self) -> CollectContents:
        return CollectContents(
            ledger=self.ledger,
            blobs=self.blobs,
            unit_of_work=self.database.unit_of_work,
            images=self.images,
        )

    @property
    def draw_page(self) -> DrawPage:
        return DrawPage(
            documents=self.documents,
            pages=self.pages,
            passages=self.passages,
            blobs=self.blobs,
            ledger=self.ledger,
            renderer=self.renderer,
            images=self.images,
            scratch=self.scratch,
        )

    @property
    def cancel(self) -> CancelDocument:
        return CancelDocument(
            documents=self.documents,
            board=self.board,
            pages=self.pages,
            vectors=self.vectors,
            unit_of_work=self.database.unit_of_work,
        )

    @property
    def retry(self) -> RetryDocument:
        return RetryDocument(
            documents=self.documents,
            board=self.board,
            queue=self.queue,
            unit_of_work=self.database.unit_of_work,
        )

    async def upload(
        self,
        content: bytes,
        *,
        name: str = "a.txt",
        collection: str | None = "default",
        document_id: DocumentId | None = None,
        **submission: Any,
    ) -> Submitted:
        """Receive and submit."""
        receive = ReceiveContent(blobs=self.blobs, parser=self.parser, max_bytes=self.max_bytes)
        received = await receive(_stream(content), name=name)
        submit = SubmitDocument(
            documents=self.documents,
            ledger=self.ledger,
            pages=self.pages,
            vectors=self.vectors,
            blobs=self.blobs,
            queue=self.queue,
            unit_of_work=self.database.unit_of_work,
        )
        return await submit(
            received,
            Submission(
                name=name,
                collection=collection,
                media_type=received.media_type,
                sha256=received.blob.sha256,
                size_bytes=received.blob.size_bytes,
                document_id=document_id,
                **submission,
            ),
        )

    async def uploaded_job(self, content: bytes) -> tuple[Document, JobId]:
        """A document that is new, and its job."""
        submitted = await self.upload(content)
        assert submitted.job_id is not None
        return submitted.document, submitted.job_id

    async def search(self, question: str, *, scope: Scope | None = None, top_k: int = 5) -> Sequence[Hit]:
        """Search over all that is live, by the meaning alone."""
        found = await self.searching(
            question, scope=scope or Scope(), top_k=top_k, options=SearchOptions(mode=Mode.DENSE)
        )
        return found.hits

    @property
    def searching(self) -> Search:
        return Search(
            embedder=self.embedder,
            vectors=self.vectors,
            documents=self.documents,
            lexical=LexicalLeg(self.vectors, self.encoder),
            passages=self.passages,
        )


def memory_stores() -> Stores:
    """Empty stores in memory, as the contracts want them."""
    database = MemoryDatabase()
    return Stores(
        MemoryDocumentStore(database),
        MemoryJobStore(database),
        MemoryJobBoard(database),
        MemoryContentLedger(database),
        MemoryPageStore(database),
        MemoryVectorStore(database, CONTRACT_SPACE),
        database.unit_of_work,
    )


async def _stream(content: bytes) -> AsyncIterator[bytes]:
    for start in range(0, len(content), 1000):
        yield content[start : start + 1000]
