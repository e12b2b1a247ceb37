"""One request and its reply, on the standard library: importing an HTTP library costs a third of a second.

A connection serves one request. A server that refuses a body before it has come whole is heard at once.
"""

from __future__ import annotations

import http.client
import json
import select
import socket
import ssl
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from citewell_entrypoints.client.address import Address
from citewell_entrypoints.client.errors import ConnectionLost, NoServer, NotACitewell

__all__ = ["Reply", "exchange"]

_CONNECT_SECONDS: Final = 10.0


@dataclass(frozen=True, slots=True)
class Reply:
    """What a server answered. Names of headers are in lower case."""

    status: int
    headers: Mapping[str, str]
    text: str

    def json(self) -> Any:
        """The text as JSON. Raises NotACitewell if it is none."""
        try:
            return json.loads(self.text)
        except ValueError:
            raise NotACitewell(
                f"the server answered {self.status} with something other than JSON: is it a Citewell?"
            ) from None


def exchange(
    address: Address,
    method: str,
    target: str,
    *,
    headers: Mapping[str, str] | None = None,
    body: Iterable[bytes] = (),
    timeout_seconds: float = 60.0,
) -> Reply:
    """Send a request, its headers and body as given, and read the reply.

    `timeout_seconds` bounds each wait for the server, not the whole. Raises NoServer, ConnectionLost,
    NotACitewell, and what reading `body` raises.
    """
    connection = _connect(address)
    try:
        connection.sock.settimeout(timeout_seconds)
        try:
            connection.putrequest(method, address.prefix + target, skip_accept_encoding=True)
            connection.putheader("Connection", "close")
            for name, value in (headers or {}).items():
                connection.putheader(name, value)
            connection.endheaders()
        except OSError as error:
            raise _lost(address, error) from error
        _send(connection, body, address=address)
        return _read(connection, address=address)
    finally:
        connection.close()


def _connect(address: Address) -> http.client.HTTPConnection:
    kind = http.client.HTTPSConnection if address.secure else http.client.HTTPConnection
    connection = kind(address.host, address.port, timeout=_CONNECT_SECONDS)
    try:
        connection.connect()
    except ssl.SSLError as error:
        raise ConnectionLost(f"no secure connection to {address}: {error.reason or error}") from error
    except ConnectionRefusedError as error:
        raise NoServer(address) from error
    except (OSError, UnicodeError) as error:
        raise NoServer(address, reason=_words(error)) from error
    return connection


def _send(connection: http.client.HTTPConnection, body: Iterable[bytes], *, address: Address) -> None:
    """Send the body, or as much of it as the server wants to have."""
    for piece in body:
        try:
            if not _send_piece(connection, piece):
                return
        except (BrokenPipeError, ConnectionResetError):
            # It closed its side; what it had to say is still to be read.
            return
        except OSError as error:
            raise _lost(address, error) from error


def _send_piece(connection: http.client.HTTPConnection, piece: bytes) -> bool:
    """Send the piece; False if the server has answered already and wants no more."""
    sock: socket.socket = connection.sock
    if isinstance(sock, ssl.SSLSocket):
        # Its bytes may be the protocol's own, so they say nothing about a reply.
        sock.sendall(piece)
        return True
    rest = memoryview(piece)
    while rest:
        readable, writable, _ = select.select([sock], [sock], [], sock.gettimeout())
        if readable:
            return False
        if not writable:
            raise TimeoutError
        rest = rest[sock.send(rest) :]
    return True


def _read(connection: http.client.HTTPConnection, *, address: Address) -> Reply:
    try:
        response = connection.getresponse()
        content = response.read()
    except http.client.RemoteDisconnected as error:
        raise ConnectionLost(f"{address} closed the connection without an answer") from error
    except http.client.HTTPException as error:
        raise NotACitewell(f"{address} does not speak HTTP as expected: is it a Citewell?") from error
    except OSError as error:
        raise _lost(address, error) from error
    headers = {name.lower(): value for name, value in response.getheaders()}
    return Reply(response.status, headers, content.decode("utf-8", "replace"))


def _lost(address: Address, error: OSError) -> ConnectionLost:
    return ConnectionLost(f"the connection to {address} was lost: {_words(error)}")


def _words(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return "no answer in time"
    return getattr(error, "strerror", None) or str(error) or type(error).__name__
