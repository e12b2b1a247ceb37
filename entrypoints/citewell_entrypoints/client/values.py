"""What the API says, as values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

__all__ = ["END_STATES", "Part", "Progress", "Readiness", "RemoteDocument"]

END_STATES: Final = frozenset({"ready", "failed", "cancelled"})


@dataclass(frozen=True, slots=True)
class Part:
    """The state of one part of the server: `ready` or `failing`, and a word on it."""

    state: str
    detail: str


@dataclass(frozen=True, slots=True)
class Readiness:
    """How well the server can serve, and its parts by name; `raw` is the object it sent.

    status: `ready`, `degraded` (it serves, and some of its work waits for a part that is away) or `failing`.
    """

    status: str
    parts: Mapping[str, Part]
    raw: Mapping[str, Any]

    @classmethod
    def of(cls, raw: Mapping[str, Any]) -> Readiness:
        """From the object of the API."""
        parts = {
            name: Part(str(part["state"]), str(part.get("detail", ""))) for name, part in raw["parts"].items()
        }
        return cls(str(raw["status"]), parts, raw)

    @property
    def serves(self) -> bool:
        """Whether it answers requests."""
        return self.status in ("ready", "degraded")

    @property
    def away(self) -> tuple[str, ...]:
        """The parts that are not ready, by name."""
        return tuple(name for name, part in self.parts.items() if part.state != "ready")


@dataclass(frozen=True, slots=True)
class Progress:
    """Pages and chunks done, of how many; a total is None until it is known."""

    pages_done: int = 0
    pages_total: int | None = None
    chunks_done: int = 0
    chunks_total: int | None = None


@dataclass(frozen=True, slots=True)
class RemoteDocument:
    """A document as the server tells it; `raw` is the object it sent.

    unreadable_pages: the numbers of pages that are missing from it. degraded: whether the workers hear of it
    only when the queue is back.
    """

    id: str
    name: str
    status: str
    stage: str | None
    progress: Progress
    error_code: str | None
    error_message: str | None
    page_count: int | None
    chunk_count: int | None
    unreadable_pages: tuple[int, ...]
    degraded: bool
    raw: Mapping[str, Any]

    @classmethod
    def of(cls, raw: Mapping[str, Any]) -> RemoteDocument:
        """From the object of the API; members that are missing are empty."""
        error = raw.get("error") or {}
        progress = raw.get("progress") or {}
        return cls(
            id=str(raw["id"]),
            name=str(raw.get("name", "")),
            status=str(raw["status"]),
            stage=raw.get("stage"),
            progress=Progress(
                pages_done=progress.get("pages_done") or 0,
                pages_total=progress.get("pages_total"),
                chunks_done=progress.get("chunks_done") or 0,
                chunks_total=progress.get("chunks_total"),
            ),
            error_code=error.get("code"),
            error_message=error.get("message"),
            page_count=raw.get("page_count"),
            chunk_count=raw.get("chunk_count"),
            unreadable_pages=tuple(
                page
                for warning in raw.get("warnings") or ()
                if warning["code"] == "pages_unreadable"
                for page in warning["pages"]
            ),
            degraded=bool(raw.get("degraded")),
            raw=raw,
        )

    @property
    def ended(self) -> bool:
        """Whether nothing more will happen to it by itself."""
        return self.status in END_STATES
