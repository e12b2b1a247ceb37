"""What `citewell serve` is to run."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

__all__ = ["Plan"]

# Without -P a file in the working directory could stand in for a module.
_CLI: Final = (sys.executable, "-P", "-m", "citewell_entrypoints.cli")


@dataclass(frozen=True, slots=True)
class Plan:
    """The parts and where they live; `database_url` and `redis_url` are None for embedded engines.

    `environment` is added to ours for the children. `migrate` has to end with exit code 0 before `api` and
    `worker` are started; these run until they get SIGTERM.
    """

    data_directory: Path
    host: str
    port: int
    workers: int = 1
    environment: Mapping[str, str] = field(default_factory=dict)
    database_url: str | None = None
    redis_url: str | None = None
    migrate: tuple[str, ...] = (*_CLI, "migrate")
    api: tuple[str, ...] = (*_CLI, "api")
    worker: tuple[str, ...] = (*_CLI, "worker")
