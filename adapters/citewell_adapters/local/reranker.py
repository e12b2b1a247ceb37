"""A cross-encoder that runs in threads of this process."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from citewell.errors import CitewellError, RerankerRejected, RerankerUnavailable
from citewell.model import Hit
from citewell.ranking import sigmoid
from citewell_adapters.local.cores import usable_cores
from citewell_adapters.local.failures import INSTALL_HINT
from citewell_adapters.local.files import digest_of
from citewell_adapters.local.lanes import in_lanes
from citewell_adapters.local.texts import encodable

__all__ = ["LocalReranker"]

#: Where exporters put the model in its folder.
_MODEL_FILES: Final = ("model.onnx", "onnx/model.onnx", "model_quantized.onnx", "onnx/model_quantized.onnx")
_TOKENIZER_FILES: Final = ("tokenizer.json", "tokenizer_config.json")


class LocalReranker:
    """A cross-encoder in ONNX form, by fastembed. Open it with `async with`: that loads the model.

    The folder holds `model.onnx`, there or under `onnx/`, `tokenizer.json` and `tokenizer_config.json`.
    Nothing is downloaded. The model's logit goes through a sigmoid.
    """

    def __init__(self, folder: Path, *, threads: int | None = None) -> None:
        """threads: passages judged at once, one for each core if None."""
        self._folder = folder.expanduser()
        self._threads = threads or usable_cores()
        self._executor: ThreadPoolExecutor | None = None
        self._model: Any = None

    async def __aenter__(self) -> Self:
        """Load the model and run it once. Raises RerankerRejected."""
        with _loading(self._folder):
            self._model = await asyncio.to_thread(_load, self._folder)
        self._executor = ThreadPoolExecutor(self._threads, thread_name_prefix="reranker")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        executor, self._executor, self._model = self._executor, None, None
        if executor is not None:
            await asyncio.to_thread(executor.shutdown, cancel_futures=True)

    async def score(self, question: str, hits: Sequence[Hit]) -> Sequence[float]:
        """See the port. Each passage is run alone, several at once; a cancelled call stops after those."""
        if self._executor is None:
            raise RuntimeError("the reranker is not open: use `async with`")
        model = self._model
        return await in_lanes(
            lambda hit: _judge(model, question, hit.chunk.text),
            hits,
            executor=self._executor,
            lanes=self._threads,
        )


def _load(folder: Path) -> Any:
    from fastembed.common.model_description import ModelSource
    from fastembed.rerank.cross_encoder import TextCrossEncoder

    file = next((name for name in _MODEL_FILES if (folder / name).is_file()), None)
    if file is None:
        raise RerankerRejected(f"the reranker's folder {folder} holds no model.onnx")
    for name in _TOKENIZER_FILES:
        if not (folder / name).is_file():
            raise RerankerRejected(f"the reranker's folder {folder} holds no {name}")
    name = f"citewell/{folder.resolve().name}-{digest_of(folder / file)[:8]}"
    if name.lower() not in {known["model"].lower() for known in TextCrossEncoder.list_supported_models()}:
        # The source is what a download would need, which a folder makes needless.
        TextCrossEncoder.add_custom_model(name, sources=ModelSource(hf=name), model_file=file)
    model = TextCrossEncoder(
        name, threads=1, cuda=False, specific_model_path=str(folder), local_files_only=True
    )
    _judge(model, "a", "a")
    return model


def _judge(model: Any, question: str, text: str) -> float:
    try:
        [logit] = model.rerank(encodable(question), [encodable(text)])
    except Exception as error:  # a model that has run before and fails now lacks memory, as a rule
        raise RerankerUnavailable(f"the reranker failed: {error}") from error
    return sigmoid(float(logit))


@contextmanager
def _loading(folder: Path) -> Iterator[None]:
    """Whatever stops the model from loading will stop it again."""
    try:
        yield
    except RerankerUnavailable as error:
        raise RerankerRejected(f"the reranker in {folder} does not run: {error}") from error
    except CitewellError:
        raise
    except ImportError as error:
        raise RerankerRejected(f"{error.name} is not installed: {INSTALL_HINT}") from error
    except Exception as error:  # onnxruntime, tokenizers and fastembed raise Exception and its children
        raise RerankerRejected(f"the reranker in {folder} cannot be loaded: {error}") from error
