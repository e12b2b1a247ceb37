"""The load generator, in a process of its own: `python -m bench._client PORT CLIENTS SECONDS < REQUEST`.

Sends the same request again and again, each client its next one when it has the reply, and prints what it
found as JSON. It counts what it costs itself: where the machine's cores are few, it takes that from the
service.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace

import uvloop

from bench._figures import percentile
from bench._openloop import Load

__all__ = ["Measured", "load"]


@dataclass(frozen=True, slots=True)
class Measured:
    """p50, p95 and p99 in milliseconds, as cpu and client_cpu of one request."""

    requests: int
    per_second: float
    p50: float
    p95: float
    p99: float
    client_cpu: float
    cpu: float = 0.0


def load(
    port: int, request: bytes, *, clients: int, seconds: float, cpu_seconds: Callable[[], float] = float
) -> Measured:
    """Run it. cpu_seconds: what the service has used so far. Raises SystemExit unless all replies are 200."""
    command = [sys.executable, "-m", "bench._client", str(port), str(clients), str(seconds)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()  # it is there, and waits for the request
        before = cpu_seconds()
        printed, _ = process.communicate(request)
        used = cpu_seconds() - before
    if process.returncode:
        raise SystemExit("the load generator found no good replies; see above")
    found = Measured(**json.loads(printed))
    return replace(found, cpu=1_000 * used / found.requests)


async def _measure(port: int, request: bytes, *, clients: int, seconds: float) -> Measured:
    before = _cpu_seconds()
    sending = Load(port, request)
    began = time.perf_counter()
    replies = await sending.closed(clients=clients, seconds=seconds)
    taken = time.perf_counter() - began
    sending.close()
    wrong = Counter(reply.status for reply in replies if reply.status != 200)
    if wrong or not replies:
        raise SystemExit(f"of {len(replies)} replies not all were 200: {dict(wrong)}")
    times = [1000 * reply.seconds for reply in replies]
    return Measured(
        requests=len(replies),
        per_second=len(replies) / taken,
        p50=percentile(times, 0.50),
        p95=percentile(times, 0.95),
        p99=percentile(times, 0.99),
        client_cpu=1000 * (_cpu_seconds() - before) / len(replies),
    )


def _cpu_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def _main() -> None:
    port, clients, seconds = sys.argv[1:]
    print(flush=True)
    request = sys.stdin.buffer.read()
    found = uvloop.run(_measure(int(port), request, clients=int(clients), seconds=float(seconds)))
    print(json.dumps(asdict(found)))


if __name__ == "__main__":
    _main()
