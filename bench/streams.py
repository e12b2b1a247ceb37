"""What answers that are read as they come about do to plain questions on the same API process.

    python -m bench.streams [--streams 200] [--rate 20] [--tokens 300] [--rounds 3] [--seconds 10]
                            [--json FILE]

Starts `citewell serve` with one API process and the mock embedder, and a language model in a process of its
own that says `rate` tokens a second to each of its callers. A process of readers keeps `streams` answers of
`tokens` tokens open, one after the other. Beside them, one at a time, plain questions are asked, which are
answered by the sources alone and made anew (`answer: false`, `cache: false`), and now and then one whose
`sources` event is waited for. Three seconds of the same without streams come before, and after them.

The CPU of a token is what the API takes beside the streams, less what the plain questions take when it is
idle, over the tokens that the model said: what begins and ends an answer is in it.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import psutil
from tests.e2e.serving import serving

from bench._memory import child_of
from bench._openloop import Connection, http_request
from bench._stream_readers import StreamReader, stream_request
from bench.main_job import ingest

_IDLE_SECONDS = 3.0
#: Among so many plain questions is one that waits for its `sources`.
_PLAIN_PER_STREAM = 5
_QUESTION = "How far is the lamp seen?"


def main() -> None:
    """Print the figures, and write them to a file where one is named."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--streams", type=int, default=200)
    parser.add_argument("--rate", type=float, default=20)
    parser.add_argument("--tokens", type=int, default=300)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=10, help="of each round")
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="citewell-bench-") as scratch:
        figures = measure(
            Path(scratch),
            streams=arguments.streams,
            rate=arguments.rate,
            tokens=arguments.tokens,
            rounds=arguments.rounds,
            seconds=arguments.seconds,
        )
    for name, value in figures.items():
        print(f"{name:48} {value:10.2f}")
    if arguments.json:
        arguments.json.write_text(json.dumps(figures, indent=2) + "\n")


def measure(
    scratch: Path, *, streams: int, rate: float, tokens: int, rounds: int, seconds: float
) -> dict[str, float]:
    """The figures by name; names end with their unit."""
    text = scratch / "lamps.txt"
    text.write_text(
        "\n\n".join(f"The lamp number {number} is seen far over the sea." for number in range(800))
    )
    with (
        _helper("bench._chat_stub", str(rate)) as stub,
        serving(
            scratch,
            APP_LOG_LEVEL="warning",
            APP_LLM_BACKEND="openai",
            APP_LLM_MODEL="stub",
            APP_OPENAI_BASE_URL=f"http://127.0.0.1:{_line(stub)}/v1",
            APP_LLM_MAX_TOKENS=str(tokens),
            # The model keeps its rate, so this is not what is measured.
            APP_LLM_TIMEOUT_SECONDS=str(60 + 2 * tokens / rate),
        ) as service,
    ):
        with httpx.Client(base_url=service.url, timeout=60) as client:
            ingest(client, text)
        api = child_of(psutil.Process(service.process.pid), "api")
        port = int(service.url.rpartition(":")[2])
        return asyncio.run(
            _figures(port, api, stub, streams=streams, tokens=tokens, rounds=rounds, seconds=seconds)
        )


async def _figures(
    port: int,
    api: psutil.Process,
    model: subprocess.Popen[str],
    *,
    streams: int,
    tokens: int,
    rounds: int,
    seconds: float,
) -> dict[str, float]:
    await _asked(port, api, seconds=1.0)
    idle = await _asked(port, api, seconds=_IDLE_SECONDS)
    figures = {"memory before, MB": _memory(api)}
    beside = list[Asked]()
    with _helper("bench._stream_readers", str(port), str(streams), str(tokens)) as readers:
        await _until_open(readers, streams)
        said = _count(model)
        for number in range(1, rounds + 1):
            beside.append(await _asked(port, api, seconds=seconds))
            figures[f"memory in round {number}, MB"] = _memory(api)
        said = _count(model) - said
        counted = _count(readers)
        if counted["failures"] or counted["streams"] != streams:
            raise SystemExit(f"not all answers came to their end: {counted}")
    await asyncio.sleep(1.0)
    later = await _asked(port, api, seconds=_IDLE_SECONDS)
    figures["memory after, MB"] = _memory(api)
    alone, together = Asked.joined([idle, later]), Asked.joined(beside)
    plain_cpu = alone.cpu_seconds / alone.requests
    token_cpu = together.cpu_seconds - together.requests * plain_cpu
    return {
        "tokens/s in all": said / together.seconds,
        "CPU of the API, % of a core": 100 * together.cpu_seconds / together.seconds,
        "CPU of a token, ms": 1000 * token_cpu / said,
        "CPU of a plain question, ms": 1000 * plain_cpu,
        **_compared("plain question", alone.plain, together.plain),
        **_compared("until `sources`", alone.sources, together.sources),
        "until `sources` over a plain question, idle": _p50(alone.sources) / _p50(alone.plain),
        "until `sources` over a plain question, beside": _p50(together.sources) / _p50(together.plain),
        **figures,
    }


