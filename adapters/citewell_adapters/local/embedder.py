"""An embedder whose model runs in threads of this process."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import Self

from citewell.errors import DimensionMismatch
from citewell.model import EmbeddingSpace, Vector
from citewell.ports import EmbeddingRole
from citewell_adapters.local.cores import usable_cores
from citewell_adapters.local.files import PACKAGED_MODEL, folder_files, packaged_files
from citewell_adapters.local.lanes import in_lanes
from citewell_adapters.local.model import LocalModel
from citewell_adapters.local.named import NamedModel
from citewell_adapters.local.onnx import OnnxModel

__all__ = ["LocalEmbedder"]


class LocalEmbedder:
    """The packaged model, a folder with `model.onnx` and `tokenizer.json`, or a model that fastembed knows.

    Open it with `async with`: that loads the model, after which `space` and `max_tokens` are known. Nothing
    is downloaded unless `model` is a name of fastembed's. A text that costs more than `max_tokens` is cut to
    them.
    """

    def __init__(
        self,
        model: str | None = None,
        *,
        dimensions: int | None = None,
        threads: int | None = None,
        cache_folder: Path | None = None,
    ) -> None:
        """model: None for the packaged one. dimensions: what the model must have, if given. threads: texts
        embedded at once, one for each core if None. cache_folder: where fastembed keeps what it downloads.
        """
        self._chosen = model or PACKAGED_MODEL
        self._dimensions = dimensions
        self._threads = threads or usable_cores()
        self._cache_folder = cache_folder
        self._executor: ThreadPoolExecutor | None = None
        self._model: LocalModel | None = None

    async def __aenter__(self) -> Self:
        """Load the model. Raises EmbeddingRejected, DimensionMismatch, EmbedderUnavailable (no download)."""
        model = await asyncio.to_thread(self._load)
        if self._dimensions not in (None, model.dimensions):
            raise DimensionMismatch(
                f"the embedding model {model.name} has {model.dimensions} dimensions, not {self._dimensions}"
            )
        self._model = model
        self._executor = ThreadPoolExecutor(self._threads, thread_name_prefix="embedder")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        executor, self._executor, self._model = self._executor, None, None
        if executor is not None:
            await asyncio.to_thread(executor.shutdown, cancel_futures=True)

    @property
    def space(self) -> EmbeddingSpace:
        """The model's name and dimensions."""
        model = self._opened()
        return EmbeddingSpace(model.name, model.dimensions)

    @property
    def max_tokens(self) -> int:
        """The model's window without its special tokens."""
        return self._opened().max_tokens

    def count_tokens(self, text: str) -> int:
        """By the model's own tokenizer."""
        return self._opened().count_tokens(text)

    async def embed(self, texts: Sequence[str], *, role: EmbeddingRole) -> Sequence[Vector]:
        """One vector per text, float32; several texts at once, one a thread.

        A call waits for single texts of others, never for all of them.
        """
        model, executor = self._opened(), self._executor
        assert executor is not None  # noqa: S101 - opened with the model
        return await in_lanes(
            lambda text: model.embed(text, role), texts, executor=executor, lanes=self._threads
        )

    def _opened(self) -> LocalModel:
        if self._model is None:
            raise RuntimeError("the embedder is not open: use `async with`")
        return self._model

    def _load(self) -> LocalModel:
        if self._chosen == PACKAGED_MODEL:
            return OnnxModel(packaged_files())
        folder = Path(self._chosen).expanduser()
        if folder.is_dir():
            return OnnxModel(folder_files(folder))
        return NamedModel(self._chosen, cache_folder=self._cache_folder)
