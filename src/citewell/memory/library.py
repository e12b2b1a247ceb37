"""Everything in memory behind one object: for notebooks, scripts and first tries."""

from __future__ import annotations

import tempfile
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from citewell.chunking import ChunkSizes, SentenceChunker
from citewell.filtering import Filter
from citewell.lexical import WordEncoder
from citewell.memory.blobs import MemoryBlobStore
from citewell.memory.board import MemoryJobBoard
from citewell.memory.contents import MemoryContentLedger
from citewell.memory.documents import MemoryDocumentStore
from citewell.memory.jobs import MemoryJobStore
from citewell.memory.pages import MemoryPageStore
from citewell.memory.passages import MemoryPassageStore
from citewell.memory.queue import MemoryJobQueue
from citewell.memory.state import MemoryDatabase
from citewell.memory.vectors import MemoryVectorStore
from citewell.model import (
    DEFAULT_COLLECTION,
    Answer,
    AnswerBudget,
    AnswerCitation,
    Document,
    DocumentId,
    Hit,
    JobId,
    Quotation,
    QuotationCheck,
    Scope,
    SearchOptions,
    Submission,
)
from citewell.ports import LLM, Embedder, LexicalEncoder, Parser, Reranker
from citewell.ranking import HeuristicReranker
from citewell.usecases import (
    AnswerQuestion,
    CollectContents,
    DeleteDocument,
    IngestDocument,
    IngestPolicy,
    LexicalLeg,
    ReceiveContent,
    RerankStage,
    Search,
    StageRevision,
    SubmitDocument,
    VerifyCitations,
)

__all__ = ["MemoryLibrary"]

_MAX_BYTES = 1 << 30
_MAX_ANSWER_TOKENS = 800
#: A model on one's own machine takes its time.
_ANSWER_SECONDS = 120.0
_USUAL = SearchOptions()
_USUAL_BUDGET = AnswerBudget()


