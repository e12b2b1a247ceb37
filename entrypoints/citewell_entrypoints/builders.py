"""How each adapter is built from the settings. Nothing is opened here."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from citewell.chunking import SentenceChunker
from citewell_entrypoints.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dramatiq import Broker

    from citewell.ports import LLM, BlobStore, Chunker, Embedder, JobQueue, Parser
    from citewell_adapters.pgvector import (
        PgDatabase,
        PgDocumentStore,
        PgJobStore,
        PgPageStore,
        PgVectorStore,
    )
    from citewell_entrypoints.probes import Probe


def database(settings: Settings) -> PgDatabase:
    from citewell_adapters.pgvector import PgDatabase

    assert settings.database_url is not None
    return PgDatabase(settings.database_url.get_secret_value(), max_connections=settings.database_pool_size)


def documents(database: PgDatabase) -> PgDocumentStore:
    from citewell_adapters.pgvector import PgDocumentStore

    return PgDocumentStore(database)


def jobs(database: PgDatabase) -> PgJobStore:
    from citewell_adapters.pgvector import PgJobStore

    return PgJobStore(database)


def pages(database: PgDatabase) -> PgPageStore:
    from citewell_adapters.pgvector import PgPageStore

    return PgPageStore(database)


def vectors(database: PgDatabase, embedder: Embedder) -> PgVectorStore:
    from citewell_adapters.pgvector import PgVectorStore

    return PgVectorStore(database, embedder.space)


def scratch_folder(settings: Settings) -> Path:
    """Where files are copied to while they are read."""
    folder = settings.data_dir.absolute() / "scratch"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def blobs(settings: Settings) -> BlobStore:
    from citewell_adapters.obstore import ObjectBlobStore

    if settings.blob_url is not None:
        return ObjectBlobStore(settings.blob_url.get_secret_value())
    folder = settings.data_dir.absolute() / "blobs"
    folder.mkdir(parents=True, exist_ok=True)
    return ObjectBlobStore(folder.as_uri())


def broker(settings: Settings) -> Broker:
    from citewell_adapters.dramatiq import build_broker

    assert settings.redis_url is not None
    return build_broker(settings.redis_url.get_secret_value())


def queue(broker: Broker) -> JobQueue:
    from citewell_adapters.dramatiq import DramatiqJobQueue

    return DramatiqJobQueue(broker)


def probes(settings: Settings, database: PgDatabase, broker: Broker) -> Mapping[str, Probe]:
    from citewell_entrypoints.probes import database_probe, queue_probe

    return {"database": database_probe(database), "queue": queue_probe(broker)}
