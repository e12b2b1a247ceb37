"""All checks, in the order in which one builds on the other."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from citewell_entrypoints.cli.checks.finding import Finding, State, fail, ok
from citewell_entrypoints.cli.checks.machine import check_data_directory, check_limits
from citewell_entrypoints.settings import Settings, SettingsError, load_settings

if TYPE_CHECKING:
    from citewell.model import EmbeddingSpace

__all__ = ["findings"]


def findings() -> Iterator[Finding]:
    """What the checks find; without usable settings, only what needs none."""
    try:
        settings = load_settings()
    except SettingsError as error:
        for line in str(error).splitlines():
            name, _, problem = line.partition(": ")
            yield fail("settings", f"{name}: {problem}", mend=f"correct or remove {name}, here or in .env")
        yield from check_limits()
        return
    yield ok("settings", _described(settings))
    yield from check_data_directory(settings)
    yield from check_limits()
    yield from _unbroken("parts", _check_parts(settings))


def _unbroken(name: str, checks: Iterator[Finding]) -> Iterator[Finding]:
    """The findings, and one more if the checks themselves break: what they found until then still helps."""
    try:
        yield from checks
    except Exception as error:  # noqa: BLE001 - told as a finding
        what = f"{type(error).__name__}: {error}"
        yield fail(name, f"could not be checked: {what}", mend="report this, with what stands above")


def _described(settings: Settings) -> str:
    answers = "no answers" if settings.llm_backend == "disabled" else f"answers by {settings.llm_model}"
    return f"embeddings: {settings.embeddings_backend}, {answers}"


def _check_parts(settings: Settings) -> Iterator[Finding]:
    from citewell_entrypoints.cli.checks.packages import check_packages

    packages = list(check_packages(settings))
    yield from packages
    if any(finding.state is State.FAIL for finding in packages):
        # The checks that follow import them.
        return
    from citewell_entrypoints.cli.checks.embedder import check_embedder
    from citewell_entrypoints.cli.checks.port import check_port

    finding, space = check_embedder(settings)
    yield finding
    yield from _check_engines(settings, space)
    yield from check_port(settings)


def _check_engines(settings: Settings, space: EmbeddingSpace | None) -> Iterator[Finding]:
    from citewell_entrypoints.cli.checks.database import check_database
    from citewell_entrypoints.cli.checks.queue import check_queue
    from citewell_entrypoints.cli.engines import running_engines

    running = running_engines(settings.data_dir)
    given = settings.database_url.get_secret_value() if settings.database_url else None
    if url := given or running.get("database_url"):
        yield from check_database(url, space=space)
    else:
        yield ok(
            "database", "the embedded PostgreSQL is not running, which is fine; `citewell serve` starts it"
        )
    given = settings.redis_url.get_secret_value() if settings.redis_url else None
    if url := given or running.get("redis_url"):
        yield from check_queue(url)
    else:
        yield ok("queue", "the embedded Valkey is not running, which is fine; `citewell serve` starts it")
