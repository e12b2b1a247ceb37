"""An embedder that keeps what it made in a file, so that a measurement pays for each text once."""

from __future__ import annotations

import sqlite3
from array import array
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path

from citewell.model import EmbeddingSpace, Vector
from citewell.ports import Embedder, EmbeddingRole


class KeptVectors:
    """The Embedder port over another one; folder: where the file is, None to keep nothing."""

    def __init__(self, embedder: Embedder, folder: Path | None) -> None:
        self._embedder = embedder
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True)
        path = ":memory:" if folder is None else str(folder / "vectors.sqlite")
        self._file = sqlite3.connect(path, isolation_level=None, timeout=60)
        self._file.execute("PRAGMA journal_mode = wal")
        self._file.execute("CREATE TABLE IF NOT EXISTS vectors (text BLOB PRIMARY KEY, vector BLOB)")

    @property
    def space(self) -> EmbeddingSpace:
        return self._embedder.space

    @property
    def max_tokens(self) -> int:
        return self._embedder.max_tokens

    def count_tokens(self, text: str) -> int:
        return self._embedder.count_tokens(text)

    async def embed(self, texts: Sequence[str], *, role: EmbeddingRole) -> Sequence[Vector]:
        keys = [sha256(f"{self.space}\0{role}\0{text}".encode()).digest() for text in texts]
        vectors = {key: self._read(key) for key in keys}
        missing = {key: text for key, text in zip(keys, texts, strict=True) if vectors[key] is None}
        for start in range(0, len(missing), 64):
            batch = dict(list(missing.items())[start : start + 64])
            made = dict(zip(batch, await self._embedder.embed(list(batch.values()), role=role), strict=True))
            vectors.update(made)
            self._file.execute("BEGIN")
            self._file.executemany(
                "INSERT OR REPLACE INTO vectors VALUES (?, ?)",
                [(key, array("f", vector).tobytes()) for key, vector in made.items()],
            )
            self._file.execute("COMMIT")
        return [vector for key in keys if (vector := vectors[key]) is not None]

    def _read(self, key: bytes) -> Vector | None:
        row = self._file.execute("SELECT vector FROM vectors WHERE text = ?", (key,)).fetchone()
        return None if row is None else array("f", row[0])
