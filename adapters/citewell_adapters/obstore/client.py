"""How patient obstore is with a bucket."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from obstore.store import ClientConfig, RetryConfig

__all__ = ["client_options", "retry_config"]

_LONGEST_TRANSFER: Final = timedelta(hours=6)


def client_options(timeout_seconds: float) -> ClientConfig:
    """Silence ends a request after so long; a transfer that goes on may take hours.

    obstore drops what the environment says of the client once it gets options: the scheme of the endpoint
    alone decides whether TLS is used.
    """
    silence = timedelta(seconds=timeout_seconds)
    return {
        "allow_http": True,
        "connect_timeout": silence / 3,
        "read_timeout": silence,
        "timeout": _LONGEST_TRANSFER,
    }


def retry_config(timeout_seconds: float) -> RetryConfig:
    """Refused requests and broken connections are tried again for a third of the timeout."""
    patience = timedelta(seconds=timeout_seconds) / 3
    return {
        "max_retries": 20,
        "retry_timeout": patience,
        "backoff": {"init_backoff": patience / 50, "max_backoff": patience / 4, "base": 2},
    }
