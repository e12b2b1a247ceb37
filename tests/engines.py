"""The PostgreSQL and the Valkey that tests talk to: from packages, or from containers where asked for."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from citewell_entrypoints.supervisor.postgres import PostgresServer
from citewell_entrypoints.supervisor.valkey import ValkeyServer

__all__ = ["running_postgres", "running_valkey"]

_POSTGRES_IMAGE = "pgvector/pgvector:pg18"
_VALKEY_IMAGE = "valkey/valkey:9"


@contextmanager
def running_postgres() -> Iterator[str]:
    """A PostgreSQL with pgvector for as long as the context; gives the URL of a database of its superuser."""
    if _containers():
        from testcontainers.community.postgres import PostgresContainer

        container = PostgresContainer(_POSTGRES_IMAGE, driver=None)
        with container.with_command("postgres -c fsync=off -c full_page_writes=off"):
            yield container.get_connection_url()
        return
    with _temporary_folder() as folder:
        server = PostgresServer(folder, fast=True)
        server.start()
        try:
            yield server.url
        finally:
            server.stop()


@contextmanager
def running_valkey() -> Iterator[str]:
    """A Valkey for as long as the context; gives its URL as Redis clients take it."""
    if _containers():
        from testcontainers.community.valkey import ValkeyContainer

        with ValkeyContainer(_VALKEY_IMAGE) as container:
            yield f"redis://{container.get_host()}:{container.get_exposed_port()}/0"
        return
    with _temporary_folder() as folder:
        server = ValkeyServer(folder)
        server.start()
        try:
            yield server.url
        finally:
            server.stop()


def _containers() -> bool:
    wanted = os.environ.get("CITEWELL_TEST_ENGINES", "packages")
    if wanted not in {"packages", "containers"}:
        raise ValueError(f"CITEWELL_TEST_ENGINES is {wanted!r}: use 'packages' or 'containers'")
    return wanted == "containers"


@contextmanager
def _temporary_folder() -> Iterator[Path]:
    # Not pytest's tmp_path: its long paths would move the sockets elsewhere.
    with tempfile.TemporaryDirectory(prefix="citewell-test-") as name:
        yield Path(name)
