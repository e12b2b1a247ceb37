"""What Prometheus may know of the endpoints that questions wait for."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import accumulate

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector
from prometheus_client.utils import floatToGoString

from citewell_entrypoints.endpoints import BUCKET_SECONDS, Durations, Endpoints

__all__ = ["EndpointCollector"]


class EndpointCollector(Collector):
    """Reads the figures when somebody looks."""

    def __init__(self, endpoints: Endpoints) -> None:
        self._endpoints = endpoints

    def collect(self) -> Iterable[Metric]:
        from citewell_adapters.openai import OUTCOMES

        if not self._endpoints.used:
            return
        states = GaugeMetricFamily(
            "citewell_endpoint_breaker_state",
            "Whether calls are let through: 0 all, 1 one that tries, 2 none; the highest of all processes",
            labels=("endpoint",),
        )
        calls = CounterMetricFamily(
            "citewell_endpoint_calls",
            "Calls of a model's endpoint; `refused` and `busy` ones were not made",
            labels=("endpoint", "outcome"),
        )
        durations = HistogramMetricFamily(
            "citewell_endpoint_call_duration_seconds",
            "From a call, all its tries together, to the end of its reply",
            labels=("endpoint",),
        )
        for kind, endpoint in self._endpoints.used.items():
            states.add_metric((kind,), endpoint.breaker.state)
            for outcome in OUTCOMES:
                calls.add_metric((kind, outcome), endpoint.outcomes.get(outcome, 0))
            durations.add_metric((kind,), _buckets(endpoint.durations), endpoint.durations.sum_seconds)
        yield from (states, calls, durations)
        yield from self._of_the_llm()

    def _of_the_llm(self) -> Iterable[Metric]:
        llm = self._endpoints.used.get("llm")
        if llm is None:
            return
        first = HistogramMetricFamily(
            "citewell_llm_first_token_seconds", "From a call of the language model to its first piece of text"
        )
        first.add_metric((), _buckets(llm.first_pieces), llm.first_pieces.sum_seconds)
        tokens = CounterMetricFamily(
            "citewell_llm_tokens", "Tokens that the language model's endpoint told of", labels=("kind",)
        )
        tokens.add_metric(("prompt",), llm.prompt_tokens)
        tokens.add_metric(("completion",), llm.completion_tokens)
        yield from (first, tokens)


def _buckets(durations: Durations) -> list[tuple[str, float]]:
    bounds = [*map(floatToGoString, BUCKET_SECONDS), "+Inf"]
    return list(zip(bounds, accumulate(durations.counts), strict=True))
