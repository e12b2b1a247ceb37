"""The server that a command talks to."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from citewell_entrypoints.client import Api

__all__ = ["api_at", "url_option"]

F = TypeVar("F", bound=Callable[..., Any])


def url_option(function: F) -> F:
    """The option `--url`."""
    return click.option("--url", metavar="URL", help="Address of the server; else http://APP_HOST:APP_PORT.")(
        function
    )


def api_at(url: str | None) -> Api:
    """The server at this address, or where the settings say. Raises InvalidAddress, SettingsError."""
    from citewell_entrypoints.client import Address, Api

    if url:
        return Api(Address.parse(url))
    # Only now: reading the settings takes longer than most requests.
    from citewell_entrypoints.cli.configuration import settings_with

    settings = settings_with()
    return Api(Address.listening(settings.host, settings.port))
