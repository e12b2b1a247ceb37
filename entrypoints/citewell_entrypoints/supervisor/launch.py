"""Becomes another program that does not outlive the process that started it.

Run by path, as a program of its own: `python -I -S launch.py PARENT SIGNAL UID GID SEARCH PROGRAM ARGUMENT…`.
It asks the kernel to send SIGNAL when PARENT (more exactly: the thread that made this process) is gone,
gives up root for UID and GID if UID is not -1, and replaces itself by PROGRAM. With SEARCH 1 the program
keeps one right of root's: to pass through folders that are closed to others.

Doing this between fork and exec instead would run Python code in a copy of a possibly threaded process.
"""

from __future__ import annotations

import ctypes
import os
import sys

PR_SET_PDEATHSIG = 1
PR_SET_KEEPCAPS = 8
PR_CAP_AMBIENT = 47
PR_CAP_AMBIENT_RAISE = 2
CAPABILITY_VERSION_3 = 0x20080522
#: Linux capabilities that let a process pass through any folder, the lesser one first.
CAP_DAC_READ_SEARCH = 2
CAP_DAC_OVERRIDE = 1


def main(arguments: list[str]) -> None:
    """Arrange for the death of the parent, change the user, and become the program."""
    parent, signal_number, uid, gid, search = (int(argument) for argument in arguments[:5])
    program = arguments[5:]
    if uid != -1:
        _become(uid, gid, keep_search=bool(search))
    if sys.platform == "linux":
        # Changing the user clears this, so it comes last. If the parent died before it, nothing would tell.
        set_death_signal(signal_number)
    if os.getppid() != parent:
        sys.exit(0)
    try:
        os.execv(program[0], program)  # noqa: S606 - there is no shell in this on purpose
    except OSError as error:
        sys.exit(f"cannot run {program[0]}: {error.strerror}")


def set_death_signal(number: int) -> None:
    """Have the kernel send this signal to us when the thread that made this process is gone; 0 for none."""
    _prctl(PR_SET_PDEATHSIG, number)


def held_search_capability() -> int | None:
    """The least capability in hand that opens every folder for passing through, or None."""
    if sys.platform != "linux":
        return None
    with open("/proc/self/status", encoding="ascii") as status:  # noqa: PTH123 - pathlib would cost a start-up
        effective = next(int(line.split()[1], 16) for line in status if line.startswith("CapEff:"))
    for capability in (CAP_DAC_READ_SEARCH, CAP_DAC_OVERRIDE):
        if effective >> capability & 1:
            return capability
    return None


def _become(uid: int, gid: int, *, keep_search: bool) -> None:
    capability = held_search_capability() if keep_search else None
    if capability is not None:
        _prctl(PR_SET_KEEPCAPS, 1)
    os.setgroups([])
    os.setgid(gid)
    os.setuid(uid)
    if capability is not None:
        _hold_only(capability)


def _hold_only(capability: int) -> None:
    """Drop every capability but this one, and let the next program inherit it."""
    mask = 1 << capability
    header = (ctypes.c_uint32 * 2)(CAPABILITY_VERSION_3, 0)
    # Effective, permitted, inheritable: the lower 32 bits of each, then the upper ones.
    data = (ctypes.c_uint32 * 6)(mask, mask, mask, 0, 0, 0)
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.capset(header, data) != 0:
        raise OSError(ctypes.get_errno(), "capset failed")
    _prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, capability)


def _prctl(option: int, first: int, second: int = 0) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    arguments = [ctypes.c_ulong(value) for value in (first, second, 0, 0)]
    if libc.prctl(option, *arguments) != 0:
        raise OSError(ctypes.get_errno(), "prctl failed")


if __name__ == "__main__":
    main(sys.argv[1:])
