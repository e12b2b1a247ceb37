"""Takes system calls away from this process that no reader of files needs (Linux, by seccomp)."""

from __future__ import annotations

import ctypes
import errno
import platform
import struct
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

__all__ = ["deny_network_and_programs"]


@dataclass(frozen=True, slots=True)
class _Machine:
    """How the kernel names an architecture, and the numbers of the calls that are denied on it."""

    audit: int
    calls: Sequence[int]


# In order: socket, execve, execveat, ptrace, process_vm_readv, process_vm_writev, io_uring_setup; fork and
# vfork where there are such calls.
_MACHINES: Final[Mapping[str, _Machine]] = {
    "x86_64": _Machine(0xC000003E, (41, 59, 322, 101, 310, 311, 425, 57, 58)),
    "aarch64": _Machine(0xC00000B7, (198, 221, 281, 117, 270, 271, 425)),
}
_PR_SET_NO_NEW_PRIVS: Final = 38
_PR_SET_SECCOMP: Final = 22
_MODE_FILTER: Final = 2
# Instructions of the kernel's packet filter: code, jumps if true and if false, operand.
_INSTRUCTION: Final = struct.Struct("HBBI")
_LOAD: Final = 0x20
_EQUAL: Final = 0x15
_AT_LEAST: Final = 0x35
_RETURN: Final = 0x06
_ALLOW: Final = 0x7FFF0000
_DENY: Final = 0x00050000 | errno.EPERM
_NUMBER_OFFSET: Final = 0
_ARCHITECTURE_OFFSET: Final = 4
# Numbers from here on belong to another set of calls on the same machine.
_OTHER_CALLS: Final = 0x40000000


def deny_network_and_programs() -> bool:
    """From now on sockets and programs are refused with EPERM, for good; False where that cannot be had."""
    machine = _MACHINES.get(platform.machine())
    if sys.platform != "linux" or machine is None:
        return False
    code = _program(machine)
    program = ctypes.create_string_buffer(code, len(code))
    # struct sock_fprog: a count, then a pointer.
    packed = struct.pack("HP", len(code) // _INSTRUCTION.size, ctypes.addressof(program))
    filter_ = ctypes.create_string_buffer(packed, len(packed))
    prctl = ctypes.CDLL(None).prctl
    prctl.argtypes = (ctypes.c_int, *(ctypes.c_ulong,) * 4)
    prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    return bool(prctl(_PR_SET_SECCOMP, _MODE_FILTER, ctypes.addressof(filter_), 0, 0) == 0)


def _program(machine: _Machine) -> bytes:
    """Denies calls of another architecture and the listed ones of this; allows the rest."""
    denied = len(machine.calls)
    code = [
        (_LOAD, 0, 0, _ARCHITECTURE_OFFSET),
        (_EQUAL, 0, denied + 3, machine.audit),
        (_LOAD, 0, 0, _NUMBER_OFFSET),
        (_AT_LEAST, denied + 1, 0, _OTHER_CALLS),
        *((_EQUAL, denied - place, 0, call) for place, call in enumerate(machine.calls)),
        (_RETURN, 0, 0, _ALLOW),
        (_RETURN, 0, 0, _DENY),
    ]
    return b"".join(_INSTRUCTION.pack(*instruction) for instruction in code)
