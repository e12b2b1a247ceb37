"""The only wiring: which adapter stands behind which port, and which ports make which use case.

Adapters are imported where they are built, so that a process pays only for those it uses.
"""

from __future__ import annotations

from collections.abc import Mapping

from dependency_injector import containers, providers

from citewell.caching import MemoryCache
from citewell.ports import (
    LLM,
    BlobStore,
    Cache,
    Chunker,
    ContentLedger,
    DocumentStore,
    Embedder,
    ImageCache,
    IndexedStore,
    JobBoard,
    JobQueue,
    JobStore,
    LexicalEncoder,
    LexicalStore,
    PageRenderer,
    PageStore,
    Parser,
    PassageStore,
    Reranker,
    UnitOfWork,
    VectorStore,
    VersionStore,
)
from citewell.usecases import (
    AdmitUpload,
    AnnounceDueJobs,
    AnswerQuestion,
    CacheReplies,
    CancelDocument,
    CheckRecall,
    CollectContents,
    DeleteDocument,
    DrawPage,
    EncodeChunks,
    ExpireUploads,
    FollowDocument,
    ForgetHistory,
    ForgetImages,
    GetDocument,
    IndexChunks,
    IngestDocument,
    IngestPolicy,
    LexicalLeg,
    ListDocuments,
    MakeStandalone,
    MeasureRecall,
    ReadChunks,
    ReadContent,
    ReadText,
    ReceiveContent,
    RerankStage,
    RetryDocument,
    Search,
    SearchDefaults,
    StageRevision,
    SubmitDocument,
    UnlockContent,
    VerifyCitations,
)
from citewell_entrypoints import builders
from citewell_entrypoints.endpoints import Endpoints
from citewell_entrypoints.gates import LettingGo
from citewell_entrypoints.joblog import mark_log_lines
from citewell_entrypoints.probes import Probe
from citewell_entrypoints.settings import Settings
from citewell_entrypoints.spaces import SteadyIngest, SteadySearch

__all__ = ["Container", "HttpContainer", "WorkerContainer"]


class Container(containers.DeclarativeContainer):
    """What API and worker share. Override a port's provider on an instance to swap its adapter."""

    settings: providers.Dependency[Settings] = providers.Dependency(instance_of=Settings)

    database = providers.Singleton(builders.database, settings)
    unit_of_work: providers.Provider[UnitOfWork] = database.provided.unit_of_work
    documents: providers.Provider[DocumentStore] = providers.Singleton(builders.documents, database)
    jobs: providers.Provider[JobStore] = providers.Singleton(builders.jobs, database)
    board: providers.Provider[JobBoard] = providers.Singleton(builders.board, database)
    ledger: providers.Provider[ContentLedger] = providers.Singleton(builders.ledger, database)
    pages: providers.Provider[PageStore] = providers.Singleton(builders.pages, database)
    passages: providers.Provider[PassageStore] = providers.Singleton(builders.passages, database)
    blobs: providers.Provider[BlobStore] = providers.Singleton(builders.blobs, settings)
    scratch = providers.Singleton(builders.scratch, settings)
    broker = providers.Singleton(builders.broker, settings)
    queue: providers.Provider[JobQueue] = providers.Singleton(builders.queue, broker)

    endpoints = providers.Singleton(Endpoints, probe_seconds=settings.provided.endpoint_probe_seconds)
    spaces = providers.Singleton(builders.spaces, settings, database, endpoints)
    embedder: providers.Provider[Embedder] = providers.Singleton(builders.embedder, spaces)
    vectors: providers.Provider[VectorStore] = providers.Singleton(builders.vectors, spaces)
    encoder: providers.Provider[LexicalEncoder] = providers.Singleton(builders.encoder)
    lexical: providers.Provider[LexicalStore] = providers.Singleton(builders.lexical, vectors)
    indexed: providers.Provider[IndexedStore] = providers.Singleton(builders.indexed, vectors)
    parser: providers.Provider[Parser] = providers.Singleton(builders.parser, settings)
    images: providers.Provider[ImageCache] = providers.Singleton(builders.images, settings)
    collect_contents = providers.Singleton(
        CollectContents, ledger=ledger, blobs=blobs, unit_of_work=unit_of_work, images=images
    )


