"""The endpoints that questions wait for: what protects each, and what is counted of its calls."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, Literal

from citewell.breaker import Breaker

if TYPE_CHECKING:
    from citewell_adapters.openai import CallReport, Outcome

__all__ = ["BUCKET_SECONDS", "Durations", "EndpointCalls", "EndpointKind", "Endpoints"]

EndpointKind = Literal["llm", "embedder", "reranker"]

#: A language model is wrong now and then without being away, and is asked by many at once.
_MOST_FAILURES: Final[Mapping[EndpointKind, int]] = {"llm": 5, "embedder": 3, "reranker": 3}
BUCKET_SECONDS: Final = (0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0, 30.0, 60.0, 120.0)


class Durations:
    """How many took how long: `counts` by BUCKET_SECONDS, each up to its bound, the last those beyond."""

    def __init__(self) -> None:
        self.counts = [0] * (len(BUCKET_SECONDS) + 1)
        self.sum_seconds = 0.0

    def add(self, seconds: float) -> None:
        """One more."""
        self.counts[bisect_left(BUCKET_SECONDS, seconds)] += 1
        self.sum_seconds += seconds


class EndpointCalls:
    """The breaker of an endpoint, and its calls so far."""

    def __init__(self, breaker: Breaker) -> None:
        self.breaker = breaker
        self.outcomes: dict[Outcome, int] = {}
        self.durations = Durations()
        self.first_pieces = Durations()
        self.prompt_tokens = 0
        self.completion_tokens = 0

    def report(self, call: CallReport) -> None:
        """One more call is over. What was not called took no time of the endpoint's."""
        self.outcomes[call.outcome] = self.outcomes.get(call.outcome, 0) + 1
        if call.outcome not in {"refused", "busy"}:
            self.durations.add(call.seconds)
        if call.first_piece_seconds is not None:
            self.first_pieces.add(call.first_piece_seconds)
        if call.usage is not None:
            self.prompt_tokens += call.usage.prompt_tokens
            self.completion_tokens += call.usage.completion_tokens


class Endpoints:
    """One of each kind in a process, made when an adapter first asks for it."""

    def __init__(self, *, probe_seconds: float) -> None:
        self._probe_seconds = probe_seconds
        self._calls: dict[EndpointKind, EndpointCalls] = {}

    def __getitem__(self, kind: EndpointKind) -> EndpointCalls:
        calls = self._calls.get(kind)
        if calls is None:
            breaker = Breaker(failures=_MOST_FAILURES[kind], probe_seconds=self._probe_seconds)
            calls = self._calls[kind] = EndpointCalls(breaker)
        return calls

    @property
    def used(self) -> Mapping[EndpointKind, EndpointCalls]:
        """Those that an adapter has asked for."""
        return MappingProxyType(self._calls)
