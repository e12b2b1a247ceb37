"""What `/metrics` tells of the endpoints that questions wait for."""

from __future__ import annotations

from collections.abc import Iterable

from prometheus_client import CollectorRegistry
from prometheus_client.core import Metric

from citewell.model import TokenUsage
from citewell_adapters.openai import CallReport
from citewell_entrypoints.endpoints import Endpoints
from citewell_entrypoints.http.endpoint_metrics import EndpointCollector
from citewell_entrypoints.http.siblings import added_up, told


def registry(endpoints: Endpoints) -> CollectorRegistry:
    made = CollectorRegistry()
    made.register(EndpointCollector(endpoints))
    return made


def values(families: Iterable[Metric]) -> dict[str, float]:
    """Those that are not 0, by name and labels."""
    return {
        f"{sample.name} {' '.join(sample.labels.values())}".strip(): sample.value
        for family in families
        for sample in family.samples
        if sample.value
    }


def busy_process() -> Endpoints:
    endpoints = Endpoints(probe_seconds=60.0)
    llm = endpoints["llm"]
    llm.report(CallReport("ok", 8.0, 0.3, TokenUsage(100, 7)))
    llm.report(CallReport("ok", 0.5, 0.5, TokenUsage(10, 2)))
    llm.report(CallReport("unavailable", 300.0))
    llm.report(CallReport("refused", 0.0))
    llm.report(CallReport("busy", 20.0))
    return endpoints


def test_without_an_endpoint_there_is_nothing_to_tell() -> None:
    """No series of what is not there."""
    assert told(registry(Endpoints(probe_seconds=1.0))) == []


def test_calls_times_and_tokens_are_told() -> None:
    """What was not called took no time; each bucket holds those of the ones below it."""
    found = values(told(registry(busy_process())))
    durations = "citewell_endpoint_call_duration_seconds"
    assert found == {
        "citewell_endpoint_calls_total llm ok": 2,
        "citewell_endpoint_calls_total llm unavailable": 1,
        "citewell_endpoint_calls_total llm refused": 1,
        "citewell_endpoint_calls_total llm busy": 1,
        **{f"{durations}_bucket llm {bound}": 1 for bound in ("0.5", "1.0", "2.5", "5.0")},
        **{f"{durations}_bucket llm {bound}": 2 for bound in ("10.0", "20.0", "30.0", "60.0", "120.0")},
        f"{durations}_bucket llm +Inf": 3,
        f"{durations}_count llm": 3,
        f"{durations}_sum llm": 308.5,
        **{
            f"citewell_llm_first_token_seconds_bucket {bound}": 2
            for bound in ("0.5", "1.0", "2.5", "5.0", "10.0", "20.0", "30.0", "60.0", "120.0", "+Inf")
        },
        "citewell_llm_first_token_seconds_count": 2,
        "citewell_llm_first_token_seconds_sum": 0.8,
        "citewell_llm_tokens_total prompt": 110,
        "citewell_llm_tokens_total completion": 9,
    }


def test_of_several_processes_calls_are_added_up_and_the_worst_state_is_told() -> None:
    """One whose breaker is open is seen, however many others are well."""
    one, two = busy_process(), busy_process()
    breaker = one["llm"].breaker
    while (attempt := breaker.begin()) is not None:
        breaker.failed(attempt)
    assert one["embedder"].breaker.admits
    for order in ((one, two), (two, one)):
        found = values(added_up([told(registry(each)) for each in order]))
        assert found["citewell_endpoint_breaker_state llm"] == 2
        assert "citewell_endpoint_breaker_state embedder" not in found
        assert found["citewell_endpoint_calls_total llm ok"] == 4
        assert found["citewell_llm_first_token_seconds_bucket 0.5"] == 4
        assert found["citewell_llm_tokens_total prompt"] == 220
