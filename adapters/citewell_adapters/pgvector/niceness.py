"""The server's processes that work for a nice process are as nice, where they are on the same machine."""

from __future__ import annotations

import asyncio
import os
import socket
import struct
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import psycopg

from citewell.niceness import make_session_nice

__all__ = ["share_niceness"]

#: Of who listens at the other end of a Unix socket: process, user, group.
_PEER: Final = struct.Struct("3i")


async def share_niceness(connection: psycopg.AsyncConnection[Any]) -> None:
    """Lower the priority of the server's process behind the connection to ours, if ours is lower than usual.

    Nothing happens where the server is elsewhere, or where the system does not allow it.
    """
    niceness = os.getpriority(os.PRIO_PROCESS, 0) if sys.platform == "linux" else 0
    if niceness <= 0:
        return
    with suppress(OSError):
        process, listener = connection.info.backend_pid, _listener(connection)
        if not listener or _parent(process) != listener:
            return
        if os.getpriority(os.PRIO_PROCESS, process) >= niceness:
            return
        os.setpriority(os.PRIO_PROCESS, process, niceness)
        # Each process of the server is a session of its own.
        if os.getsid(process) == process:
            await asyncio.to_thread(make_session_nice, niceness, process=process)


def _listener(connection: psycopg.AsyncConnection[Any]) -> int:
    """The process that the connection was made to, as this machine counts; 0 if it is on another."""
    with socket.socket(fileno=os.dup(connection.fileno())) as end:
        if end.family != socket.AF_UNIX:
            return 0
        process, *_ = _PEER.unpack(end.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _PEER.size))
        return int(process)


def _parent(process: int) -> int:
    """Raises OSError if there is no such process. A server in a container counts its processes anew."""
    # Behind the name, which may hold anything: the state and the parent.
    return int(Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[1])