class MemoryLibrary:
    """The same use cases as the service, over the in-memory adapters; adding waits until it is searchable.

    The embedder and the parser are used as they are: open them before, close them after. encoder: how texts
    become words; by default without stemming. reranker: what judges the first hits once more; by default how
    the question's words stand in them. llm: what writes answers, used as it is, too. context_tokens: what it
    can take, question and answer included.
    """

    def __init__(
        self,
        *,
        embedder: Embedder,
        parser: Parser,
        encoder: LexicalEncoder | None = None,
        reranker: Reranker | None = None,
        llm: LLM | None = None,
        context_tokens: int = 8_192,
    ) -> None:
        encoder = encoder or WordEncoder()
        database, blobs, policy = MemoryDatabase(), MemoryBlobStore(), IngestPolicy()
        documents, jobs = MemoryDocumentStore(database), MemoryJobStore(database)
        pages, vectors = MemoryPageStore(database), MemoryVectorStore(database, embedder.space)
        ledger = MemoryContentLedger(database)
        self._documents = documents
        self._queue = MemoryJobQueue(self._handle)
        sizes = ChunkSizes.within(embedder.max_tokens)
        self._ingest = IngestDocument(
            stage_revision=StageRevision(
                jobs=jobs,
                pages=pages,
                vectors=vectors,
                blobs=blobs,
                parser=parser,
                chunker=SentenceChunker(
                    max_tokens=sizes.max_tokens,
                    overlap_tokens=sizes.overlap_tokens,
                    count_tokens=embedder.count_tokens,
                ),
                embedder=embedder,
                encoder=encoder,
                unit_of_work=database.unit_of_work,
                scratch=Path(tempfile.gettempdir()),
                lease_seconds=policy.lease_seconds,
            ),
            jobs=jobs,
            board=MemoryJobBoard(database),
            pages=pages,
            vectors=vectors,
            queue=self._queue,
            unit_of_work=database.unit_of_work,
            policy=policy,
        )
        self._receive = ReceiveContent(blobs=blobs, parser=parser, max_bytes=_MAX_BYTES)
        self._submit = SubmitDocument(
            documents=documents,
            ledger=ledger,
            pages=pages,
            vectors=vectors,
            blobs=blobs,
            queue=self._queue,
            unit_of_work=database.unit_of_work,
        )
        self._delete = DeleteDocument(
            documents=documents,
            vectors=vectors,
            collect_contents=CollectContents(ledger=ledger, blobs=blobs, unit_of_work=database.unit_of_work),
            unit_of_work=database.unit_of_work,
        )
        self._search = Search(
            embedder=embedder,
            vectors=vectors,
            documents=documents,
            lexical=LexicalLeg(vectors, encoder),
            rerank=RerankStage(reranker or HeuristicReranker(encoder)),
            passages=MemoryPassageStore(database),
        )
        self._answer = AnswerQuestion(
            search=self._search,
            llm=llm,
            max_tokens=_MAX_ANSWER_TOKENS,
            timeout_seconds=_ANSWER_SECONDS,
            context_tokens=context_tokens,
        )
        self._verify = VerifyCitations(documents=documents, pages=pages)

    async def add(
        self,
        content: str | bytes,
        *,
        name: str,
        collection: str = DEFAULT_COLLECTION,
        metadata: Mapping[str, Any] | None = None,
    ) -> Document:
        """Ingest a text or a file's bytes; the document, READY or FAILED. Raises UnsupportedMediaType."""
        data = content.encode() if isinstance(content, str) else content
        received = await self._receive(_stream(data), name=name)
        submitted = await self._submit(
            received,
            Submission(
                name=name,
                collection=collection,
                media_type=received.media_type,
                sha256=received.blob.sha256,
                size_bytes=received.blob.size_bytes,
                metadata=metadata or {},
            ),
        )
        await self._queue.idle()
        return await self._documents.get(submitted.document.id)

    async def search(
        self,
        question: str,
        *,
        top_k: int = 5,
        collection: str | None = None,
        document_ids: Sequence[DocumentId] | None = None,
        filter: Filter | None = None,  # noqa: A002 - as in Scope
        options: SearchOptions = _USUAL,
    ) -> tuple[Hit, ...]:
        """The best chunks, best first; of all collections and documents unless some are named.

        filter: over the metadata, as `citewell.filtering.parse_filter` makes one.
        """
        scope = _scope(collection, document_ids, filter)
        found = await self._search(question, scope=scope, top_k=top_k, options=options)
        return found.hits

    async def answer(
        self,
        question: str,
        *,
        top_k: int = 5,
        collection: str | None = None,
        document_ids: Sequence[DocumentId] | None = None,
        filter: Filter | None = None,  # noqa: A002 - as in Scope
        options: SearchOptions = _USUAL,
        budget: AnswerBudget = _USUAL_BUDGET,
    ) -> Answer:
        """What `search` finds, and the model's text with its citations.

        Without a model, and if it fails, the text is None; `degraded` names what failed.
        """
        scope = _scope(collection, document_ids, filter)
        return await self._answer(question, scope=scope, top_k=top_k, options=options, budget=budget)

    async def verify_citations(
        self, citations: Sequence[AnswerCitation | Quotation]
    ) -> tuple[QuotationCheck, ...]:
        """Of each whether its quote is, to the letter, the stored text at its span, in their order.

        Raises InvalidInput for more than 100.
        """
        return await self._verify(
            [Quotation(each.document_id, each.sha256, each.span, each.quote) for each in citations]
        )

    async def delete(self, document_id: DocumentId) -> None:
        """Forget a document. Raises DocumentNotFound."""
        await self._delete(document_id)

    async def _handle(self, job_id: JobId) -> None:
        await self._ingest(job_id)


def _scope(
    collection: str | None, document_ids: Sequence[DocumentId] | None, condition: Filter | None
) -> Scope:
    return Scope(collection, None if document_ids is None else tuple(document_ids), condition)


async def _stream(data: bytes) -> AsyncIterator[bytes]:
    yield data
