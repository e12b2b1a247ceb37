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
from dataclasses import asdict, dataclass

import uvloop

from bench._figures import percentile
from bench._openloop import Load

__all__ = ["Measured", "load"]


@dataclass(frozen=True, slots=True)
class Measured:
    """p50, p95, p99 and client_cpu (of one request) in milliseconds."""

    requests: int
    per_second: float
    p50: float
    p95: float
    p99: float
    client_cpu: float


def load(port: int, request: bytes, *, clients: int, seconds: float) -> Measured:
    """Run it. Raises SystemExit unless every reply was 200."""
    command = [sys.executable, "-m", "bench._client", str(port), str(clients), str(seconds)]
    ran = subprocess.run(command, input=request, stdout=subprocess.PIPE, check=False)
    if ran.returncode:
        raise SystemExit("the load generator found no good replies; see above")
    return Measured(**json.loads(ran.stdout))


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
    request = sys.stdin.buffer.read()
    found = uvloop.run(_measure(int(port), request, clients=int(clients), seconds=float(seconds)))
    print(json.dumps(asdict(found)))


if __name__ == "__main__":
    _main()
