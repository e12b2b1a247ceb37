"""The address that the API will listen on."""

from __future__ import annotations

import contextlib
import errno
import socket
from dataclasses import dataclass
from typing import Final

from citewell_entrypoints.supervisor.errors import StartRefused

__all__ = ["Address"]

_WILDCARDS: Final = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}  # noqa: S104 - names, not binds


@dataclass(frozen=True, slots=True)
class Address:
    """A host to listen on, and a port."""

    host: str
    port: int

    @property
    def url(self) -> str:
        """Where a browser on this machine finds it."""
        host = self._local_host
        return f"http://[{host}]:{self.port}" if ":" in host else f"http://{host}:{self.port}"

    def check_free(self) -> None:
        """Raise StartRefused if nothing can listen there; nobody who does is disturbed."""
        try:
            families = socket.getaddrinfo(
                self.host or None, self.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
            )
            for family, kind, protocol, _, place in families:
                with socket.socket(family, kind, protocol) as probe:
                    # Connections that were closed a moment ago do not count.
                    probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                    probe.bind(place)
        except OSError as error:
            raise StartRefused(self._refusal(error)) from error

    def readiness(self, *, timeout_seconds: float) -> int | None:
        """The status with which `/readyz` answers, or None if there is no answer in time."""
        request = f"GET /readyz HTTP/1.1\r\nHost: {self._local_host}\r\nConnection: close\r\n\r\n"
        with (
            contextlib.suppress(OSError, ValueError, IndexError),
            socket.create_connection((self._local_host, self.port), timeout=timeout_seconds) as connection,
        ):
            connection.sendall(request.encode())
            return int(connection.makefile("rb").readline().split()[1])
        return None

    @property
    def _local_host(self) -> str:
        return _WILDCARDS.get(self.host, self.host)

    def _refusal(self, error: OSError) -> str:
        if error.errno == errno.EADDRINUSE:
            return (
                f"port {self.port} on {self.host} is in use by another program: "
                f"stop that, or choose another port with APP_PORT"
            )
        if error.errno == errno.EACCES:
            return f"port {self.port} is kept for the system: choose one above 1023 with APP_PORT"
        return f"cannot listen on {self.host} ({error.strerror}): give an address of this machine in APP_HOST"
