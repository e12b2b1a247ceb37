"""How each adapter is built from the settings. Nothing is opened here."""

from __future__ import annotations

import math
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import SecretStr

from citewell.caching import MemoryCache
from citewell.chunking import ChunkSizes, SentenceChunker
from citewell.errors import InvalidInput
from citewell.ports import (
    LLM,
    BlobStore,
    Cache,
    Chunker,
    Embedder,
    ImageCache,
    IndexedStore,
    JobQueue,
    LexicalEncoder,
    LexicalStore,
    PageRenderer,
    Parser,
    PassageStore,
    Reranker,
    TokenCounter,
    VersionStore,
)
from citewell.ranking import HeuristicReranker
from citewell.usecases import CacheReplies, RerankStage
from citewell_entrypoints.probes import Probe
from citewell_entrypoints.scratch import ScratchFolder
from citewell_entrypoints.settings import PREFIX, Settings, SettingsError

if TYPE_CHECKING:
    from dramatiq.brokers.redis import RedisBroker

    from citewell_adapters.openai import Endpoint
    from citewell_adapters.pgvector import (
        PgContentLedger,
        PgDatabase,
        PgDocumentStore,
        PgJobBoard,
        PgJobStore,
        PgPageStore,
    )
    from citewell_entrypoints.endpoints import Endpoints
    from citewell_entrypoints.spaces import RoutedVectors, ServedSpaces

#: No page takes as long, but a loop without an end does.
_PAGE_SECONDS = 30.0
#: Somebody waits for the image.
_DRAWING_SECONDS = 20.0
#: Of kept replies, where a process keeps none itself.
_SHARED_CACHE_BYTES = 64 << 20
#: Of the time that a use case gives an endpoint: its adapter has to give up first, since a call that is given
#: up by its caller says nothing about the endpoint.
_OWN_SHARE = 0.9
_OPENAI_EMBEDDING_MODEL = "text-embedding-3-small"


def database(settings: Settings) -> PgDatabase:
    from citewell_adapters.local.cores import usable_cores
    from citewell_adapters.pgvector import PgDatabase

    url = _revealed(settings.database_url, "database_url")
    return PgDatabase(
        url, max_size=settings.database_pool_size, search_ef=settings.search_ef, cores=usable_cores()
    )


def documents(database: PgDatabase) -> PgDocumentStore:
    from citewell_adapters.pgvector import PgDocumentStore

    return PgDocumentStore(database)


def jobs(database: PgDatabase) -> PgJobStore:
    from citewell_adapters.pgvector import PgJobStore

    return PgJobStore(database)


def board(database: PgDatabase) -> PgJobBoard:
    from citewell_adapters.pgvector import PgJobBoard

    return PgJobBoard(database)


def ledger(database: PgDatabase) -> PgContentLedger:
    from citewell_adapters.pgvector import PgContentLedger

    return PgContentLedger(database)


def pages(database: PgDatabase) -> PgPageStore:
    from citewell_adapters.pgvector import PgPageStore

    return PgPageStore(database)


def passages(database: PgDatabase) -> PassageStore:
    from citewell_adapters.pgvector import PgPassageStore

    return PgPassageStore(database)


def spaces(settings: Settings, database: PgDatabase, endpoints: Endpoints) -> ServedSpaces:
    from citewell_entrypoints.spaces import ServedSpaces, SpaceParts

    def embedder_of(settings: Settings) -> Embedder:
        return settings_embedder(settings, endpoints)

    return ServedSpaces(database, settings, parts=SpaceParts(embedder_of, settings_chunker))


def embedder(spaces: ServedSpaces) -> Embedder:
    from citewell_entrypoints.spaces import RoutedEmbedder

    return RoutedEmbedder(spaces)


def chunker(spaces: ServedSpaces) -> Chunker:
    from citewell_entrypoints.spaces import RoutedChunker

    return RoutedChunker(spaces)


def vectors(spaces: ServedSpaces) -> RoutedVectors:
    from citewell_entrypoints.spaces import RoutedVectors

    return RoutedVectors(spaces)


def lexical(vectors: RoutedVectors) -> LexicalStore:
    """The same store from its other side."""
    return vectors


def indexed(vectors: RoutedVectors) -> IndexedStore:
    """The same store from its index's side."""
    return vectors


def encoder() -> LexicalEncoder:
    from citewell_adapters.snowball import SnowballEncoder

    return SnowballEncoder()


def blobs(settings: Settings) -> BlobStore:
    from citewell_adapters.obstore import ObjectBlobStore

    if settings.blob_url is not None:
        return ObjectBlobStore(settings.blob_url.get_secret_value())
    return ObjectBlobStore(_folder(settings, "blobs").as_uri())


