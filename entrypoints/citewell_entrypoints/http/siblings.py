"""The metrics of several API processes as one: whichever is asked asks the others."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Final

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import Metric
from prometheus_client.parser import text_string_to_metric_families

__all__ = ["Siblings", "added_up", "told"]

#: One that is busy for longer is left out: Prometheus waits ten seconds.
_WAIT_SECONDS: Final = 2.0
#: What is not added up, by its name; all else is.
_TOGETHER: Final[Mapping[str, str]] = {
    "process_start_time_seconds": "min",
    "process_max_fds": "min",
    "citewell_recall_at_10": "mean",
    "citewell_endpoint_breaker_state": "max",
}

_log = logging.getLogger(__name__)


class Siblings:
    """The API processes that share a folder, each with a socket in it that gives its metrics."""

    def __init__(self, folder: Path, *, number: int) -> None:
        self._folder = folder
        self._own = folder / f"{number}.sock"

    @asynccontextmanager
    async def listening(self, registry: CollectorRegistry) -> AsyncIterator[None]:
        """Give the registry's metrics to whoever connects."""

        async def give(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            with suppress(OSError):
                writer.write(generate_latest(registry))
                await writer.drain()
            writer.close()

        # A process before us may have been killed.
        self._own.unlink(missing_ok=True)
        async with await asyncio.start_unix_server(give, path=str(self._own)):
            try:
                yield
            finally:
                self._own.unlink(missing_ok=True)

    async def families(self) -> list[list[Metric]]:
        """The metrics of each of the others that answers, as `told` has them."""
        others = [path for path in sorted(self._folder.glob("*.sock")) if path != self._own]
        texts = await asyncio.gather(*map(_read, others))
        return [_parsed(text) for text in texts if text]


def told(registry: CollectorRegistry) -> list[Metric]:
    """Its metrics as those of others come: told and read again, which knows fewer types."""
    return _parsed(generate_latest(registry).decode())


def _parsed(text: str) -> list[Metric]:
    return list(text_string_to_metric_families(text))


async def _read(path: Path) -> str:
    try:
        async with asyncio.timeout(_WAIT_SECONDS):
            reader, writer = await asyncio.open_unix_connection(str(path))
            try:
                return (await reader.read()).decode()
            finally:
                writer.close()
    except (OSError, TimeoutError) as error:
        _log.warning("the metrics of another API process are missing: %s", type(error).__name__)
        return ""


def added_up(processes: Iterable[Iterable[Metric]]) -> list[Metric]:
    """The metrics of several processes, as `told` has them, as if one had counted them."""
    families: dict[str, Metric] = {}
    values: dict[str, dict[tuple[str, tuple[tuple[str, str], ...]], list[float]]] = {}
    for process in processes:
        for family in process:
            families.setdefault(family.name, Metric(family.name, family.documentation, family.type))
            samples = values.setdefault(family.name, {})
            for sample in family.samples:
                key = (sample.name, tuple(sorted(sample.labels.items())))
                samples.setdefault(key, []).append(sample.value)
    for name, samples in values.items():
        for (sample_name, labels), found in samples.items():
            families[name].add_sample(sample_name, dict(labels), _together(name, found))
    return list(families.values())


def _together(name: str, values: list[float]) -> float:
    way = "min" if name.endswith("_info") else _TOGETHER.get(name, "sum")
    if way in ("min", "max"):
        return min(values) if way == "min" else max(values)
    return sum(values) / len(values) if way == "mean" else sum(values)
