"""How much a process that reads untrusted files may take."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["ChildLimits"]


@dataclass(frozen=True, slots=True)
class ChildLimits:
    """Limits on the reading of one file, by a process that does nothing else.

    file_seconds: for all of it; page_seconds: for one page, or the opening. Both count the time in which the
    process is waited for, not the time in which its pages wait; file_seconds bounds its computing as well.
    memory_bytes: of its address space, about 100 MiB of which PyMuPDF takes before it opens a file.
    file_bytes: of the copy that a process for unlocking writes; one for reading writes none.
    """

    file_seconds: float = 300.0
    page_seconds: float = 30.0
    memory_bytes: int = 1 << 30
    file_bytes: int = 4 << 30

    def __post_init__(self) -> None:
        if min(self.file_seconds, self.page_seconds, self.memory_bytes, self.file_bytes) <= 0:
            raise ValueError("limits are positive")
