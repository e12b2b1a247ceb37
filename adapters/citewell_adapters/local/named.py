"""Models by the names that fastembed knows, which downloads them from their publishers on first use."""

from __future__ import annotations

from array import array
from pathlib import Path
from typing import Any

from citewell.errors import EmbedderUnavailable, EmbeddingRejected
from citewell.ports import EmbeddingRole
from citewell_adapters.local.failures import loading, running
from citewell_adapters.local.model import unit_vector
from citewell_adapters.local.tokens import ModelTokens

__all__ = ["NamedModel"]

_DEFAULT_WINDOW = 512


class NamedModel:
    """Loads on construction, and downloads if need be. Raises EmbeddingRejected, EmbedderUnavailable."""

    def __init__(self, name: str, *, cache_folder: Path | None = None) -> None:
        self.name = name
        with loading(name):
            from tokenizers import Tokenizer

            self._model = _load(name, cache_folder)
            own = self._model.model.tokenizer
            window = (own.truncation or {}).get("max_length", _DEFAULT_WINDOW)
            # A copy: the model's own goes on cutting and padding.
            self._tokens = ModelTokens(Tokenizer.from_str(own.to_str()), window=window)
            self.dimensions = len(self._run("a", "passage"))
        self.max_tokens = self._tokens.max_tokens

    def count_tokens(self, text: str) -> int:
        """Without special tokens, not cut."""
        return self._tokens.count(text)

    def embed(self, text: str, role: EmbeddingRole) -> array[float]:
        """The vector of one text. Raises EmbedderUnavailable."""
        with running(self.name):
            return self._run(text, role)

    def _run(self, text: str, role: EmbeddingRole) -> array[float]:
        embed = self._model.query_embed if role == "question" else self._model.passage_embed
        [vector] = embed([text])
        return unit_vector(vector)


def _load(name: str, cache_folder: Path | None) -> Any:
    from fastembed import TextEmbedding

    if name.lower() not in {known["model"].lower() for known in TextEmbedding.list_supported_models()}:
        raise EmbeddingRejected(
            f"{name!r} is no folder with model.onnx and tokenizer.json, and no model that fastembed knows"
        )
    try:
        return TextEmbedding(name, cache_dir=str(cache_folder) if cache_folder else None, threads=1)
    except ValueError as error:
        raise EmbedderUnavailable(f"the embedding model {name} could not be downloaded: {error}") from error
