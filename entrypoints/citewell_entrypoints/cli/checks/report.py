"""All checks, in the order in which one builds on the other."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from citewell_entrypoints.cli.checks.finding import Finding, State, fail, ok
from citewell_entrypoints.cli.checks.machine import check_data_directory, check_limits
from citewell_entrypoints.cli.checks.packages import check_packages
from citewell_entrypoints.cli.checks.port import check_port
from citewell_entrypoints.cli.configuration import settings_with
from citewell_entrypoints.settings import Settings, SettingsError

if TYPE_CHECKING:
    from citewell.model import EmbeddingSpace

__all__ = ["findings"]

_NOT_RUNNING: Final = "the embedded {} is not running, which is fine; `citewell serve` starts it"


def findings() -> Iterator[Finding]:
    """What the checks find; without usable settings, only what needs none."""
    try:
        settings = settings_with()
    except SettingsError as error:
        for line in str(error).splitlines():
            name, _, problem = line.partition(": ")
            yield fail("settings", f"{name}: {problem}", mend=f"correct or remove {name}, here or in .env")
        yield from check_limits()
        return
    yield ok("settings", _described(settings))
    yield from check_data_directory(settings)
    yield from check_limits()
    packages = list(check_packages(settings))
    yield from packages
    if all(finding.state is not State.FAIL for finding in packages):
        # The checks of these parts import the packages.
        yield from _check_parts(settings)
    yield from _whole("port", check_port(settings))


def _described(settings: Settings) -> str:
    answers = "no answers" if settings.llm_backend == "disabled" else f"answers by {settings.llm_model}"
    return f"embeddings: {settings.embeddings_backend}, {answers}"


def _check_parts(settings: Settings) -> Iterator[Finding]:
    from citewell_entrypoints.cli.engines import running_engines

    space: list[EmbeddingSpace] = []
    yield from _whole("embedder", _check_embedder(settings, found=space))
    running = running_engines(settings.data_dir)
    given = settings.database_url.get_secret_value() if settings.database_url else None
    if url := given or running.get("database_url"):
        yield from _whole("database", _check_database(url, space=space[0] if space else None))
    else:
        yield ok("database", _NOT_RUNNING.format("PostgreSQL"))
    given = settings.redis_url.get_secret_value() if settings.redis_url else None
    if url := given or running.get("redis_url"):
        yield from _whole("queue", _check_queue(url))
    else:
        yield ok("queue", _NOT_RUNNING.format("Valkey"))


def _check_embedder(settings: Settings, *, found: list[EmbeddingSpace]) -> Iterator[Finding]:
    from citewell_entrypoints.cli.checks.embedder import check_embedder

    finding, space = check_embedder(settings)
    if space is not None:
        found.append(space)
    yield finding


def _check_database(url: str, *, space: EmbeddingSpace | None) -> Iterator[Finding]:
    from citewell_entrypoints.cli.checks.database import check_database

    yield from check_database(url, space=space)


def _check_queue(url: str) -> Iterator[Finding]:
    from citewell_entrypoints.cli.checks.queue import check_queue

    yield from check_queue(url)


def _whole(name: str, checks: Iterator[Finding]) -> Iterator[Finding]:
    """The findings, and one more if a check itself breaks: the others still help."""
    try:
        yield from checks
    except Exception as error:  # noqa: BLE001 - told as a finding
        what = f"{type(error).__name__}: {error}"
        yield fail(name, f"could not be checked: {what}", mend="report this, with what stands here")
