"""How much may be written to a server whose memory is shared with others."""

from __future__ import annotations

import time
from collections.abc import Callable

__all__ = ["Allowance"]


class Allowance:
    """So many bytes in any stretch of so many seconds, and at most as many again at its beginning."""

    def __init__(self, max_bytes: int, *, seconds: float, now: Callable[[], float] = time.monotonic) -> None:
        self._max_bytes = max_bytes
        self._seconds = seconds
        self._now = now
        self._left = float(max_bytes)
        self._counted_at = now()

    def takes(self, size: int) -> bool:
        """Whether so many bytes may be written; they count if so."""
        now = self._now()
        self._left = min(
            self._max_bytes, self._left + self._max_bytes * (now - self._counted_at) / self._seconds
        )
        self._counted_at = now
        if size > self._left:
            return False
        self._left -= size
        return True
