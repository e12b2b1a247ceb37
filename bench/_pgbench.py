"""What PostgreSQL alone does with the statements of a request: the ceiling of a query's throughput.

The service is asked, PostgreSQL logs what it is sent for that, with the parameters, and pgbench sends the
same again, prepared, with the settings of the service's sessions. So it is the very SQL, whatever it is.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import psycopg
from psycopg.conninfo import conninfo_to_dict

from citewell_adapters.pgvector import PgDatabase
from citewell_entrypoints.supervisor.cluster import programs
from citewell_entrypoints.supervisor.errors import StartRefused

__all__ = ["Statement", "find_pgbench", "logged", "per_second", "session_settings", "statements_of"]

#: A backend begins each entry of its log with this while statements are looked at.
_MARK: Final = "=citewell-bench= "
_EXECUTED: Final = re.compile(r"LOG:  (?:execute [^:]+|statement): (.*)", re.DOTALL)
_PARAMETERS: Final = re.compile(r"DETAIL:  parameters: (.*)", re.DOTALL | re.IGNORECASE)
_PARAMETER: Final = re.compile(r"\$(\d+) = (NULL|'(?:[^']|'')*')")
_PLACEHOLDER: Final = re.compile(r"\$(\d+)")
_TPS: Final = re.compile(r"tps = ([\d.]+)")

#: Until all backends have heard of a setting.
_RELOAD_SECONDS: Final = 0.3
#: What occurs in so many requests belongs to them, and is no work in the background.
_REQUESTS: Final = 3


@dataclass(frozen=True, slots=True)
class Statement:
    """SQL with `$1`, `$2` …, and the parameters as text; None is NULL."""

    query: str
    parameters: Mapping[int, str | None]


def find_pgbench() -> Path | None:
    """The one that comes with the embedded PostgreSQL, else one on the path."""
    try:
        packaged = programs() / "pgbench"
    except StartRefused:
        packaged = Path()
    if packaged.is_file():
        return packaged
    found = shutil.which("pgbench")
    return Path(found) if found else None


def statements_of(url: str, log: Path, ask: Callable[[], object]) -> list[Statement]:
    """What the service sends for a request. url: as a superuser; log: the server's."""
    with psycopg.connect(url, autocommit=True) as connection, _logging(connection):
        seen = [_sent(log, ask) for _ in range(_REQUESTS)]
    common = set.intersection(*({statement.query for statement in sent} for sent in seen))
    return [statement for statement in seen[-1] if statement.query in common]


def _sent(log: Path, ask: Callable[[], object]) -> list[Statement]:
    start = log.stat().st_size
    ask()
    with log.open(encoding="utf-8", errors="replace") as file:
        file.seek(start)
        return logged(file.read())


@contextmanager
def _logging(connection: psycopg.Connection[tuple[object, ...]]) -> Iterator[None]:
    settings = {"log_statement": "all", "log_line_prefix": _MARK}
    for name, value in settings.items():
        connection.execute(f"ALTER SYSTEM SET {name} = '{value}'".encode())
    _reload(connection)
    try:
        yield
    finally:
        for name in settings:
            connection.execute(f"ALTER SYSTEM RESET {name}".encode())
        _reload(connection)


def _reload(connection: psycopg.Connection[tuple[object, ...]]) -> None:
    connection.execute("SELECT pg_reload_conf()")
    time.sleep(_RELOAD_SECONDS)


def logged(text: str) -> list[Statement]:
    """The statements in a part of a log. Lines of an entry but the first begin with a tab."""
    statements: list[Statement] = []
    query: str | None = None
    for entry in text.replace("\n\t", "\n").split(_MARK):
        if found := _EXECUTED.match(entry):
            if query is not None:
                statements.append(Statement(query, {}))
            query = found[1].strip()
        elif query is not None and (found := _PARAMETERS.match(entry)):
            statements.append(Statement(query, _parameters(found[1])))
            query = None
    if query is not None:
        statements.append(Statement(query, {}))
    return statements


def _parameters(text: str) -> dict[int, str | None]:
    return {
        int(number): None if value == "NULL" else value[1:-1].replace("''", "'")
        for number, value in _PARAMETER.findall(text)
    }


async def session_settings(url: str) -> dict[str, str]:
    """What a session of the service is set to, unlike others."""
    async with PgDatabase(url) as database, database.connection() as connection:
        await connection.execute(
            "SELECT '[1]'::halfvec(1)"
        )  # pgvector's settings are known once it is loaded
        cursor = await connection.execute("SELECT name, setting FROM pg_settings WHERE source = 'session'")
        return {name: setting async for name, setting in cursor}


def per_second(
    pgbench: Path,
    url: str,
    statements: Sequence[Statement],
    *,
    settings: Mapping[str, str],
    clients: int,
    seconds: float,
) -> float:
    """How often a second all of them are answered, by `clients` connections. Raises SystemExit."""
    script, variables = script_of(statements)
    server = conninfo_to_dict(url)
    options = " ".join(f"-c {name}={_escaped(value)}" for name, value in settings.items())
    with TemporaryDirectory(prefix="citewell-bench-") as folder:
        file = Path(folder, "request.sql")
        file.write_text(script)
        command = [str(pgbench), "--no-vacuum", "-M", "prepared", "-f", str(file), "-c", str(clients)]
        command += ["-T", str(max(round(seconds), 1)), "-h", str(server["host"]), "-U", str(server["user"])]
        command += [part for name, value in variables.items() for part in ("-D", f"{name}={value}")]
        command.append(str(server["dbname"]))
        environment = {**os.environ, "PGOPTIONS": options}
        ran = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    found = _TPS.search(ran.stdout)
    if ran.returncode or found is None:
        raise SystemExit(f"pgbench ended with exit code {ran.returncode}:\n{ran.stderr[-2_000:]}")
    return float(found[1])


def script_of(statements: Sequence[Statement]) -> tuple[str, dict[str, str]]:
    """pgbench's script, and its variables. One that has no value is NULL."""
    variables: dict[str, str] = {}
    lines: list[str] = []
    for number, statement in enumerate(statements):
        lines.append(_PLACEHOLDER.sub(rf":p{number}_\1", statement.query).rstrip(";") + ";\n")
        for place, value in statement.parameters.items():
            if value is not None:
                variables[f"p{number}_{place}"] = value
    return "".join(lines), variables


def _escaped(value: str) -> str:
    """As PGOPTIONS takes it."""
    return value.replace("\\", "\\\\").replace(" ", "\\ ")
