"""The metrics of several API processes as one."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Info

from citewell_entrypoints.http.siblings import Siblings, added_up, told


def registry(count: int, *, recall: float, started: float) -> CollectorRegistry:
    made = CollectorRegistry()
    requests = Counter("requests", "Requests", ("route",), registry=made)
    requests.labels("/a").inc(count)
    if count > 2:
        requests.labels("/b").inc()
    Gauge("in_progress", "Now", registry=made).set(count)
    Histogram("seconds", "Seconds", buckets=(1, 2), registry=made).observe(count)
    Gauge("citewell_recall_at_10", "Recall", ("collection",), registry=made).labels("c").set(recall)
    states = Gauge("citewell_endpoint_breaker_state", "State", ("endpoint",), registry=made)
    states.labels("llm").set(count - 1)
    Gauge("process_start_time_seconds", "Start", registry=made).set(started)
    Info("build", "What", registry=made).info({"version": "1"})
    return made


def values(registries: Sequence[CollectorRegistry]) -> dict[str, float]:
    return {
        f"{sample.name} {' '.join(sample.labels.values())}".strip(): sample.value
        for family in added_up([told(each) for each in registries])
        for sample in family.samples
        if not sample.name.endswith("_created")
    }


def test_counts_are_added_up_and_what_is_no_count_is_not() -> None:
    """Each series once, whichever of the processes has it."""
    found = values([registry(2, recall=0.9, started=7.0), registry(3, recall=1.0, started=5.0)])
    assert found == {
        "requests_total /a": 5,
        "requests_total /b": 1,
        "in_progress": 5,
        "seconds_bucket 1.0": 0,
        "seconds_bucket 2.0": 1,
        "seconds_bucket +Inf": 2,
        "seconds_count": 2,
        "seconds_sum": 5,
        "citewell_recall_at_10 c": pytest.approx(0.95),
        "citewell_endpoint_breaker_state llm": 2,
        "process_start_time_seconds": 5,
        "build_info 1": 1,
    }


async def test_each_is_asked_by_the_others(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """What it tells is what it would show; one that was killed is left out, and its place can be taken."""
    one, two = Siblings(tmp_path, number=0), Siblings(tmp_path, number=1)
    first, second = registry(2, recall=0.9, started=7.0), registry(3, recall=1.0, started=5.0)
    assert await one.families() == []
    async with one.listening(first), two.listening(second):
        [others] = await one.families()
        assert others == told(second)
    assert await one.families() == []
    (tmp_path / "1.sock").touch()
    with caplog.at_level(logging.WARNING):
        assert await one.families() == []
    assert "missing" in caplog.text
    async with two.listening(second):
        assert len(await one.families()) == 1
