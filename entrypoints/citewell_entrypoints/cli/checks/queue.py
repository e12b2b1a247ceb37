"""The queue: Redis or Valkey."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

from citewell_entrypoints.cli.checks.finding import Finding, fail, ok
from citewell_entrypoints.cli.redaction import redacted, shown_url

__all__ = ["check_queue"]

_TIMEOUT_SECONDS: Final = 3.0
#: Of Redis, or of what a Valkey says it is compatible with.
_LEAST_VERSION: Final = 7
_MEND: Final = "check APP_REDIS_URL, and that the server runs and can be reached from here"


def check_queue(url: str) -> Iterator[Finding]:
    """Whether it answers, and is new enough."""
    import redis

    try:
        with redis.Redis.from_url(
            url, socket_connect_timeout=_TIMEOUT_SECONDS, socket_timeout=_TIMEOUT_SECONDS
        ) as client:
            client.ping()
            info: dict[str, Any] = client.info("server")
    except (redis.RedisError, OSError, ValueError) as error:
        detail = redacted(str(error), url=url)
        yield fail("queue", f"{shown_url(url)} does not answer: {detail}", mend=_MEND)
        return
    name = info.get("server_name", "redis")
    version = str(info.get(f"{name}_version", info.get("redis_version", "?")))
    compatible = re.match(r"\d+", str(info.get("redis_version", "")))
    if compatible and int(compatible[0]) < _LEAST_VERSION:
        yield fail("queue", f"{name} {version} is too old", mend="use Redis 7 or newer, or Valkey")
    else:
        yield ok("queue", f"{name} {version} answers at {shown_url(url)}")
