"""The migrations that this release carries."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from importlib.resources import files
from importlib.resources.abc import Traversable
from itertools import pairwise
from typing import Final

from citewell_migrations.errors import InvalidMigration

__all__ = ["Migration", "carried_migrations", "read_migrations"]

_NAME: Final = re.compile(r"(\d{4})_([a-z0-9_]+)\.sql")
_NO_TRANSACTION: Final = "-- citewell: no-transaction"


@dataclass(frozen=True, slots=True)
class Migration:
    """One numbered file; `sql` has Unix line ends, whatever a checkout made of them."""

    number: int
    name: str
    sql: str

    @property
    def sha256(self) -> str:
        """The checksum that is recorded when the migration is applied (hex)."""
        return sha256(self.sql.encode()).hexdigest()

    @property
    def in_transaction(self) -> bool:
        """False if the first line is `-- citewell: no-transaction`.

        Such a file holds one statement, like CREATE INDEX CONCURRENTLY, that may be run again if it failed.
        """
        return self.sql.partition("\n")[0].strip() != _NO_TRANSACTION

    def __str__(self) -> str:
        return f"{self.number:04}_{self.name}"


def carried_migrations() -> Sequence[Migration]:
    """Those inside this package, by number."""
    return read_migrations(files("citewell_migrations") / "sql")


def read_migrations(folder: Traversable) -> Sequence[Migration]:
    """The `0001_name.sql` files of a folder, by number. Raises InvalidMigration for names it cannot order."""
    migrations = sorted(map(_read, _sql_files(folder)), key=lambda migration: migration.number)
    for migration, following in pairwise(migrations):
        if migration.number == following.number:
            raise InvalidMigration(f"migrations {migration} and {following} have the same number")
    return migrations


def _sql_files(folder: Traversable) -> list[Traversable]:
    return [file for file in folder.iterdir() if file.name.endswith(".sql")]


def _read(file: Traversable) -> Migration:
    match = _NAME.fullmatch(file.name)
    if match is None:
        raise InvalidMigration(f"{file.name}: a migration is named like 0001_what_it_does.sql")
    return Migration(int(match[1]), match[2], file.read_text(encoding="utf-8").replace("\r\n", "\n"))
