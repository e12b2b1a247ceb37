"""The settings of a command: its options win over the environment."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from citewell_entrypoints.cli.failures import WrongSettings

if TYPE_CHECKING:
    from citewell_entrypoints.settings import Settings

__all__ = ["settings_for_engines", "settings_with"]


def settings_with(**options: str | int | Path | None) -> Settings:
    """The settings, with the options that were given; the data folder absolute. Raises SettingsError."""
    from citewell_entrypoints.settings import load_settings

    given = {name: value for name, value in options.items() if value is not None}
    settings = load_settings().model_copy(update=given)
    # No shell expands a `~` in a file .env.
    return settings.model_copy(update={"data_dir": settings.data_dir.expanduser().absolute()})


def settings_for_engines(settings: Settings, *, queue: bool = True) -> Settings:
    """The settings with URLs of the engines, those of a running `citewell serve` where none are set.

    queue: whether a queue is needed at all. Raises WrongSettings if there is nothing to connect to.
    """
    from pydantic import SecretStr

    from citewell_entrypoints.cli.engines import running_engines

    missing = []
    if settings.embedded_database:
        missing.append("database_url")
    if queue and settings.embedded_queue:
        missing.append("redis_url")
    if not missing:
        return settings
    running = running_engines(settings.data_dir)
    unmet = [name for name in missing if not running.get(name)]
    if unmet:
        names = " and ".join(f"APP_{name.upper()}" for name in unmet)
        raise WrongSettings(
            f"{names} not set, and no `citewell serve` runs on {settings.data_dir}: set {names}, "
            "or start `citewell serve`, which brings its own engines"
        )
    return settings.model_copy(update={name: SecretStr(running[name]) for name in missing})
