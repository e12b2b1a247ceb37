"""The schema as numbered SQL files, and the runner that applies them. Needs psycopg alone."""

from citewell_migrations.errors import (
    ChangedMigration,
    ExtensionUnavailable,
    InvalidMigration,
    MigrationError,
    MigrationsBusy,
    MissingMigration,
    OutOfOrderMigration,
    UnsupportedServer,
)
from citewell_migrations.files import Migration, carried_migrations, read_migrations
from citewell_migrations.runner import State, apply, pending, schema_at_head, status
from citewell_migrations.server import OLDEST_PGVECTOR, OLDEST_POSTGRESQL, prepare_server

__all__ = [
    "OLDEST_PGVECTOR",
    "OLDEST_POSTGRESQL",
    "ChangedMigration",
    "ExtensionUnavailable",
    "InvalidMigration",
    "Migration",
    "MigrationError",
    "MigrationsBusy",
    "MissingMigration",
    "OutOfOrderMigration",
    "State",
    "UnsupportedServer",
    "apply",
    "carried_migrations",
    "pending",
    "prepare_server",
    "read_migrations",
    "schema_at_head",
    "status",
]
