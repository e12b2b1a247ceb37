"""Addresses without the secrets that may stand in them."""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import unquote, urlsplit

__all__ = ["redacted", "shown_url"]

#: What follows the name in `scheme://name:password@host`, and in `password=…`; also where the rest is amiss.
_SECRETS: Final = (re.compile(r":/*[^:/@]*:(.+)@"), re.compile(r"password\s*=\s*([^\s&]+)", re.IGNORECASE))


def shown_url(url: str) -> str:
    """The scheme, user, host, port and path of a URL; neither the password nor what follows a `?`."""
    try:
        parts = urlsplit(url)
        user = f"{parts.username}@" if parts.username else ""
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        return "an address that cannot be read"
    if "://" not in url:
        return "an address that is no URL"
    if "@" in url and not user and "://:" not in url:
        # A password with a `/`, `?` or `#` in it: what looks like a port or a path is a part of it.
        return "an address that cannot be read"
    return f"{parts.scheme}://{user}{parts.hostname or ''}{port}{parts.path}"


def redacted(message: str, *, url: str) -> str:
    """The first line of a driver's message about the URL, without the URL and the password in it."""
    line = (message.strip().splitlines() or [""])[0].replace(url, shown_url(url))
    found = [secret for pattern in _SECRETS for secret in pattern.findall(url)]
    for secret in sorted({*found, *map(unquote, found)}, key=len, reverse=True):
        line = line.replace(secret, "***")
    return line
