"""A cross-encoder of four operations, written as ONNX by hand: its logit is ln ln of the mean token id.

The tokenizer is that of the packaged embedding model.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from citewell_adapters.local.files import packaged_files

__all__ = ["write_cross_encoder"]

_FLOAT, _INT64 = 1, 7


def write_cross_encoder(folder: Path) -> None:
    """The folder as LocalReranker wants it."""
    folder.mkdir()
    (folder / "model.onnx").write_bytes(_model())
    shutil.copy(packaged_files().tokenizer, folder / "tokenizer.json")
    (folder / "tokenizer_config.json").write_text(json.dumps({"model_max_length": 64, "pad_token": "[PAD]"}))


def _model() -> bytes:
    """ModelProto: see onnx.proto3 for the numbers of the fields."""
    nodes = (
        _node("Cast", "input_ids", "numbers", to=_FLOAT),
        _node("ReduceMean", "numbers", "mean", keepdims=1, axis=1),
        _node("Log", "mean", "once"),
        _node("Log", "once", "logits"),
    )
    graph = b"".join(_field(1, node) for node in nodes)
    graph += _field(2, b"tiny")
    graph += _field(11, _tensor("input_ids", _INT64, ["batch", "tokens"]))
    graph += _field(12, _tensor("logits", _FLOAT, ["batch", "one"]))
    return _number(1, 8) + _field(7, graph) + _field(8, _number(2, 13))


def _node(operation: str, source: str, target: str, *, axis: int | None = None, **values: int) -> bytes:
    node = _field(1, source.encode()) + _field(2, target.encode()) + _field(4, operation.encode())
    for name, value in values.items():
        node += _field(5, _field(1, name.encode()) + _number(3, value) + _number(20, 2))
    if axis is not None:
        node += _field(5, _field(1, b"axes") + _number(8, axis) + _number(20, 7))
    return node


def _tensor(name: str, kind: int, dimensions: list[str]) -> bytes:
    shape = b"".join(_field(1, _field(2, dimension.encode())) for dimension in dimensions)
    return _field(1, name.encode()) + _field(2, _field(1, _number(1, kind) + _field(2, shape)))


def _field(number: int, content: bytes) -> bytes:
    return _varint(number << 3 | 2) + _varint(len(content)) + content


def _number(field: int, value: int) -> bytes:
    return _varint(field << 3) + _varint(value)


def _varint(value: int) -> bytes:
    head, rest = value & 0x7F, value >> 7
    return bytes([head | 0x80]) + _varint(rest) if rest else bytes([head])
