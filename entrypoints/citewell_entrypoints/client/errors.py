"""What can go wrong between a client and a Citewell.

ClientError
├── InvalidAddress        the address of the server cannot be right
├── NoServer              nothing listens at the address
├── ConnectionLost        the server was there, and went or fell silent
├── NotACitewell          something else answers at the address
├── Stopped               the caller asked for an end while something was sent
├── FileChanged           a file became shorter while it was sent
└── Refused               the server says no; `status` and `title` as it gave them
    └── Busy              not now: 429, 503, or a proxy that waits for the server
"""

from __future__ import annotations

__all__ = [
    "Busy",
    "ClientError",
    "ConnectionLost",
    "FileChanged",
    "InvalidAddress",
    "NoServer",
    "NotACitewell",
    "Refused",
    "Stopped",
]


class ClientError(Exception):
    """Something went wrong; the message is a sentence for people."""


class InvalidAddress(ClientError):
    """The address of the server cannot be right."""


class NoServer(ClientError):
    """Nothing listens at the address."""

    def __init__(self, address: object, *, reason: str = "") -> None:
        why = f" ({reason})" if reason else ""
        super().__init__(f"no Citewell at {address}{why}; start one with `citewell serve`")


class ConnectionLost(ClientError):
    """The server was there, and went or fell silent."""


class NotACitewell(ClientError):
    """Something else answers at the address."""


class Stopped(ClientError):
    """The caller asked for an end while something was sent."""


class FileChanged(ClientError):
    """A file became shorter while it was sent."""


class Refused(ClientError):
    """The server says no. status: of HTTP; title: the kind of problem, for people."""

    def __init__(self, detail: str, *, status: int, title: str) -> None:
        super().__init__(detail or title)
        self.status = status
        self.title = title


class Busy(Refused):
    """Not now: 429, 502, 503 or 504. retry_after_seconds: as the server gave it, None if it did not."""

    def __init__(self, detail: str, *, status: int, title: str, retry_after_seconds: float | None) -> None:
        super().__init__(detail, status=status, title=title)
        self.retry_after_seconds = retry_after_seconds
