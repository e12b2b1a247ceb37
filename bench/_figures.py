"""What the measurements write down, and how it is summed up."""

from __future__ import annotations

import math
import os
import platform
import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

import msgspec
import psutil

from citewell_adapters.local.cores import usable_cores

__all__ = [
    "BenchResult",
    "Ceiling",
    "EfPoint",
    "Figure",
    "Machine",
    "QueryFigure",
    "Result",
    "ScaleResult",
    "ScaleStep",
    "command_of",
    "now",
    "percentile",
    "read_result",
    "share_of_ceiling",
    "this_machine",
    "write_result",
]


@dataclass(frozen=True, slots=True)
class Ceiling:
    """What the figure cannot exceed. values: one a round, in the unit of the figure; empty: see `missing`."""

    what: str
    values: list[float] = field(default_factory=list)
    missing: str = ""


@dataclass(frozen=True, slots=True)
class QueryFigure:
    """One kind of question, asked by so many clients at once; one value a round.

    p50, p95, p99 in milliseconds. cpu: milliseconds of the processor that a question costs the service with
    all its processes; client_cpu: the load generator.
    """

    name: str
    clients: int
    per_second: list[float]
    p50: list[float]
    p95: list[float]
    p99: list[float]
    cpu: list[float]
    client_cpu: list[float]
    ceiling: Ceiling


@dataclass(frozen=True, slots=True)
class Figure:
    """Any other figure; one value a round."""

    name: str
    unit: str
    values: list[float]
    ceiling: Ceiling | None = None


@dataclass(frozen=True, slots=True)
class Machine:
    """What it was measured on. memory: in GB (10⁹). load: the mean of the last minute, at the beginning."""

    system: str
    processor: str
    cores: int
    memory: float
    python: str
    load: float


@dataclass(frozen=True, slots=True)
class BenchResult:
    """What `make bench` finds."""

    at: str
    machine: Machine
    command: str
    rounds: int
    seconds: float
    queries: list[QueryFigure]
    figures: list[Figure]
    kind: Literal["bench"] = "bench"


@dataclass(frozen=True, slots=True)
class EfPoint:
    """What a search takes, in milliseconds, and finds, where HNSW keeps so many of the nearest in view."""

    ef: int
    p50: float
    p95: float
    recall: float


@dataclass(frozen=True, slots=True)
class ScaleStep:
    """A collection of so many chunks. Sizes in MB (10⁶), p50 and p95 in milliseconds.

    loaded: chunks a second that came in without the index. build: seconds that the index over all of them
    took. inserts: chunks a second that were staged, published and moved into the index of this size. p50,
    p95, recall: as the service is set; curve: by ef.
    """

    chunks: int
    loaded: float
    build: float
    table: float
    index: float
    inserts: float
    p50: float
    p95: float
    recall: float
    curve: list[EfPoint] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class ScaleResult:
    """What `make bench-scale` finds."""

    at: str
    machine: Machine
    command: str
    dimensions: int
    questions: int
    steps: list[ScaleStep]
    kind: Literal["scale"] = "scale"


Result = BenchResult | ScaleResult


def percentile(values: Sequence[float], share: float) -> float:
    """The least value that `share` of them do not exceed (nearest rank). Raises ValueError for none."""
    if not values:
        raise ValueError("there is no percentile of nothing")
    return sorted(values)[max(math.ceil(share * len(values)), 1) - 1]


def share_of_ceiling(values: Sequence[float], ceiling: Ceiling | None) -> float | None:
    """The median over the rounds of value over ceiling, each pair measured one after the other."""
    if ceiling is None or not ceiling.values:
        return None
    if len(ceiling.values) != len(values):
        return statistics.median(values) / statistics.median(ceiling.values)
    return statistics.median(value / top for value, top in zip(values, ceiling.values, strict=True))


def this_machine() -> Machine:
    """The machine that this runs on."""
    return Machine(
        system=f"{platform.system()} {platform.release()}",
        processor=_processor(),
        cores=usable_cores(),
        memory=round(psutil.virtual_memory().total / 1e9, 1),
        python=platform.python_version(),
        load=round(os.getloadavg()[0], 2),
    )


def command_of(module: str, arguments: Sequence[str]) -> str:
    """What was typed, without where the figures went."""
    kept = [*arguments]
    if "--json" in kept:
        place = kept.index("--json")
        del kept[place : place + 2]
    return " ".join(["python -m", module, *kept])


def now() -> str:
    """The day, as ISO 8601 writes it."""
    return datetime.now(UTC).date().isoformat()


def write_result(result: Result, path: Path) -> None:
    """As JSON; folders are made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(msgspec.json.format(msgspec.json.encode(result), indent=2) + b"\n")


def read_result(path: Path) -> Result:
    """Raises msgspec.DecodeError for a file that is none of ours."""
    content = path.read_bytes()
    kinds: dict[str, type[Result]] = {"bench": BenchResult, "scale": ScaleResult}
    kind = msgspec.json.decode(content, type=_Kind).kind
    return msgspec.json.decode(content, type=kinds[kind])


class _Kind(msgspec.Struct):
    kind: Literal["bench", "scale"]


def _processor() -> str:
    """Its name where the system tells it."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    named = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(named, platform.processor() or platform.machine())
