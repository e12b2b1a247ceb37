"""The address of a server."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlsplit

from citewell_entrypoints.client.errors import InvalidAddress

__all__ = ["Address"]

#: What a server listens on to be reached by any address, and where a client on the same machine finds it.
_ANY = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - recognised, not bound


@dataclass(frozen=True, slots=True)
class Address:
    """Where a Citewell answers. prefix: the path before `/api` and `/readyz`, without a slash at its end."""

    host: str
    port: int
    secure: bool = False
    prefix: str = ""

    @classmethod
    def parse(cls, url: str) -> Address:
        """From `http://host:port/prefix`; http where there is no scheme. Raises InvalidAddress."""
        parts = urlsplit(url if "://" in url else f"http://{url}")
        try:
            host, port = parts.hostname, parts.port
        except ValueError:
            host, port = None, None
        if parts.scheme not in ("http", "https") or not host or parts.username or parts.query:
            raise InvalidAddress(
                f"{_without_user(url)} is no address of a server: give one like http://127.0.0.1:8000"
            )
        secure = parts.scheme == "https"
        return cls(host, port or (443 if secure else 80), secure=secure, prefix=parts.path.rstrip("/"))

    @classmethod
    def listening(cls, host: str, port: int) -> Address:
        """Where a client on the same machine finds the server that listens on this host and port."""
        return cls(_ANY.get(host, host), port)

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http{'s' if self.secure else ''}://{host}:{self.port}{self.prefix}"


def _without_user(url: str) -> str:
    scheme, mark, rest = url.rpartition("://")
    return f"{scheme}{mark}{rest.rpartition('@')[2]}"