def scratch(settings: Settings) -> ScratchFolder:
    """Where files are copied to while they are read."""
    return ScratchFolder(settings.data_dir.absolute() / "scratch")


def broker(settings: Settings) -> RedisBroker:
    from citewell_adapters.dramatiq import build_broker

    return build_broker(_revealed(settings.redis_url, "redis_url"))


def queue(broker: RedisBroker) -> JobQueue:
    from citewell_adapters.dramatiq import DramatiqJobQueue

    return DramatiqJobQueue(broker)


def settings_embedder(settings: Settings, endpoints: Endpoints | None = None) -> Embedder:
    """The one that the settings name. endpoints: for an embedder that people's questions wait for."""
    match settings.embeddings_backend:
        case "mock":
            return mock_embedder(settings)
        case "local":
            return local_embedder(settings)
        case "openai":
            return openai_embedder(settings, endpoints)


def mock_embedder(settings: Settings) -> Embedder:
    from citewell_adapters.mock import MockEmbedder

    return MockEmbedder(dimensions=settings.embeddings_dim) if settings.embeddings_dim else MockEmbedder()


def local_embedder(settings: Settings) -> Embedder:
    from citewell_adapters.local import LocalEmbedder

    return LocalEmbedder(
        settings.embeddings_model,
        dimensions=settings.embeddings_dim,
        cache_folder=settings.data_dir.absolute() / "models",
    )


def openai_embedder(settings: Settings, endpoints: Endpoints | None = None) -> Embedder:
    from citewell_adapters.openai import OpenAIEmbedder

    calls = endpoints["embedder"] if endpoints else None
    return OpenAIEmbedder(
        _endpoint(settings),
        model=settings.embeddings_model or _OPENAI_EMBEDDING_MODEL,
        dimensions=settings.embeddings_dim,
        batch_texts=settings.embeddings_batch_size,
        max_concurrent_calls=settings.embeddings_concurrency,
        question_timeout_seconds=settings.embeddings_question_timeout_seconds if calls else math.inf,
        question_breaker=calls.breaker if calls else None,
        report=calls.report if calls else None,
    )


def openai_llm(settings: Settings, endpoints: Endpoints) -> LLM:
    from citewell_adapters.openai import OpenAILLM

    calls = endpoints["llm"]
    return OpenAILLM(
        _endpoint(settings),
        model=settings.llm_model,
        first_token_timeout_seconds=min(
            settings.llm_first_token_timeout_seconds, _OWN_SHARE * settings.llm_timeout_seconds
        ),
        total_timeout_seconds=settings.llm_timeout_seconds,
        max_concurrent_calls=settings.llm_concurrency,
        breaker=calls.breaker,
        report=calls.report,
    )


def heuristic_reranker(encoder: LexicalEncoder) -> Reranker:
    return HeuristicReranker(encoder)


def local_reranker(settings: Settings) -> Reranker:
    from citewell_adapters.local import LocalReranker

    return LocalReranker(Path(_needed(settings.rerank_model, "rerank_model", "fastembed")))


def http_reranker(settings: Settings, endpoints: Endpoints) -> Reranker:
    """A failed call is tried once more: a search waits for it."""
    from citewell_adapters.openai import Endpoint, HttpReranker, RetryPolicy

    calls = endpoints["reranker"]
    endpoint = Endpoint(
        base_url=_needed(settings.rerank_url, "rerank_url", "http"),
        api_key=settings.rerank_api_key.get_secret_value() if settings.rerank_api_key else "",
        timeout_seconds=settings.rerank_timeout_seconds,
        retry=RetryPolicy(max_retries=1, first_wait_seconds=0.2),
    )
    return HttpReranker(
        endpoint,
        model=_needed(settings.rerank_model, "rerank_model", "http"),
        total_timeout_seconds=_OWN_SHARE * settings.rerank_timeout_seconds,
        breaker=calls.breaker,
        report=calls.report,
    )


def versions(database: PgDatabase) -> VersionStore:
    from citewell_adapters.pgvector import PgVersionStore

    return PgVersionStore(database)


def process_cache(settings: Settings) -> MemoryCache:
    return MemoryCache(max_bytes=settings.cache_bytes)


def shared_cache(settings: Settings) -> Cache:
    from citewell_adapters.redis import RedisCache

    return RedisCache(
        _revealed(settings.redis_url, "redis_url"),
        max_bytes=settings.cache_bytes or _SHARED_CACHE_BYTES,
        max_ttl_seconds=settings.cache_ttl_seconds,
    )


def cache_replies(settings: Settings, versions: VersionStore, process: Cache, shared: Cache) -> CacheReplies:
    layers = {"process": process, "shared": shared} if settings.cache_bytes else {"shared": shared}
    return CacheReplies(
        versions=versions,
        layers=layers,
        fingerprint=_result_fingerprint(settings),
        ttl_seconds=settings.cache_ttl_seconds,
    )


