"""When a part that ended is started again, and when not any more."""

from __future__ import annotations

from collections import deque
from typing import Final

__all__ = ["RestartPolicy"]


class RestartPolicy:
    """Waits twice as long after each end within a window of time, and gives up at the last one allowed."""

    MAX_ENDS: Final = 5
    WINDOW_SECONDS: Final = 60.0
    FIRST_DELAY_SECONDS: Final = 0.5

    def __init__(self) -> None:
        self._ends: deque[float] = deque(maxlen=self.MAX_ENDS)

    def ended(self, at: float) -> float | None:
        """The seconds to wait before the next start of a part that ended at `at`; None to give up.

        `at` is in seconds of a clock that never goes back.
        """
        self._ends.append(at)
        recent = sum(1 for end in self._ends if at - end < self.WINDOW_SECONDS)
        if recent >= self.MAX_ENDS:
            return None
        return self.FIRST_DELAY_SECONDS * 2.0 ** (recent - 1)
