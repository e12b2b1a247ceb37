"""A sentence embedding model in ONNX form on onnxruntime.

Each text is run alone, with one thread; several texts run side by side. On a CPU that is as fast as batches
or faster, no time goes into padding, memory stays flat, and no text's vector depends on its neighbours.
"""

from __future__ import annotations

import ctypes
import sys
from array import array
from typing import TYPE_CHECKING, Any

from citewell.errors import EmbeddingRejected
from citewell.ports import EmbeddingRole
from citewell_adapters.local.failures import loading, running
from citewell_adapters.local.files import ModelFiles
from citewell_adapters.local.model import unit_vector
from citewell_adapters.local.tokens import ModelTokens

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["OnnxModel"]

_ERRORS_ONLY = 3


class OnnxModel:
    """Loads on construction, which blocks for some tenths of a second. Raises EmbeddingRejected."""

    def __init__(self, files: ModelFiles) -> None:
        self.name = files.name
        self._pooling = files.pooling
        self._prefixes = files.prefixes
        with loading(files.name):
            from tokenizers import Tokenizer

            self._tokens = ModelTokens(Tokenizer.from_file(str(files.tokenizer)), window=files.window)
            self._session = _open_session(str(files.model))
            outputs = [output.name for output in self._session.get_outputs()]
            self._output = "sentence_embedding" if "sentence_embedding" in outputs else outputs[0]
            self._inputs = [model_input.name for model_input in self._session.get_inputs()]
            self.dimensions = len(self._run("a"))
        longest_prefix = max(map(self._tokens.count, files.prefixes.values()), default=0)
        self.max_tokens = self._tokens.max_tokens - longest_prefix
        _return_freed_memory()

    def count_tokens(self, text: str) -> int:
        """Without special tokens, not cut."""
        return self._tokens.count(text)

    def embed(self, text: str, role: EmbeddingRole) -> array[float]:
        """The vector of one text. Raises EmbedderUnavailable."""
        with running(self.name):
            return self._run(self._prefixes.get(role, "") + text)

    def _run(self, text: str) -> array[float]:
        import numpy as np

        ids = np.array([self._tokens.ids(text)], dtype=np.int64)
        [output] = self._session.run([self._output], {name: _input(name, ids) for name in self._inputs})
        pooled = output[0]
        if pooled.ndim == 2:  # one row per token
            pooled = pooled[0] if self._pooling == "cls" else pooled.mean(axis=0)
        return unit_vector(pooled)


def _open_session(path: str) -> Any:
    import onnxruntime  # type: ignore[import-untyped]

    onnxruntime.set_default_logger_severity(_ERRORS_ONLY)
    onnxruntime.disable_telemetry_events()
    options = onnxruntime.SessionOptions()
    options.log_severity_level = _ERRORS_ONLY
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])


def _input(name: str, ids: NDArray[Any]) -> NDArray[Any]:
    import numpy as np

    match name:
        case "input_ids":
            return ids
        case "attention_mask":
            return np.ones_like(ids)
        case "token_type_ids":
            return np.zeros_like(ids)
        case "position_ids":
            return np.arange(ids.shape[1], dtype=np.int64)[np.newaxis]
    raise EmbeddingRejected(f"the model wants an input {name}, which is not known")


def _return_freed_memory() -> None:
    """Loading frees some 60 MB that glibc would keep for the life of the process."""
    if sys.platform == "linux":
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
        if trim is not None:
            trim(0)
