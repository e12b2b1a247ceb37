"""`make bench`, with as little data as it takes."""

from __future__ import annotations

import tempfile
from pathlib import Path

from bench.performance import Plan, within_collection

PLAN = Plan(rounds=1, seconds=0.2, clients=(2,), chunks=640, pages=3)


def test_every_figure_is_measured_beside_its_ceiling() -> None:
    """Queries of each kind, ingestion and memory, on a service of its own."""
    starts: list[float] = []
    with tempfile.TemporaryDirectory(prefix="citewell-test-") as scratch:
        queries, figures = within_collection(PLAN, Path(scratch, "data"), starts, say=lambda _: None)
    assert len(queries) == 3
    for query in queries:
        assert query.per_second[0] > 0
        assert 0 < query.p50[0] <= query.p95[0] <= query.p99[0]
        assert query.cpu[0] > 0
        assert query.ceiling.values, query.ceiling.missing
    found = {figure.name: figure.values for figure in figures}
    assert all(min(values) > 0 for values in found.values())
    for kind in ("api", "worker", "postgres", "valkey"):
        assert any(name.startswith(f"memory of {kind} (") for name in found)
    assert len(starts) == 1
