"""Contract suites for every port, and models that do as told: `pip install 'citewell[testing]'`.

    class TestMyEmbedder(EmbedderContract):
        @pytest.fixture
        def embedder(self) -> Embedder:
            return MyEmbedder()

Each suite names the fixtures that it asks for; each test quotes the promise that it holds the adapter to.
"""
# ruff: noqa: E402 - what is imported first would keep its plain assertions

import pytest

_SUITES = (
    *(
        "blobs",
        "board",
        "caching",
        "chunker",
        "contents",
        "documents",
        "embedder",
        "filters",
        "images",
        "jobs",
    ),
    *("lexical", "llm", "pages", "parser", "passages", "queue", "recall", "reranker", "stores", "vectors"),
)
pytest.register_assert_rewrite(*(f"{__name__}.{suite}" for suite in _SUITES))

from citewell.testing.blobs import BlobStoreContract
from citewell.testing.board import JobBoardContract
from citewell.testing.caching import CacheContract, VersionStoreContract
from citewell.testing.chunker import ChunkerContract
from citewell.testing.contents import ContentLedgerContract
from citewell.testing.documents import DocumentStoreContract
from citewell.testing.embedder import EmbedderContract, RemoteEmbedderContract
from citewell.testing.filters import FilterContract
from citewell.testing.images import ImageCacheContract, PageRendererContract, PageSample
from citewell.testing.jobs import JobStoreContract
from citewell.testing.lexical import LexicalEncoderContract, LexicalStoreContract
from citewell.testing.llm import LLMContract, RemoteLLMContract
from citewell.testing.pages import NewRevision, PageStoreContract
from citewell.testing.parser import ParserContract, SampleFiles
from citewell.testing.passages import PassageStoreContract
from citewell.testing.queue import JobQueueContract, OpenQueue
from citewell.testing.recall import IndexedStoreContract
from citewell.testing.reranker import RemoteRerankerContract, RerankerContract
from citewell.testing.scripted import ScriptedEmbedder, ScriptedLLM, ScriptedReranker
from citewell.testing.stores import CONTRACT_SPACE, Stores, StoresContract
from citewell.testing.vectors import NewPublication, VectorStoreContract

__all__ = [
    "CONTRACT_SPACE",
    "BlobStoreContract",
    "CacheContract",
    "ChunkerContract",
    "ContentLedgerContract",
    "DocumentStoreContract",
    "EmbedderContract",
    "FilterContract",
    "ImageCacheContract",
    "IndexedStoreContract",
    "JobBoardContract",
    "JobQueueContract",
    "JobStoreContract",
    "LLMContract",
    "LexicalEncoderContract",
    "LexicalStoreContract",
    "NewPublication",
    "NewRevision",
    "OpenQueue",
    "PageRendererContract",
    "PageSample",
    "PageStoreContract",
    "ParserContract",
    "PassageStoreContract",
    "RemoteEmbedderContract",
    "RemoteLLMContract",
    "RemoteRerankerContract",
    "RerankerContract",
    "SampleFiles",
    "ScriptedEmbedder",
    "ScriptedLLM",
    "ScriptedReranker",
    "Stores",
    "StoresContract",
    "VectorStoreContract",
    "VersionStoreContract",
]