@dataclass
class Asked:
    """What plain questions and the first events of streams took, in seconds, and the API for all it did."""

    plain: list[float] = field(default_factory=list)
    sources: list[float] = field(default_factory=list)
    seconds: float = 0.0
    cpu_seconds: float = 0.0

    @property
    def requests(self) -> int:
        """How many there were."""
        return len(self.plain) + len(self.sources)

    @classmethod
    def joined(cls, parts: Sequence[Asked]) -> Asked:
        """All of them together."""
        return cls(
            [each for part in parts for each in part.plain],
            [each for part in parts for each in part.sources],
            sum(part.seconds for part in parts),
            sum(part.cpu_seconds for part in parts),
        )


async def _asked(port: int, api: psutil.Process, *, seconds: float) -> Asked:
    """One question at a time, for so long."""
    body = {"question": _QUESTION, "cache": False, "answer": False}
    plain, stream = http_request("POST", "/api/v1/query", body), stream_request(body)
    loop = asyncio.get_running_loop()
    _, connection = await loop.create_connection(Connection, "127.0.0.1", port)
    _, reader = await loop.create_connection(StreamReader, "127.0.0.1", port)
    asked, began, used = Asked(), time.perf_counter(), _cpu_seconds(api)
    for number in itertools.count(1):
        if (now := time.perf_counter()) >= began + seconds:
            break
        if number % (_PLAIN_PER_STREAM + 1):
            status = await connection.ask(plain)
            asked.plain.append(time.perf_counter() - now)
        else:
            status = 200 if await reader.ask(stream) else 0
            asked.sources.append(reader.sources_seconds or 0.0)
        if status != 200:
            raise SystemExit(f"a question got status {status}")
    asked.seconds, asked.cpu_seconds = time.perf_counter() - began, _cpu_seconds(api) - used
    connection.close()
    reader.close()
    return asked


def _compared(name: str, alone: Sequence[float], beside: Sequence[float]) -> dict[str, float]:
    return {
        f"{name}, idle, p50 ms": 1000 * _p50(alone),
        f"{name}, idle, p95 ms": 1000 * _p95(alone),
        f"{name}, beside, p50 ms": 1000 * _p50(beside),
        f"{name}, beside, p95 ms": 1000 * _p95(beside),
        f"{name}, p95 beside over idle": _p95(beside) / _p95(alone),
    }


def _p50(times: Sequence[float]) -> float:
    return statistics.median(times)


def _p95(times: Sequence[float]) -> float:
    return statistics.quantiles(times, n=20)[18]


def _cpu_seconds(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


def _memory(process: psutil.Process) -> float:
    full = process.memory_full_info()
    return float(getattr(full, "pss", full.rss)) / 1e6


async def _until_open(readers: subprocess.Popen[str], streams: int) -> None:
    deadline = time.monotonic() + 30 + streams / 10
    while time.monotonic() < deadline:
        counted = _count(readers)
        if counted["streams"] == streams and counted["tokens"] > streams:
            return
        await asyncio.sleep(0.25)
    raise SystemExit(f"the streams did not open: {_count(readers)}")


def _count(helper: subprocess.Popen[str]) -> Any:
    """What it has counted until now."""
    assert helper.stdin is not None
    helper.stdin.write("\n")
    helper.stdin.flush()
    return json.loads(_line(helper))


@contextmanager
def _helper(module: str, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """A process of a bench that ends when its input does."""
    command = [sys.executable, "-m", module, *arguments]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            assert process.stdin is not None
            process.stdin.close()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()


def _line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


if __name__ == "__main__":
    main()
