"""Where a model answers, and how it is reached."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from citewell.errors import InvalidInput
from citewell_adapters.openai.retries import RetryPolicy

if TYPE_CHECKING:
    from openai import AsyncOpenAI

__all__ = ["Endpoint", "open_client", "request_headers"]


@dataclass(frozen=True, slots=True)
class Endpoint:
    """An OpenAI-compatible endpoint. base_url: with the version, as in `https://api.openai.com/v1`.

    api_key: empty for an endpoint that asks for none; it shows in no message and no repr. timeout_seconds:
    of one request, from connecting to the end of the reply; a reply that is streamed has times of its own.
    """

    base_url: str = "https://api.openai.com/v1"
    api_key: str = field(default="", repr=False)
    timeout_seconds: float = 30.0
    connect_timeout_seconds: float = 5.0
    retry: RetryPolicy = field(default_factory=RetryPolicy)

    def __post_init__(self) -> None:
        try:
            address = urlsplit(self.base_url)
            reachable = address.scheme in {"http", "https"} and bool(address.hostname) and address.port != 0
        except ValueError:
            reachable = False
        if not reachable:
            raise InvalidInput(
                "the base URL of a model's endpoint begins with http:// or https:// and a host"
            )

    @property
    def host(self) -> str:
        """Host and port, for messages."""
        return urlsplit(self.base_url).netloc.rpartition("@")[2]


async def open_client(endpoint: Endpoint) -> AsyncOpenAI:
    """A client to be closed. Its import takes most of a second, so that happens in a thread.

    It watches over the time of connecting, callers over all others.
    """
    return await asyncio.to_thread(_client, endpoint)


def request_headers(endpoint: Endpoint) -> dict[str, Any]:
    """What each request carries besides the client's own headers: no key where there is none."""
    from openai import Omit

    return {} if endpoint.api_key else {"Authorization": Omit()}


def _client(endpoint: Endpoint) -> AsyncOpenAI:
    from openai import AsyncOpenAI, Omit, Timeout

    # What is left out here, the client would take from the environment, past the settings.
    headers: Any = {"OpenAI-Organization": Omit(), "OpenAI-Project": Omit()}
    return AsyncOpenAI(
        base_url=endpoint.base_url,
        api_key=endpoint.api_key or "none",
        admin_api_key="",
        webhook_secret="",
        default_headers=headers,
        timeout=Timeout(None, connect=endpoint.connect_timeout_seconds),
        max_retries=0,
    )
