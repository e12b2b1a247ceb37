"""What can be told of a call once it is over, for whoever counts."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Literal, Self, get_args

from citewell.model import TokenUsage
from citewell_adapters.openai.failures import Busy, LeftAlone, is_unavailable

__all__ = ["OUTCOMES", "CallReport", "Outcome", "ReportCall", "Reported"]

#: `refused` by the breaker and `busy` for want of a place: the endpoint was not called.
Outcome = Literal["ok", "unavailable", "rejected", "refused", "busy", "cancelled"]
OUTCOMES: tuple[Outcome, ...] = get_args(Outcome)


@dataclass(frozen=True, slots=True)
class CallReport:
    """One call, all its tries together. seconds: until its end, or until nobody wanted more of it.

    first_piece_seconds: until a streamed reply began; None if it did not. usage: as the endpoint told it.
    """

    outcome: Outcome
    seconds: float
    first_piece_seconds: float | None = None
    usage: TokenUsage | None = None


ReportCall = Callable[[CallReport], None]


class Reported:
    """Around a call, where its errors are still the client's: reports it at the end."""

    def __init__(self, report: ReportCall | None) -> None:
        self._report = report
        self._first_piece_seconds: float | None = None
        self.usage: TokenUsage | None = None

    def __enter__(self) -> Self:
        self._began = time.perf_counter()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._report is not None:
            self._report(CallReport(_outcome(error), self._seconds(), self._first_piece_seconds, self.usage))

    def begins(self) -> None:
        """The first piece of the reply is there."""
        self._first_piece_seconds = self._seconds()

    def _seconds(self) -> float:
        return time.perf_counter() - self._began


def _outcome(error: BaseException | None) -> Outcome:
    match error:
        case None:
            return "ok"
        case LeftAlone():
            return "refused"
        case Busy():
            return "busy"
        case Exception():
            return "unavailable" if is_unavailable(error) else "rejected"
        case _:
            return "cancelled"