class HttpContainer(Container):
    """What the API needs."""

    #: By name: what has to answer before requests are served.
    probes: providers.Provider[Mapping[str, Probe]] = providers.Singleton(
        builders.probes, Container.database, Container.broker, Container.blobs
    )
    llm: providers.Provider[LLM | None] = providers.Selector(
        Container.settings.provided.llm_backend,
        disabled=providers.Object(None),
        openai=providers.Singleton(builders.openai_llm, Container.settings, Container.endpoints),
    )
    renderer: providers.Provider[PageRenderer] = providers.Singleton(builders.renderer, Container.settings)
    draw_page = providers.Singleton(
        DrawPage,
        documents=Container.documents,
        pages=Container.pages,
        passages=Container.passages,
        blobs=Container.blobs,
        ledger=Container.ledger,
        renderer=renderer,
        images=Container.images,
        scratch=Container.scratch.provided.path,
    )
    forget_images = providers.Singleton(ForgetImages, ledger=Container.ledger, images=Container.images)
    reranker: providers.Provider[Reranker | None] = providers.Selector(
        Container.settings.provided.rerank_backend,
        none=providers.Object(None),
        heuristic=providers.Singleton(builders.heuristic_reranker, Container.encoder),
        fastembed=providers.Singleton(builders.local_reranker, Container.settings),
        http=providers.Singleton(builders.http_reranker, Container.settings, Container.endpoints),
    )
    rerank_stage: providers.Provider[RerankStage | None] = providers.Singleton(
        builders.rerank_stage, Container.settings, reranker
    )
    receive_content = providers.Singleton(
        ReceiveContent,
        blobs=Container.blobs,
        parser=Container.parser,
        max_bytes=Container.settings.provided.max_upload_bytes,
    )
    unlock_content = providers.Singleton(
        UnlockContent,
        blobs=Container.blobs,
        parser=Container.parser,
        scratch=Container.scratch.provided.path,
    )
    submit_document = providers.Singleton(
        SubmitDocument,
        documents=Container.documents,
        ledger=Container.ledger,
        pages=Container.pages,
        vectors=Container.vectors,
        blobs=Container.blobs,
        queue=Container.queue,
        unit_of_work=Container.unit_of_work,
        suspicion_seconds=Container.settings.provided.orphan_seconds,
    )
    admit_upload = providers.Singleton(
        AdmitUpload,
        board=Container.board,
        max_documents=Container.settings.provided.max_queued_documents,
        max_bytes=Container.settings.provided.max_queued_bytes,
    )
    cancel_document = providers.Singleton(
        CancelDocument,
        documents=Container.documents,
        board=Container.board,
        pages=Container.pages,
        vectors=Container.vectors,
        unit_of_work=Container.unit_of_work,
    )
    retry_document = providers.Singleton(
        RetryDocument,
        documents=Container.documents,
        board=Container.board,
        queue=Container.queue,
        unit_of_work=Container.unit_of_work,
    )
    follow_document = providers.Singleton(FollowDocument, documents=Container.documents)
    get_document = providers.Singleton(GetDocument, documents=Container.documents)
    list_documents = providers.Singleton(ListDocuments, documents=Container.documents)
    read_chunks = providers.Singleton(ReadChunks, documents=Container.documents, vectors=Container.vectors)
    read_content = providers.Singleton(ReadContent, blobs=Container.blobs)
    read_text = providers.Singleton(ReadText, documents=Container.documents, pages=Container.pages)
    delete_document = providers.Singleton(
        DeleteDocument,
        documents=Container.documents,
        vectors=Container.vectors,
        collect_contents=Container.collect_contents,
        unit_of_work=Container.unit_of_work,
    )
    search = providers.Singleton(
        Search,
        embedder=Container.embedder,
        vectors=Container.vectors,
        documents=Container.documents,
        lexical=providers.Singleton(LexicalLeg, Container.lexical, Container.encoder),
        passages=Container.passages,
        defaults=providers.Singleton(
            SearchDefaults,
            vector_weight=Container.settings.provided.search_vector_weight,
            candidates=Container.settings.provided.search_candidates,
        ),
        rerank=rerank_stage,
    )
    versions: providers.Provider[VersionStore] = providers.Singleton(builders.versions, Container.database)
    process_cache: providers.Provider[MemoryCache] = providers.Singleton(
        builders.process_cache, Container.settings
    )
    shared_cache: providers.Provider[Cache] = providers.Singleton(builders.shared_cache, Container.settings)
    cache_replies: providers.Provider[CacheReplies] = providers.Singleton(
        builders.cache_replies, Container.settings, versions, process_cache, shared_cache
    )
    measure_recall = providers.Singleton(MeasureRecall, embedder=Container.embedder, store=Container.indexed)
    check_recall = providers.Singleton(CheckRecall, embedder=Container.embedder, store=Container.indexed)
    answer_question = providers.Singleton(
        AnswerQuestion,
        search=providers.Singleton(
            LettingGo, providers.Singleton(SteadySearch, spaces=Container.spaces, search=search)
        ),
        llm=llm,
        max_tokens=Container.settings.provided.llm_max_tokens,
        timeout_seconds=Container.settings.provided.llm_timeout_seconds,
        context_tokens=Container.settings.provided.llm_context_tokens,
    )
    make_standalone = providers.Singleton(MakeStandalone, llm=llm)
    verify_citations = providers.Singleton(
        VerifyCitations, documents=Container.documents, pages=Container.pages
    )


