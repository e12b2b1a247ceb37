"""Why migrations were not applied.

MigrationError
├── ChangedMigration         an applied file reads otherwise now
├── MissingMigration         the database has a migration that this release does not know
├── OutOfOrderMigration      a file has a number below one that is applied already
├── InvalidMigration         the files themselves are wrong
├── UnsupportedServer        PostgreSQL is too old, or its database cannot hold every text
├── ExtensionUnavailable     pgvector is missing, too old, or not ours to create
└── MigrationsBusy           another process has been applying migrations for too long
"""

from __future__ import annotations

__all__ = [
    "ChangedMigration",
    "ExtensionUnavailable",
    "InvalidMigration",
    "MigrationError",
    "MigrationsBusy",
    "MissingMigration",
    "OutOfOrderMigration",
    "UnsupportedServer",
]


class MigrationError(Exception):
    """The schema could not be brought up to date; the message says what to do."""


class ChangedMigration(MigrationError):
    """A file is not what was applied under its number."""


class MissingMigration(MigrationError):
    """The database has a migration that there is no file for."""


class OutOfOrderMigration(MigrationError):
    """A file that was not applied has a number below one that was."""


class InvalidMigration(MigrationError):
    """A file has no usable name, or shares its number, or holds what it must not."""


class UnsupportedServer(MigrationError):
    """The server or the database does not fit."""


class ExtensionUnavailable(MigrationError):
    """The extension `vector` cannot be used."""


class MigrationsBusy(MigrationError):
    """Another process holds the lock."""
