"""The processes below one supervisor, and the ways to strike them. Nothing outside its tree is touched."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import psutil
from tests.chaos.schedule import Target

__all__ = ["Processes"]


@dataclass(frozen=True, slots=True)
class Processes:
    """The process tree of the supervisor with the id `pid`."""

    pid: int

    def find(self, target: Target) -> Sequence[psutil.Process]:
        """Those that run now, each only once; for PARSER the descendants of all workers."""
        try:
            supervisor = psutil.Process(self.pid)
            if target is Target.SUPERVISOR:
                return [supervisor]
            parts = [(part, _command(part)) for part in supervisor.children()]
            workers = [part for part, command in parts if command[-1:] == ["worker"]]
            if target is Target.WORKER:
                return workers
            if target is Target.PARSER:
                return [child for worker in workers for child in worker.children(recursive=True)]
            if target is Target.API:
                return [part for part, command in parts if "api" in command]
            name = "valkey-server" if target is Target.VALKEY else "postgres"
            engines = [part for part, command in parts if command and command[0].endswith(f"/{name}")]
            if target is Target.BACKEND:
                return [child for engine in engines for child in engine.children() if _serves(child)]
            return engines
        except psutil.NoSuchProcess:
            return []

    def family(self, process: psutil.Process) -> Sequence[psutil.Process]:
        """The process and all below it: what a pause of it has to stop, too."""
        try:
            return [process, *process.children(recursive=True)]
        except psutil.NoSuchProcess:
            return []


def _command(process: psutil.Process) -> list[str]:
    """Empty if it has just ended."""
    try:
        command: list[str] = process.cmdline()
    except (psutil.NoSuchProcess, psutil.ZombieProcess):
        return []
    return command


def _serves(process: psutil.Process) -> bool:
    """Whether it is a backend of PostgreSQL that serves a client of Citewell's database."""
    return " ".join(_command(process)).startswith("postgres: postgres citewell ")