def rerank_stage(settings: Settings, reranker: Reranker | None) -> RerankStage | None:
    """None where there is no reranker."""
    if reranker is None:
        return None
    return RerankStage(reranker, depth=settings.rerank_depth, timeout_seconds=settings.rerank_timeout_seconds)


def parser(settings: Settings) -> Parser:
    """Texts in this process, all else in child processes. Text last: much looks like text."""
    from citewell_adapters.parsing import ChildLimits, ChildParser, Parsers
    from citewell_adapters.plaintext import TEXT_TYPES, TextParser
    from citewell_entrypoints.reading import CHILD_TYPES, READER, UNLOCKER, detect_child_type

    limits = ChildLimits(
        file_seconds=settings.parser_timeout_seconds,
        page_seconds=min(settings.parser_timeout_seconds, _PAGE_SECONDS),
        memory_bytes=settings.parser_memory_bytes,
    )
    children = ChildParser(
        reader=READER,
        unlocker=UNLOCKER,
        detect=detect_child_type,
        limits=limits,
        max_children=settings.jobs_per_worker,
    )
    return Parsers([(CHILD_TYPES, children), (TEXT_TYPES, TextParser())])


def renderer(settings: Settings) -> PageRenderer:
    """Draws PDFs, in child processes of its own: readers wait for nobody who looks at a page."""
    from citewell_adapters.parsing import ChildLimits, ChildRenderer
    from citewell_adapters.pymupdf import PDF, PDF_DRAWER, drawing_version

    seconds = min(settings.parser_timeout_seconds, _DRAWING_SECONDS)
    limits = ChildLimits(
        file_seconds=seconds, page_seconds=seconds, memory_bytes=settings.parser_memory_bytes
    )
    return ChildRenderer(drawer=PDF_DRAWER, media_types=[PDF], version=drawing_version(), limits=limits)


def images(settings: Settings) -> ImageCache:
    from citewell_adapters.files import FileImageCache

    return FileImageCache(settings.data_dir.absolute() / "page-images", max_bytes=settings.page_images_bytes)


def settings_chunker(
    settings: Settings, embedder: Embedder, count_tokens: TokenCounter | None = None
) -> Chunker:
    """By the settings, else by what the embedder reads. Raises SettingsError if they do not fit it.

    count_tokens: the embedder's own if None.
    """
    try:
        sizes = ChunkSizes.within(
            embedder.max_tokens,
            max_tokens=settings.chunk_tokens,
            overlap_tokens=settings.chunk_overlap_tokens,
        )
    except InvalidInput as error:
        raise SettingsError(f"{PREFIX}CHUNK_TOKENS, {PREFIX}CHUNK_OVERLAP_TOKENS: {error}") from error
    return SentenceChunker(
        max_tokens=sizes.max_tokens,
        overlap_tokens=sizes.overlap_tokens,
        count_tokens=count_tokens or embedder.count_tokens,
    )


def probes(database: PgDatabase, broker: RedisBroker, blobs: BlobStore) -> Mapping[str, Probe]:
    from citewell_entrypoints.probes import blobs_probe, database_probe, queue_probe

    return {
        "database": database_probe(database),
        "queue": queue_probe(broker),
        "blobs": blobs_probe(blobs),
    }


def _result_fingerprint(settings: Settings) -> str:
    """Of what decides on a reply besides the question and the data: processes may differ in it."""
    decisive = (
        version("citewell"),
        settings.search_vector_weight,
        settings.search_candidates,
        settings.search_ef,
        settings.rerank_backend,
        settings.rerank_model,
        settings.rerank_url,
        settings.rerank_depth,
    )
    return repr(decisive)


def _endpoint(settings: Settings) -> Endpoint:
    from citewell_adapters.openai import Endpoint, RetryPolicy

    return Endpoint(
        base_url=settings.openai_base_url,
        api_key=settings.openai_api_key.get_secret_value() if settings.openai_api_key else "",
        timeout_seconds=settings.openai_timeout_seconds,
        connect_timeout_seconds=settings.openai_connect_timeout_seconds,
        retry=RetryPolicy(max_retries=settings.openai_max_retries),
    )


def _folder(settings: Settings, name: str) -> Path:
    folder = settings.data_dir.absolute() / name
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _needed(value: str | None, name: str, backend: str) -> str:
    if value is None:
        raise SettingsError(
            f"{PREFIX}{name.upper()}: is not set, and {PREFIX}RERANK_BACKEND={backend} needs it"
        )
    return value


def _revealed(secret: SecretStr | None, name: str) -> str:
    if secret is None:
        raise SettingsError(f"{PREFIX}{name.upper()}: is not set, and no embedded engine was started for it")
    return secret.get_secret_value()
