"""Addresses without the secrets that may stand in them."""

from __future__ import annotations

from urllib.parse import urlsplit

__all__ = ["redacted", "shown_url"]


def shown_url(url: str) -> str:
    """The scheme, host, port and path of a URL; neither the password nor what follows a `?`."""
    try:
        parts = urlsplit(url)
        user = f"{parts.username}@" if parts.username else ""
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        return "an address that cannot be read"
    if not parts.scheme:
        return "an address that is no URL"
    return f"{parts.scheme}://{user}{parts.hostname or ''}{port}{parts.path}"


def redacted(message: str, *, url: str) -> str:
    """The first line of a message about the URL; the URL and its password are left out of it."""
    line = (message.strip().splitlines() or [""])[0].replace(url, shown_url(url))
    try:
        password = urlsplit(url).password
    except ValueError:
        password = None
    if not password and "@" in url:
        # A URL that nobody can read may hold a password all the same.
        return "the URL cannot be read" if url.rpartition("@")[0].rpartition(":")[2] in line else line
    return line.replace(password, "***") if password else line