class WorkerContainer(Container):
    """What a worker needs."""

    chunker: providers.Provider[Chunker] = providers.Singleton(builders.chunker, Container.spaces)
    stage_revision = providers.Singleton(
        StageRevision,
        jobs=Container.jobs,
        pages=Container.pages,
        vectors=Container.vectors,
        blobs=Container.blobs,
        parser=Container.parser,
        chunker=chunker,
        embedder=Container.embedder,
        encoder=Container.encoder,
        unit_of_work=Container.unit_of_work,
        scratch=Container.scratch.provided.path,
        lease_seconds=Container.settings.provided.lease_seconds,
        batch_chunks=Container.settings.provided.embeddings_batch_size,
    )
    ingest_document = providers.Singleton(
        IngestDocument,
        stage_revision=stage_revision,
        jobs=Container.jobs,
        board=Container.board,
        pages=Container.pages,
        vectors=Container.vectors,
        queue=Container.queue,
        unit_of_work=Container.unit_of_work,
        policy=providers.Singleton(
            IngestPolicy,
            lease_seconds=Container.settings.provided.lease_seconds,
            turn_seconds=Container.settings.provided.turn_seconds,
            patience_seconds=Container.settings.provided.patience_seconds,
            max_attempts=Container.settings.provided.max_attempts,
        ),
        claimed=providers.Object(mark_log_lines),
    )
    steady_ingest = providers.Singleton(
        SteadyIngest, spaces=Container.spaces, ingest_document=ingest_document
    )
    encode_chunks = providers.Singleton(EncodeChunks, lexical=Container.lexical, encoder=Container.encoder)
    index_chunks = providers.Singleton(IndexChunks, vectors=Container.vectors)
    announce_due_jobs = providers.Singleton(AnnounceDueJobs, board=Container.board, queue=Container.queue)
    expire_uploads = providers.Singleton(
        ExpireUploads,
        blobs=Container.blobs,
        abandoned_seconds=Container.settings.provided.orphan_seconds,
    )
    forget_history = providers.Singleton(ForgetHistory, documents=Container.documents)
