"""Small stand-ins for ports, for tests of use cases."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from pathlib import Path

from citewell.errors import CitewellError, PasswordRequired
from citewell.model import EmbeddingSpace, JobId, ParsedPage
from citewell.ports import EmbeddingRole

__all__ = ["FormFeedParser", "LockedParser", "RecordingQueue", "WordEmbedder"]


class FormFeedParser:
    """Reads UTF-8 text whose pages end with form feeds; raises `failure` after the pages, if there is one."""

    def __init__(self, *, failure: CitewellError | None = None) -> None:
        self.failure = failure

    def detect(self, head: bytes, *, name: str) -> str | None:
        return None if head.startswith(b"\x89PNG") else "text/plain"

    async def parse(
        self, path: Path, *, media_type: str, password: str | None = None, skip: int = 0
    ) -> AsyncGenerator[ParsedPage, None]:
        texts = path.read_text().split("\f")  # noqa: ASYNC240 - a few bytes
        for number, text in list(enumerate(texts, start=1))[skip:]:
            yield ParsedPage(number, text, pages_total=len(texts))
        if self.failure is not None:
            raise self.failure

    async def unlock(self, path: Path, *, media_type: str, password: str, to: Path) -> bool:
        return False


class LockedParser(FormFeedParser):
    """Its encrypted files begin with a line `LOCKED password`; unlocking raises `crash`, if there is one."""

    def __init__(self, *, crash: CitewellError | None = None) -> None:
        super().__init__()
        self._crash = crash

    async def parse(
        self, path: Path, *, media_type: str, password: str | None = None, skip: int = 0
    ) -> AsyncGenerator[ParsedPage, None]:
        if path.read_text().startswith("LOCKED "):  # noqa: ASYNC240 - a few bytes
            raise PasswordRequired
        async for page in super().parse(path, media_type=media_type, skip=skip):
            yield page

    async def unlock(self, path: Path, *, media_type: str, password: str, to: Path) -> bool:
        if self._crash is not None:
            raise self._crash
        head, _, text = path.read_text().partition("\n")  # noqa: ASYNC240 - a few bytes
        if head != f"LOCKED {password}":
            return False
        to.write_text(text)  # noqa: ASYNC240 - a few bytes
        return True


class WordEmbedder:
    """Counts words in 64 drawers; raises the next of `failures` instead, as long as there is one."""

    space = EmbeddingSpace("words", 64)
    max_tokens = 100

    def __init__(self) -> None:
        self.failures: list[Exception] = []
        self.embedded: list[str] = []

    def count_tokens(self, text: str) -> int:
        return len(text.split())

    async def embed(self, texts: Sequence[str], *, role: EmbeddingRole) -> Sequence[list[float]]:
        if self.failures:
            raise self.failures.pop(0)
        if role == "passage":
            self.embedded += texts
        return [_vector(text) for text in texts]


def _vector(text: str) -> list[float]:
    counts = [0.01] * 64
    for word in text.lower().split():
        counts[sum(map(ord, word.strip(".,?!"))) % 64] += 1.0
    length = sum(x * x for x in counts) ** 0.5
    return [x / length for x in counts]


class RecordingQueue:
    """Remembers what was announced; raises `failure` instead, if there is one."""

    def __init__(self, *, failure: CitewellError | None = None) -> None:
        self.announced: list[tuple[JobId, float]] = []
        self.failure = failure

    async def announce(self, job_id: JobId, *, delay_seconds: float = 0.0) -> None:
        if self.failure is not None:
            raise self.failure
        self.announced.append((job_id, delay_seconds))
