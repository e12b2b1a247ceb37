"""The engines of a `citewell serve` that runs on a data directory."""

from __future__ import annotations

import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Final
from urllib.parse import parse_qs, unquote, urlsplit

__all__ = ["running_engines"]

_ANSWER_SECONDS: Final = 2.0


def running_engines(data_directory: Path) -> Mapping[str, str]:
    """The URLs of those that take connections now, under `database_url` and `redis_url`."""
    from citewell_entrypoints.supervisor.errors import SupervisorError
    from citewell_entrypoints.supervisor.postgres import PostgresServer
    from citewell_entrypoints.supervisor.valkey import ValkeyServer

    if not data_directory.is_dir():
        return {}
    try:
        database, queue = PostgresServer(data_directory).url, ValkeyServer(data_directory).url
    except (SupervisorError, OSError):
        # Someone else's folder, or one that cannot be used: nothing of ours runs there.
        return {}
    found = {}
    if _listens(Path(parse_qs(urlsplit(database).query)["host"][0]) / ".s.PGSQL.5432"):
        found["database_url"] = database
    if _listens(Path(unquote(urlsplit(queue).path))):
        found["redis_url"] = queue
    return found


def _listens(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(_ANSWER_SECONDS)
        try:
            probe.connect(str(path))
        except OSError:
            return False
    return True
